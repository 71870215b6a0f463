// @ts-check
/** The orders behind one number of the manager's desk. */
import { explain, get } from './api.js';
import { duration } from './countdown.js';
import { byId, fill, h } from './dom.js';
import { fullTime, t } from './page.js';
import { FILTERS } from './review_query.js';
import { called, endName } from './review_tables.js';
import { startShell } from './shell.js';
import { table } from './tables.js';
import { centreName, crewName, loadWords, ownerName, segmentName, watchName, word } from './vocabulary.js';

const given = new URLSearchParams(location.search);
given.delete('lang');
const without = (/** @type {string[]} */ ...names) => new URLSearchParams([...given].filter(([name]) => !names.includes(name)));
byId('back').href = `/manager?${without('of', 'offset')}`;
byId('csv').href = `/api/manager/compliance.csv?${without('offset')}`;
startShell();
await loadWords();

/** What a number counts, in words. @param {string} of */
function what(of) {
  const [kind, name, rung, end] = of.split(':');
  /** @type {Record<string, string>} */
  const plain = {
    all: t('All orders'), arrived: t('Orders that arrived'), judged: t('Orders that can be judged'), within: t('Orders in time'), late: t('Late orders'), running: t('Orders that still run'),
    joined: t('Orders that further calls joined'), dispatched: t('Orders that were dispatched'), stacked: t('Orders dispatched behind another one'), answered: t('Orders with an answer of the customer'),
    satisfied: t('Orders with a satisfied customer'), unsatisfied: t('Orders with a dissatisfied customer'), overrun: t('Orders with a limit exceeded'), climbed: t('Orders whose watch climbed'), short: t('Orders that waited without a free crew'),
  };
  if (kind === 'passed') return t('Orders that passed {segment}', { segment: `${name} ${segmentName(name)}` });
  if (kind === 'overrun' && name) return t('Orders over the limit of {segment}', { segment: `${name} ${segmentName(name)}` });
  if (kind === 'owner') return t('Orders over a limit of: {party}', { party: ownerName(name) });
  if (kind === 'short' && name) return [plain.short, t('{hour} h', { hour: name.padStart(2, '0') }), rung ? t('Promise missed') : ''].filter(Boolean).join(', ');
  if (kind === 'rung') return [watchName(name), t('rung {n}', { n: rung }), end ? endName(end) : ''].filter(Boolean).join(', ');
  return plain[kind] ?? of;
}

/** @param {any} o */
const row = (o) => [
  h('a', { href: `/orders/${encodeURIComponent(o.id)}` }, o.id), fullTime(o.reported_at), o.address || '–', centreName(o.centre_id), crewName(o.crew_id), word('states', o.state),
  o.arrived_at ? duration(o.total_s) : '–', o.within === null ? '–' : o.within ? t('yes') : h('b', { class: 'late' }, t('no')),
  o.late.map((/** @type {any} */ l) => `${l.label.length === 2 ? l.label : segmentName(l.label)} +${duration(l.excess_s)} ${ownerName(l.owner)}`).join(', ') || '–', o.rungs || '–',
];

async function show() {
  const box = byId('orders');
  try {
    const { orders, number, offset } = await get(`/api/manager/orders?${given}`);
    const kept = FILTERS.filter((name) => given.has(name)).map((name) => called(name, given.get(name) ?? ''));
    const page = (/** @type {number} */ at, /** @type {string} */ text) => { const query = new URLSearchParams(given); query.set('offset', String(at)); return h('a', { class: 'button', href: `?${query}` }, text); };
    fill(byId('what'), what(given.get('of') ?? 'all'));
    fill(byId('which'), [`${given.get('from')} – ${given.get('to')}`, ...kept, t('{n} orders', { n: number })].join(' · '));
    fill(box, table({
      title: t('Orders {first} to {last} of {n}, the newest first', { first: number ? offset + 1 : 0, last: offset + orders.length, n: number }),
      columns: [[t('Order')], [t('Reported'), 'when'], [t('Address')], [t('Centre')], [t('Crew')], [t('State')], [t('Call to arrival'), 'number'], [t('In time')], [t('Over limits')], [t('Rungs'), 'number']],
      rows: orders.map(row), empty: t('There are none.'),
    }), h('p', { class: 'buttons' }, offset > 0 ? page(Math.max(0, offset - 200), t('Newer')) : null, offset + orders.length < number ? page(offset + orders.length, t('Older')) : null));
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, explain(error)));
  }
}

await show();
