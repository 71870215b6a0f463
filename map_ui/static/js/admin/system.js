// @ts-check
/** How the parts are, and what the installation still needs. */
import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { t } from '../page.js';
import { table } from '../tables.js';
import { stepName } from './steps.js';

/** @param {any} health */
function parts(health) {
  /** @type {Record<string, string>} */
  const states = { ok: t('in order'), starting: t('starting'), degraded: t('restricted'), down: t('down') };
  /** @type {Record<string, string>} */
  const names = { sql: t('Database'), redis: t('Live state (Redis)'), gateway: t('Vehicle gateway'), worker: t('Worker (clocks, deliveries)'), telephone: t('Telephone'), web: t('Pages'), auditor: t('Auditor') };
  return table({ title: t('State of the system'), columns: [[t('Part')], [t('State')], [t('Reason')]], rows: Object.entries(health?.parts ?? {}).map(([name, one]) => [names[name] ?? name, h('span', { class: `chip ${one.state === 'ok' ? 'good' : one.state === 'starting' ? 'warn' : 'bad'}` }, states[one.state] ?? one.state), one.reason ? h('span', { lang: 'en' }, one.reason) : '–']), empty: t('Not known.') });
}

/** Healthz answers 503 with the same body where a part is down. */
async function health() {
  const response = await fetch('/healthz', { cache: 'no-store' }).catch(() => null);
  return response ? response.json().catch(() => null) : null;
}

/** @param {HTMLElement} box */
export async function show(box) {
  const [state, { steps, ready }] = await Promise.all([health(), get('/api/admin/checklist')]);
  const open = steps.filter((/** @type {any} */ s) => !s.done && s.needed);
  fill(box, parts(state), h('section', { class: `panel ${ready ? '' : 'warn'}` }, h('h2', {}, t('First steps')),
    ready ? h('p', {}, t('Everything that is needed is there.')) : h('p', {}, t('Still missing: {steps}.', { steps: open.map((/** @type {any} */ s) => stepName(s.step)).join(', ') })),
    h('p', {}, h('a', { class: 'button', href: '/setup' }, t('To the first steps')))));
}
