// @ts-check
/** The figures of a period as tables; every number is a link to the orders that it counts. */
import { duration } from './countdown.js';
import { h } from './dom.js';
import { t } from './page.js';
import { moved, ordersLink } from './review_query.js';
import { share, table } from './tables.js';
import { areaName, centreName, crewName, ownerName, segmentName, watchName, word } from './vocabulary.js';

/** @typedef {import('./review_query.js').Query} Query */
const FEW = 20;
const TENTH_MINUTE = 6;

/** A number that opens its orders. @param {number} n @param {Query} query @param {string} of @param {Query} [more] @param {string} [look] */
const count = (n, query, of, more = {}, look = '') => (n ? h('a', { href: ordersLink(query, of, more), class: look }, n.toLocaleString()) : 0);

/** @param {number} seconds */
const minutes = (seconds) => (seconds < 60_000 ? Math.round(seconds / TENTH_MINUTE) / 10 : Math.round(seconds / 60)).toLocaleString();

/** A duration that may have been too few. @param {number|null} seconds @param {number} n */
const spent = (seconds, n) => (seconds === null && n ? h('span', { class: 'soft', title: t('Too few orders to say') }, t('too few')) : duration(seconds));

/** @param {{judged: number, within_pct: number|null}} s */
const shown = (s) => h('span', {}, share(s.within_pct), s.judged && s.judged < FEW ? h('span', { class: 'chip few', title: t('Fewer than {n} orders can be judged', { n: FEW }) }, t('few')) : null);

/** What a value of a dimension is called. @param {string} dimension @param {string} name */
export function called(dimension, name) {
  /** @type {Record<string, () => string>} */
  const names = {
    centre: () => (name ? centreName(name) : t('No centre yet')), crew: () => (name ? crewName(name) : t('No crew yet')), trade: () => (name ? word('trades', name) : t('No trade yet')),
    area: () => areaName(name), fault: () => word('fault_types', name), cause: () => name || t('Not recorded'), state: () => word('states', name), hour: () => t('{hour} h', { hour: name }),
  };
  return names[dimension]?.() ?? name;
}

/** @param {any} c @param {Query} query @param {string} dimension @param {string} title @param {(name: string) => void} choose */
function shares(c, query, dimension, title, choose) {
  const named = (/** @type {string} */ name) => (dimension === 'day' ? name : h('button', { type: 'button', class: 'link', title: t('Only these'), on: { click: () => choose(name) } }, called(dimension, name)));
  const only = (/** @type {string} */ name) => ({ [dimension]: name });
  return table({
    title, columns: [[''], [t('Orders'), 'number'], [t('Arrived'), 'number'], [t('Judgeable'), 'number'], [t('In time'), 'number'], [t('Share'), 'number']],
    rows: c.by[dimension].map((/** @type {any} */ r) => [named(r.name), count(r.orders, query, 'all', only(r.name)), count(r.arrived, query, 'arrived', only(r.name)), count(r.judged, query, 'judged', only(r.name)), count(r.within, query, 'within', only(r.name)), shown(r)]),
  });
}

/** @param {string} name @param {any} value @param {any} [more] */
const figure = (name, value, more) => h('div', { class: 'figure' }, h('span', { class: 'soft' }, name), h('b', {}, value), more ? h('span', { class: 'soft' }, more) : null);

/** @param {number|null} change @param {string} unit @param {boolean} good whether more is better */
function trend(change, unit, good) {
  if (change === null) return h('span', {}, t('no period before to compare'));
  const better = change === 0 ? '' : (change > 0) === good ? 'good' : 'late';
  return h('span', {}, h('b', { class: `trend ${better}` }, `${change > 0 ? '▲ +' : change < 0 ? '▼ ' : '= '}${change} ${unit}`), ' ', t('against the period before'));
}

/** @param {any} c @param {Query} query */
export function headline(c, query) {
  const past = c.previous, percent = (/** @type {number|null} */ p) => (p === null ? '–' : `${p} %`);
  const median = c.total.p50 !== null && past?.total.p50 ? Math.round((c.total.p50 - past.total.p50) / TENTH_MINUTE) / 10 : null;
  return h('section', { class: 'figures-row', 'aria-label': t('In short') },
    figure(t('Arrived in time, of judgeable orders'), h('a', { href: ordersLink(query, 'within') }, percent(c.within_pct)), trend(moved(c.within_pct, past?.within_pct), t('points'), true)),
    figure(t('Orders'), count(c.orders, query, 'all'), h('span', {}, count(c.arrived, query, 'arrived'), ' ', t('arrived'), ', ', count(c.judged, query, 'judged'), ' ', t('judgeable'), ', ', count(c.judged - c.within, query, 'late'), ' ', t('late'))),
    figure(t('Median, call to arrival'), spent(c.total.p50, c.total.n), h('span', {}, `n = ${c.total.n}`, ' · ', trend(median, t('min'), false))),
    figure(t('90th and 95th percentile'), c.total.p90 === null ? spent(null, c.total.n) : h('span', {}, spent(c.total.p90, c.total.n), ' · ', spent(c.total.p95, c.total.n)), t('call to arrival')),
    figure(t('Minutes over segment limits'), h('a', { href: ordersLink(query, 'overrun') }, minutes(c.late_seconds)), [t('also of orders in time'), ...(past ? [t('before: {n}', { n: minutes(past.late_seconds) })] : [])].join('; ')),
    figure(t('Satisfied customers'), h('a', { href: ordersLink(query, 'satisfied') }, percent(c.satisfied_pct)), h('span', {}, count(c.answered, query, 'answered'), ' ', t('called back'))),
    figure(t('Calls that joined an order'), count(c.joined, query, 'joined')),
    figure(t('Dispatches behind another order'), percent(c.stacked_pct), h('span', {}, count(c.stacked, query, 'stacked'), ' / ', count(c.dispatches, query, 'dispatched'))));
}

