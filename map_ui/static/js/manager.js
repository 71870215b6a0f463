// @ts-check
/** The manager's desk: was the promise kept, where did the minutes go, whose were they. */
import { watchAlerts } from './alert_watch.js';
import { explain, get } from './api.js';
import { askTime, clock } from './clock.js';
import { byId, fill, h } from './dom.js';
import { startLateMap } from './late_map.js';
import { fullTime, localDay, t } from './page.js';
import { draw, ownerOption, shareOption } from './review_charts.js';
import { asked, FILTERS, lastDays, ordersLink, search, toKeep } from './review_query.js';
import { called, headline, tables } from './review_tables.js';
import { startSavedViews } from './saved_views.js';
import { startShell } from './shell.js';
import { showShortages } from './shortages.js';
import { loadWords, options, ownerName } from './vocabulary.js';

const CHOICES = [['centre', 'centres'], ['crew', 'crews'], ['trade', 'trades'], ['fault', 'fault_types']];
startShell();
await Promise.all([loadWords(), askTime()]);
watchAlerts();
const form = byId('range'), today = () => localDay(clock.now());
const lateMap = startLateMap();
let query = asked(location.search, today());
let turn = 0;

for (const [name, kind] of CHOICES) for (const [code, title] of options(kind)) form[name].append(h('option', { value: code }, title));
for (const code of ['urban', 'rural', 'remote']) form.area.append(h('option', { value: code }, called('area', code)));

/** The form as the query says. */
function showForm() {
  form.from.value = query.from;
  form.to.value = query.to;
  for (const [name] of [...CHOICES, ['area']]) form[name].value = query[name] ?? '*';
  const kept = FILTERS.filter((name) => name in query);
  fill(byId('chosen'), kept.map((name) => h('button', { type: 'button', class: 'chip', title: t('Remove this filter'), on: { click: () => { delete query[name]; show(); } } }, called(name, query[name]), ' ✕')));
  for (const kind of ['csv', 'xlsx']) byId(kind).href = `/api/manager/compliance.${kind}?${search(query)}`;
  byId('standalone').href = `/manager/report.html?${search(query)}`;
}

/** What the form says; `*` is no filter, an empty text is a value. */
function takeForm() {
  query = { ...query, from: form.from.value, to: form.to.value };
  for (const [name] of [...CHOICES, ['area']]) {
    if (form[name].value === '*') delete query[name];
    else query[name] = form[name].value;
  }
}

/** @param {any} c */
function charts(c) {
  const short = new Map(c.short_hours.map((/** @type {any} */ s) => [s.hour, s.orders]));
  const open = (/** @type {string} */ of, /** @type {string} */ name) => (/** @type {string} */ value) => location.assign(ordersLink(query, of, { [name]: value }));
  const owners = [...c.late_by_owner];
  byId('charts').hidden = false;
  byId('owner-panel').hidden = !owners.length;
  draw(byId('chart-days'), (p) => shareOption(c.by.day, p), open('all', 'day'));
  draw(byId('chart-hours'), (p) => shareOption(c.by.hour, p, { name: t('No free crew'), values: c.by.hour.map((/** @type {any} */ s) => short.get(Number(s.name)) ?? null) }), open('all', 'hour'));
  if (owners.length) draw(byId('chart-owners'), (p) => ownerOption(owners, ownerName, p));
}

/** @param {any} c */
function freshness(c) {
  const said = [c.as_of ? t('Measured at {time}; orders that still run, up to then.', { time: fullTime(c.as_of) }) : t('Nothing has been measured yet: the worker begins within seconds.')];
  said.push(t('Shares are of judgeable orders: those that arrived, and those that are past their deadline.'));
  if (c.unreadable) said.push(t('{n} orders cannot be read and are in no figure: the log names them.', { n: c.unreadable }));
  fill(byId('freshness'), said.join(' '));
}

async function show() {
  const mine = ++turn, report = byId('report');
  showForm();
  const address = new URL(location.href);
  address.search = search(query);
  history.replaceState(null, '', address);
  report.setAttribute('aria-busy', 'true');
  try {
    const c = await get(`/api/manager/compliance?${search(query)}`);
    if (mine !== turn) return; // a later choice is on its way
    freshness(c);
    byId('late-places').hidden = !c.orders;
    if (!c.orders) {
      byId('charts').hidden = true;
      fill(byId('short'));
      fill(report, h('section', { class: 'panel' }, h('p', { class: 'empty' }, t('No orders were reported in this period. Choose other days.'))));
    } else {
      fill(byId('short'), headline(c, query));
      charts(c);
      document.body.dataset.painted = search(query);
      setTimeout(() => { if (mine === turn) fill(report, tables(c, query, (name, value) => { query[name] = value; scrollTo(0, 0); show(); })); });
    }
    lateMap(query, c.judged - c.within);
  } catch (error) {
    if (mine === turn) fill(report, h('p', { class: 'problem' }, explain(error)));
  } finally {
    if (mine === turn) report.removeAttribute('aria-busy');
  }
}

form.addEventListener('submit', (/** @type {Event} */ e) => { e.preventDefault(); takeForm(); show(); });
form.addEventListener('change', () => { if (form.checkValidity() && form.from.value <= form.to.value) { takeForm(); show(); } });
for (const button of form.querySelectorAll('[data-days]')) button.addEventListener('click', () => { query = { ...query, ...lastDays(today(), Number(button.dataset.days)) }; show(); });
byId('print').addEventListener('click', () => print());
startSavedViews(byId('views'), () => toKeep(query, today()), (kept) => { query = asked(search(kept), today()); show(); });
await Promise.all([show(), showShortages(byId('shortages'))]);
