// @ts-check
/** Away and back on standby: the centre may refuse, so it needs a network. */
import { explain, newKey, request } from './api.js';
import { shortTime, t } from './page.js';
import { ask, notice } from './shell.js';

/** @param {string} what `away` or `standby` @param {any} body @param {() => Promise<void>} done the centre has said yes */
export async function presence(what, body, done) {
  try {
    await request('POST', `/api/crew/${what}`, body, { key: newKey() });
    await done();
  } catch (error) {
    const { possible_from: from, why } = /** @type {any} */ (error).facts ?? {};
    if (what === 'away' && !body.ask && ['max_away', 'min_cover'].includes(why)) {
      const said = await ask({ title: t('Ask the centre?'), text: `${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, confirm: t('Ask the centre') });
      if (said) await presence('away', { ...body, ask: true }, done);
      return;
    }
    notice(`${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, 'bad');
  }
}

/** For how long and why is asked first. @param {() => Promise<void>} done */
export async function goAway(done) {
  const said = await ask({ title: t('Away for a while'), text: t('The crew gets no new orders until it is back.'), confirm: t('Away'), fields: [{ name: 'minutes', label: t('For how many minutes'), kind: 'number', value: '30' }, { name: 'reason', label: t('Reason'), value: t('Meal') }] });
  if (said) await presence('away', { minutes: Number(said.minutes), reason: said.reason }, done);
}