/** @param {any} c @param {Query} query */
export function segments(c, query) {
  return table({
    title: t('By segment'), note: t('Times as h:mm:ss; percentiles by nearest rank, shown where at least two orders lie beyond. A limit was once set as the usual time and one minute: compare the measured median + 1 min.'),
    columns: [[t('Segment')], [t('Responsible')], [t('Limit'), 'number'], ['n', 'number'], ['p50', 'number'], ['p90', 'number'], ['p95', 'number'], [t('Median + 1 min'), 'number'], [t('Overruns'), 'number']],
    rows: [...c.segments.map((/** @type {any} */ s) => [h('span', {}, h('b', {}, s.name), ' ', segmentName(s.name)), ownerName(s.owner), duration(s.limit_s), count(s.n, query, `passed:${s.name}`), spent(s.p50, s.n), spent(s.p90, s.n), spent(s.p95, s.n), spent(s.median_plus_1min, s.n), count(s.overruns, query, `overrun:${s.name}`, {}, 'late')]),
      [h('b', {}, t('A to H')), '', '', count(c.total.n, query, 'arrived'), spent(c.total.p50, c.total.n), spent(c.total.p90, c.total.n), spent(c.total.p95, c.total.n), '', count(c.judged - c.within, query, 'late', {}, 'late')]],
  });
}

/** What came of a rung. @param {string} end */
export function endName(end) {
  /** @type {Record<string, string>} */
  const names = { answered: t('Answered'), in_hand: t('Taken in hand'), next_rung: t('Climbed on'), withdrawn: t('Withdrawn'), quiet: t('Silent by rule'), open: t('Nothing yet') };
  return names[end] ?? end;
}

/** @param {any} c @param {Query} query */
function escalations(c, query) {
  const ends = ['answered', 'in_hand', 'next_rung', 'withdrawn', 'quiet', 'open'];
  return table({
    title: t('Escalations, and what they achieved'), note: t('A rung counts as answered when the step that was waited for came before the next rung. A number counts rungs; its list has each order once.'),
    columns: [[t('Watch')], [t('Rung'), 'number'], [t('How often'), 'number'], ...ends.map((e) => /** @type {[string, 'number']} */ ([endName(e), 'number'])), [t('Median until answered'), 'number']],
    rows: c.escalations.map((/** @type {any} */ r) => [watchName(r.watch), r.rung, count(r.count, query, `rung:${r.watch}:${r.rung}`), ...ends.map((e) => count(r.ends[e], query, `rung:${r.watch}:${r.rung}:${e}`)), spent(r.median_s, r.ends.answered)]),
    empty: t('No watch had to climb.'),
  });
}

/** @param {any} c @param {Query} query */
function crews(c, query) {
  return table({
    title: t('Use of the crews'), note: t('Busy: from acknowledgement to restoration, several orders at once count once; of the hours on shift since the first order of all, up to now. More than 100 % is overtime.'),
    columns: [[t('Crew')], [t('Orders'), 'number'], [t('Hours busy'), 'number'], [t('Hours on shift'), 'number'], [t('In use'), 'number']],
    rows: c.used.map((/** @type {any} */ u) => [crewName(u.crew), count(u.orders, query, 'all', { crew: u.crew }), (u.busy_s / 3600).toFixed(1), (u.shift_s / 3600).toFixed(1), u.used_pct === null ? '–' : `${u.used_pct} %`]),
  });
}

/** @param {any} c @param {Query} query */
function shortHours(c, query) {
  return table({
    title: t('Hours without a free crew'), note: t('Orders that waited while nobody of their trade or department was free, by hour of the day.'),
    columns: [[t('Hour')], [t('Orders'), 'number'], [t('Promise missed'), 'number']],
    rows: c.short_hours.map((/** @type {any} */ s) => [t('{hour} h', { hour: String(s.hour).padStart(2, '0') }), count(s.orders, query, `short:${s.hour}`), count(s.missed, query, `short:${s.hour}:missed`)]),
    empty: t('Somebody was always free.'),
  });
}

/** @param {any} c @param {Query} query */
function owners(c, query) {
  return table({ title: t('Minutes over segment limits, by party'), note: t('How long segments took beyond their limits, also in orders that kept the 45 minutes.'), columns: [[t('Responsible')], [t('Minutes over'), 'number'], [t('Orders'), 'number']], rows: c.late_by_owner.map((/** @type {any} */ r) => [ownerName(r.owner), minutes(r.seconds), count(r.orders, query, `owner:${r.owner}`)]), empty: t('No limit was exceeded.') });
}

/** All tables below the charts. @param {any} c @param {Query} query @param {(name: string, value: string) => void} choose */
export function tables(c, query, choose) {
  const by = (/** @type {string} */ name, /** @type {string} */ title) => shares(c, query, name, title, (value) => choose(name, value));
  return [segments(c, query), escalations(c, query),
    h('div', { class: 'columns' }, owners(c, query), by('centre', t('By repair centre')), by('trade', t('By trade')), by('area', t('By area')), by('fault', t('By kind of fault')), by('cause', t('By cause, as the crews recorded it')), crews(c, query), shortHours(c, query), by('crew', t('By crew')), by('day', t('By day')), by('hour', t('By hour of the report')))];
}
