// @ts-check
/** Why an order is with its crew: what was known when it was dispatched, in one line of the order's panel. */
import { get } from './api.js';
import { because } from './candidates.js';
import { duration } from './countdown.js';
import { h, say } from './dom.js';
import { who } from './order_words.js';
import { t } from './page.js';

/** One line (pure). @param {{by: any, explanation?: any}} decision @returns {string} */
export function whyCrew({ by, explanation = {} }) {
  const { chosen, source } = explanation;
  if (!chosen) return t('chosen by {who}', { who: who(by) });
  return [t('by the automatic'), t('arrival in {time}', { time: duration(chosen.eta_seconds) }), t('{n} % in time', { n: Math.round(100 * chosen.chance_to_keep) }), because(chosen), source === 'straight_line' ? t('no road data') : ''].filter(Boolean).join(' · ');
}

/** @param {any} order @returns {HTMLElement} filled when the centre has answered */
export function whyCrewLine(order) {
  const line = h('span', {}, '–');
  get(`/api/orders/${encodeURIComponent(order.id)}`).then(({ decisions }) => {
    const found = decisions.find((/** @type {any} */ one) => one.generation === order.generation && one.crew_id === order.crew_id);
    if (found) say(line, whyCrew(found));
  }, () => null);
  return line;
}
