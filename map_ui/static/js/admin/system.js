// @ts-check
/** How the parts are, and what the installation still needs. */
import { get } from '../api.js';
import { fill, h } from '../dom.js';
import { t } from '../page.js';
import { table } from '../tables.js';
import { word } from '../vocabulary.js';
import { stepName } from './steps.js';

/** Why a part is as it is, in the page's language; what other programs say of themselves stays as it is. @param {{reason: string, code?: string, facts?: any}} one @returns {any} */
function reason({ reason: sentence, code = '', facts = {} }) {
  const n = facts.seconds;
  /** @type {Record<string, () => string>} */
  const known = {
    answers: () => t('answers'), no_answer: () => t('no answer within {n} s', { n }), redis: () => t('version {version}', { version: facts.version }), no_telephone: () => t('none is configured'),
    gateway: () => t('{gateways} [gateway|gateways], {connections} [connection|connections], {withheld} [position|positions] withheld; {listening}', facts), gateway_silent: () => t('no gateway has reported for {n} s', { n }),
    worker: () => t('reported {n} s ago', { n }), worker_unheard: () => t('no worker has reported yet'), worker_silent: () => t('silent for {n} s', { n }),
    gave_up: () => t('{number} deliveries were given up within a day, the last: {why}', facts),
    auditor: () => t('looked {n} s ago', { n }), auditor_found: () => t('looked {n} s ago and found: {found}', { n, found: String(facts.found).split(', ').map((one) => word('alert_codes', one)).join(', ') }), auditor_unheard: () => t('the auditor has not looked yet'), auditor_silent: () => t('the auditor is silent for {n} s', { n }),
  };
  if (known[code]) return known[code]();
  return sentence ? h('span', { lang: 'en' }, sentence) : '–';
}

/** @param {any} health */
function parts(health) {
  /** @type {Record<string, string>} */
  const states = { ok: t('in order'), starting: t('starting'), degraded: t('restricted'), down: t('down') };
  /** @type {Record<string, string>} */
  const names = { sql: t('Database'), redis: t('Live state (Redis)'), gateway: t('Vehicle gateway'), worker: t('Worker (clocks, deliveries)'), telephone: t('Telephone'), web: t('Pages'), auditor: t('Auditor') };
  return table({ title: t('State of the system'), columns: [[t('Part')], [t('State')], [t('Reason')]], rows: Object.entries(health?.parts ?? {}).map(([name, one]) => [names[name] ?? name, h('span', { class: `chip ${one.state === 'ok' ? 'good' : one.state === 'starting' ? 'warn' : 'bad'}` }, states[one.state] ?? one.state), reason(one)]), empty: t('Not known.') });
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
