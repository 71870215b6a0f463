// @ts-check
/** The whole story of one order: where the minutes went, whose they were, and every line of its history. */
import { explain, get, post } from './api.js';
import { askTime } from './clock.js';
import { duration } from './countdown.js';
import { byId, fill, h } from './dom.js';
import { fullTime, page, t } from './page.js';
import { ask, notice, startShell } from './shell.js';
import { claimsOfStory, photosOfStory } from './order_claims.js';
import { timeline } from './order_timeline.js';
import { startReplay } from './replay.js';
import { table } from './tables.js';
import { areaName, centreName, crewName, loadWords, ownerName, segmentName, word } from './vocabulary.js';
import { because } from './candidates.js';
import { evidence, policyName, who } from './order_words.js';

startShell();
const replay = byId('replay');
await Promise.all([loadWords(), askTime()]);

/** @param {any} s */
function bar(s) {
  const total = s.intervals.reduce((/** @type {number} */ sum, /** @type {any} */ i) => sum + i.seconds, 0) || 1;
  return h('section', { class: 'panel' }, h('h2', {}, t('Where the minutes went')),
    h('div', { class: 'intervals', role: 'img', 'aria-label': s.intervals.map((/** @type {any} */ i) => `${segmentName(i.label)} ${duration(i.seconds)}`).join(', ') },
      s.intervals.filter((/** @type {any} */ i) => i.seconds > 0).map((/** @type {any} */ i) => h('span', { class: `interval ${i.label}`, title: `${segmentName(i.label)} · ${duration(i.seconds)} · ${ownerName(i.owner)}`, style: { 'flex-grow': Math.max(0.5, (100 * i.seconds) / total) } }, i.seconds / total < 0.04 ? null : [h('b', {}, i.label.length === 2 ? i.label : segmentName(i.label)), h('small', {}, duration(i.seconds))]))),
    table({ title: t('Intervals'), columns: [[t('Segment')], [t('From')], [t('Took'), 'number'], [t('Responsible')], [t('Evidence')]], rows: s.intervals.map((/** @type {any} */ i) => [segmentName(i.label), fullTime(i.start), duration(i.seconds), ownerName(i.owner), evidence(i.evidence)]) }));
}

/** @param {any} d one decision */
function decision(d) {
  const e = d.explanation ?? {};
  const ranked = e.alternatives ?? [];
  return h('section', { class: 'panel' }, h('h2', {}, t('Dispatch {n}: {crew}', { n: d.generation, crew: crewName(d.crew_id) })), h('p', { class: 'soft' }, `${fullTime(d.at)} · ${who(d.by)}`, e.policy ? [' · ', policyName(e.policy)] : null, e.source === 'straight_line' ? ` · ${t('Travel times are straight-line estimates: no road data.')}` : ''),
    e.chosen ? table({ title: t('Crews that were compared'), columns: [[t('Crew')], [t('Arrival in'), 'number'], [t('Chance in time'), 'number'], [t('Why')]], rows: (ranked.some((/** @type {any} */ r) => r.crew_id === e.chosen.crew_id) ? ranked : [e.chosen, ...ranked]).map((/** @type {any} */ r) => [r.crew_id === e.chosen.crew_id ? h('b', {}, `▶ ${crewName(r.crew_id)}`, ' ', h('span', { class: 'soft' }, t('(chosen)'))) : crewName(r.crew_id), duration(r.eta_seconds), `${Math.round(100 * r.chance_to_keep)} %`, because(r)]) })
      : h('p', {}, t('A person chose this crew.')));
}

/** A superior watches it: whoever has it now, and who is above them, hear of it. @param {any} order */
async function supervise(order) {
  const said = await ask({ title: t('Watch {order}?', { order: order.id }), text: order.address, confirm: t('Watch this order'), fields: [{ name: 'text', label: t('What they should know'), kind: 'area', required: false }] });
  if (!said) return;
  try {
    await post(`/api/orders/${encodeURIComponent(order.id)}/supervise`, said);
    notice(t('Whoever has it now, and who is above them, are told.'));
  } catch (error) {
    notice(explain(error), 'bad');
  }
  await show();
}

/** @param {any} s */
function story(s) {
  const o = s.order;
  document.title = `${o.id} · Dispatch45`;
  return [
    h('div', { class: 'title-row' }, h('div', {}, h('h1', {}, o.address), h('p', { class: 'soft' }, o.id, ' · ', word('fault_types', o.fault_type), ' · ', centreName(o.centre_id), ' · ', word('trades', o.trade), ' · ', areaName(o.area_class))), h('span', { class: 'chip big-chip' }, word('states', o.state)), ['manager', 'admin'].includes(page.person?.role ?? '') && !['closed', 'cancelled'].includes(o.state) ? h('button', { type: 'button', on: { click: () => supervise(o) } }, t('Watch this order')) : null),
    h('section', { class: 'figures-row' }, [[t('Reported'), fullTime(o.reported_at)], [t('Promised until'), fullTime(o.deadline)], [t('Arrived'), o.points.H ? fullTime(o.points.H) : '–'], [t('Call to arrival'), duration(o.total_s)], [t('Crew'), crewName(o.crew_id)], [t('Calls'), o.joined + 1]].map(([name, value]) => h('div', { class: 'figure' }, h('span', { class: 'soft' }, name), h('b', {}, value)))),
    bar(s),
    table({ title: t('Overruns'), columns: [[t('Segment')], [t('Responsible')], [t('Took'), 'number'], [t('Limit'), 'number'], [t('Too much'), 'number'], [t('Evidence')]], rows: s.overruns.map((/** @type {any} */ r) => [segmentName(r.label), ownerName(r.owner), duration(r.seconds), duration(r.limit_s), h('b', { class: 'late' }, `+${duration(r.excess_s)}`), evidence(r.evidence)]), empty: t('No limit was exceeded.') }),
    claimsOfStory(s),
    photosOfStory(s),
    replay,
    s.decisions.map(decision),
    timeline(s),
  ];
}

async function show() {
  try {
    const found = await get(`/api/orders/${encodeURIComponent(page.orderId)}`);
    fill(byId('story'), story(found));
    return found;
  } catch (error) {
    fill(byId('story'), h('p', { class: 'problem' }, explain(error)));
    return null;
  }
}
const told = await show();
if (told) await startReplay(told);
