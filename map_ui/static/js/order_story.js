// @ts-check
/** The whole story of one order: where the minutes went, whose they were, and every line of its history. */
import { explain, get } from './api.js';
import { askTime } from './clock.js';
import { duration } from './countdown.js';
import { byId, fill, h } from './dom.js';
import { alertTitle } from './alerts.js';
import { fullTime, page, t } from './page.js';
import { startShell } from './shell.js';
import { table } from './tables.js';
import { areaName, centreName, loadWords, ownerName, roleName, segmentName, watchName, word } from './vocabulary.js';
import { because } from './candidates.js';

startShell();
await Promise.all([loadWords(), askTime()]);

/** @param {string} kind */
function eventName(kind) {
  /** @type {Record<string, string>} */
  const names = {
    take_call: t('Call taken'), rung: t('Rung climbed'), attempt: t('Attempt to reach somebody'), in_hand: t('Taken in hand'), overdue: t('Segment overdue'), segment_overdue: t('Segment overdue'), promise_missed: t('Promise missed'),
    joined: t('Another call joined'), expedited: t('The customer chases'), expedite: t('The customer chases'), crew_free: t('Crew free for this order'), routed: t('Responsibility decided'), route: t('Responsibility decided'), removed: t('Device confirmed the removal'), device_receipt: t('Receipt of a device'),
  };
  return names[kind] ?? word('steps', kind);
}

/** @param {any} data */
function facts(data) {
  return Object.entries(data ?? {}).filter(([, v]) => v !== '' && v !== null && v !== undefined && !(Array.isArray(v) && !v.length)).map(([name, v]) => {
    if (name === 'reason') return `${t('reason')}: ${word('reasons', v)}`;
    if (name === 'owner') return `${t('responsible')}: ${ownerName(v)}`;
    if (name === 'watch') return watchName(v);
    if (name === 'segment') return segmentName(v);
    if (name === 'centre_id') return centreName(v);
    if (name === 'trade') return word('trades', v);
    if (name === 'area_class') return areaName(v);
    return `${name.replaceAll('_', ' ')}: ${typeof v === 'object' ? JSON.stringify(v) : v}`;
  }).join(' · ');
}

/** From what an interval is known, in the page's words: "send by hotline:anna", with a reason or a link. @param {string} text */
function evidence(text) {
  if (!text) return '–';
  return text.split('; ').map((part) => {
    const found = /^(\w+) by (\w+):([^:,\s]+)(?:: (\w+))?(?:, link (\w+))?/.exec(part);
    if (!found) return part === 'the order ahead was finished' ? t('the order ahead was finished') : part;
    const [, step, role, id, reason, link] = found;
    return [eventName(step), role === 'system' ? roleName(role) : `${roleName(role)} ${id}`, reason ? word('reasons', reason) : '', link ? (['up', 'online'].includes(link) ? t('line up') : t('line down')) : ''].filter(Boolean).join(' · ');
  }).join('; ');
}

/** @param {string} state of a telephone attempt */
function outcome(state) {
  /** @type {Record<string, string>} */
  const names = { dialling: t('dialling'), ringing: t('ringing'), answered: t('answered'), busy: t('busy'), no_answer: t('no answer'), failed: t('could not be rung'), machine: t('answered by a machine'), completed: t('call ended'), cut: t('cut: no longer needed'), rejected: t('call refused') };
  return names[state] ?? (state?.startsWith('keypress') ? t('key {key} pressed', { key: state.slice(9) }) : state ?? '–');
}

/** @param {any} by */
const who = (by) => (by ? `${roleName(by.role)} ${by.id}` : '–');

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
  return h('section', { class: 'panel' }, h('h2', {}, t('Dispatch {n}: {crew}', { n: d.generation, crew: d.crew_id })), h('p', { class: 'soft' }, `${fullTime(d.at)} · ${d.by}`, e.policy ? [' · ', t('policy {policy}', { policy: e.policy })] : null, e.source === 'straight_line' ? ` · ${t('Travel times are straight-line estimates: no road data.')}` : ''),
    e.chosen ? table({ title: t('Crews that were compared'), columns: [[t('Crew')], [t('Arrival in'), 'number'], [t('Chance in time'), 'number'], [t('Why')]], rows: (ranked.some((/** @type {any} */ r) => r.crew_id === e.chosen.crew_id) ? ranked : [e.chosen, ...ranked]).map((/** @type {any} */ r) => [r.crew_id === e.chosen.crew_id ? h('b', {}, `▶ ${r.crew_id}`) : r.crew_id, duration(r.eta_seconds), `${Math.round(100 * r.chance_to_keep)} %`, because(r)]) })
      : h('p', {}, t('A person chose this crew.')));
}

