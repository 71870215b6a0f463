// @ts-check
/** The manager's desk: was the promise kept, where did the minutes go, whose were they. */
import { watchAlerts } from './alert_watch.js';
import { explain, get } from './api.js';
import { clock, askTime } from './clock.js';
import { duration } from './countdown.js';
import { byId, fill, h } from './dom.js';
import { fullTime, localDay, t } from './page.js';
import { startShell } from './shell.js';
import { showShortages } from './shortages.js';
import { share, table } from './tables.js';
import { areaName, centreName, crewName, loadWords, ownerName, segmentName, watchName, word } from './vocabulary.js';

const DAY_MS = 86_400_000;
startShell();
await Promise.all([loadWords(), askTime()]);
watchAlerts();
const form = byId('range');

/** @param {number} days */
function lastDays(days) {
  form.to.value = localDay(clock.now());
  form.from.value = localDay(clock.now() - (days - 1) * DAY_MS);
}

/** @param {string} name @param {any} value @param {any} [more] */
const figure = (name, value, more) => h('div', { class: 'figure' }, h('span', { class: 'soft' }, name), h('b', {}, value), more ? h('span', { class: 'soft' }, more) : null);

/** @param {any[]} rows @param {string} title @param {(name: string) => string} named */
function shares(rows, title, named) {
  return table({
    title, columns: [[''], [t('Orders'), 'number'], [t('Arrived'), 'number'], [t('In time'), 'number'], [t('Share in time'), 'number']],
    rows: rows.map((r) => [named(r.name), r.orders, r.arrived, r.within, share(r.within_pct)]),
  });
}

/** @param {any} c */
function report(c) {
  if (!c.orders) return [h('section', { class: 'panel' }, h('p', { class: 'empty' }, t('No orders were reported in this period. Choose other days.')))];
  return [
    h('section', { class: 'figures-row', 'aria-label': t('In short') },
      figure(t('Arrived in time'), c.within_pct === null ? '–' : `${c.within_pct} %`, t('{within} in time, {arrived} arrived, {orders} reported', { within: c.within, arrived: c.arrived, orders: c.orders })),
      figure(t('Median, call to arrival'), duration(c.total.p50), `n = ${c.total.n}`), figure(t('90th percentile'), duration(c.total.p90)), figure(t('95th percentile'), duration(c.total.p95)),
      figure(t('Satisfied customers'), c.satisfied_pct === null ? '–' : `${c.satisfied_pct} %`), figure(t('Calls that joined an order'), c.joined), figure(t('Dispatches behind another order'), c.stacked_pct === null ? '–' : `${c.stacked_pct} %`)),
    table({
      title: t('By segment'), note: t('Times as h:mm:ss. A limit was once set as the usual time and one minute: compare the measured median + 1 min.'),
      columns: [[t('Segment')], [t('Responsible')], [t('Limit'), 'number'], ['n', 'number'], ['p50', 'number'], ['p90', 'number'], ['p95', 'number'], [t('Median + 1 min'), 'number'], [t('Overruns'), 'number']],
      rows: [...c.segments.map((/** @type {any} */ s) => [h('span', {}, h('b', {}, s.name), ' ', segmentName(s.name)), ownerName(s.owner), duration(s.limit_s), s.n, duration(s.p50), duration(s.p90), duration(s.p95), duration(s.median_plus_1min), s.overruns ? h('b', { class: 'late' }, s.overruns) : 0]),
        [h('b', {}, t('A to H')), '', '', c.total.n, duration(c.total.p50), duration(c.total.p90), duration(c.total.p95), '', '']],
    }),
    h('div', { class: 'columns' },
      table({ title: t('Late minutes by party'), columns: [[t('Responsible')], [t('Late minutes'), 'number'], [t('Orders'), 'number']], rows: [...c.late_by_owner].sort((a, b) => b.seconds - a.seconds).map((r) => [ownerName(r.owner), Math.round(r.seconds / 6) / 10, r.orders]), empty: t('Nobody was late.') }),
      table({ title: t('Escalations'), columns: [[t('Watch')], [t('Rung'), 'number'], [t('How often'), 'number']], rows: c.escalations.map((/** @type {any} */ r) => [watchName(r.watch), r.rung, r.count]), empty: t('No watch had to climb.') }),
      shares(c.by_day, t('By day'), (n) => n), shares(c.by_centre, t('By repair centre'), centreName), shares(c.by_trade, t('By trade'), (n) => word('trades', n)), shares(c.by_area, t('By area'), areaName), shares(c.by_crew, t('By crew'), (n) => (n ? crewName(n) : t('No crew yet')))),
    h('details', { id: 'rows', class: 'panel', on: { toggle: (/** @type {Event} */ e) => rows(/** @type {HTMLDetailsElement} */ (e.target)) } }, h('summary', {}, t('The orders behind these figures')), h('div', {}, t('Loading…'))),
  ];
}

/** @param {HTMLDetailsElement} box */
async function rows(box) {
  if (!box.open || box.dataset.loaded) return;
  box.dataset.loaded = 'yes';
  const place = /** @type {Element} */ (box.lastElementChild);
  try {
    const { orders } = await get(`/api/manager/orders?from=${form.from.value}&to=${form.to.value}`);
    const shown = orders.slice(-500).reverse();
    fill(place, table({
      title: t('{n} orders, the newest first', { n: shown.length }), columns: [[t('Order')], [t('Reported')], [t('Address')], [t('Crew')], [t('State')], [t('Call to arrival'), 'number'], [t('In time')], [t('Late')]],
      rows: shown.map((/** @type {any} */ o) => [h('a', { href: `/orders/${encodeURIComponent(o.id)}` }, o.id), fullTime(o.reported_at), o.address, crewName(o.crew_id), word('states', o.state), o.arrived_at ? duration(o.total_s) : '–', o.within === null ? '–' : o.within ? t('yes') : h('b', { class: 'late' }, t('no')), o.late.map((/** @type {any} */ l) => `${l.label.length === 2 ? l.label : segmentName(l.label)} +${duration(l.excess_s)}`).join(', ') || '–']),
    }));
  } catch (error) {
    fill(place, h('p', { class: 'problem' }, explain(error)));
  }
}

async function show() {
  const query = `from=${form.from.value}&to=${form.to.value}`;
  byId('csv').href = `/api/manager/compliance.csv?${query}`;
  const address = new URL(location.href);
  for (const name of ['from', 'to']) address.searchParams.set(name, form[name].value);
  history.replaceState(null, '', address);
  const box = byId('report');
  try {
    fill(box, report(await get(`/api/manager/compliance?${query}`)));
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, explain(error)));
  }
}

form.addEventListener('submit', (/** @type {Event} */ e) => { e.preventDefault(); show(); });
for (const button of form.querySelectorAll('[data-days]')) button.addEventListener('click', () => { lastDays(Number(button.dataset.days)); show(); });
const asked = new URLSearchParams(location.search);
lastDays(7);
if (asked.get('from') && asked.get('to')) {
  form.from.value = asked.get('from');
  form.to.value = asked.get('to');
}
await Promise.all([show(), showShortages(byId('shortages'))]);