/** @param {any} s */
function story(s) {
  const o = s.order;
  document.title = `${o.id} · Dispatch45`;
  return [
    h('div', { class: 'title-row' }, h('div', {}, h('h1', {}, o.address), h('p', { class: 'soft' }, o.id, ' · ', word('fault_types', o.fault_type), ' · ', centreName(o.centre_id), ' · ', word('trades', o.trade), ' · ', areaName(o.area_class))), h('span', { class: 'chip big-chip' }, word('states', o.state))),
    h('section', { class: 'figures-row' }, [[t('Reported'), fullTime(o.reported_at)], [t('Promised until'), fullTime(o.deadline)], [t('Arrived'), o.points.H ? fullTime(o.points.H) : '–'], [t('Call to arrival'), duration(o.total_s)], [t('Crew'), o.crew_id || '–'], [t('Calls'), o.joined + 1]].map(([name, value]) => h('div', { class: 'figure' }, h('span', { class: 'soft' }, name), h('b', {}, value)))),
    bar(s),
    table({ title: t('Overruns'), columns: [[t('Segment')], [t('Responsible')], [t('Took'), 'number'], [t('Limit'), 'number'], [t('Too much'), 'number'], [t('Evidence')]], rows: s.overruns.map((/** @type {any} */ r) => [segmentName(r.label), ownerName(r.owner), duration(r.seconds), duration(r.limit_s), h('b', { class: 'late' }, `+${duration(r.excess_s)}`), evidence(r.evidence)]), empty: t('No limit was exceeded.') }),
    s.decisions.map(decision),
    table({ title: t('Watches and attempts to reach somebody'), columns: [[t('Time')], [t('What')], [t('Whom')], [t('Outcome')]], rows: s.attempts.map((/** @type {any} */ a) => [fullTime(a.at), eventName(a.kind), a.to ?? a.who ?? a.phone ?? '–', a.kind === 'attempt' ? `${outcome(a.state)}${a.number ? ` (${a.number})` : ''}` : [a.watch ? watchName(a.watch) : '', a.rung ? t('rung {rung}', { rung: a.rung }) : ''].filter(Boolean).join(' · ')]), empty: t('Nobody had to be reminded.') }),
    table({ title: t('Alerts'), columns: [[t('Time')], [t('Alert')], [t('For')], [t('Acknowledged')]], rows: s.alerts.map((/** @type {any} */ a) => [fullTime(a.raised_at), alertTitle(a), roleName(a.role), a.acknowledged_at ? `${fullTime(a.acknowledged_at)} · ${a.acknowledged_by}` : '–']), empty: t('No alerts.') }),
    table({ title: t('Contacts with the customer'), columns: [[t('Time')], [t('Channel')], [t('Name')], [t('Phone')], [t('Said')]], rows: s.contacts.map((/** @type {any} */ c) => [fullTime(c.at), word('channels', c.channel), c.name || '–', c.phone || '–', c.text || '–']), empty: t('No contacts yet.') }),
    table({ title: t('History'), columns: [[t('Time')], [t('What')], [t('Who')], [t('Facts')]], rows: s.events.map((/** @type {any} */ e) => [fullTime(e.at), eventName(e.kind), who(e.by), facts(e.data)]) }),
  ];
}

async function show() {
  try {
    fill(byId('story'), story(await get(`/api/orders/${encodeURIComponent(page.orderId)}`)));
  } catch (error) {
    fill(byId('story'), h('p', { class: 'problem' }, explain(error)));
  }
}
await show();
