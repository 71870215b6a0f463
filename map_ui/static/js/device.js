// @ts-check
/** One device: what it sent and what that means side by side, what we answered, and why it may not come online. */
import { explain, get } from './api.js';
import { askTime, clock } from './clock.js';
import { age, asText, facts, kind, onlineChip, pairs, shownState, whyStranger } from './device_words.js';
import { byId, fill, h } from './dom.js';
import { clockTime, fullTime, t } from './page.js';
import { startShell } from './shell.js';
import { table } from './tables.js';
import { centreName, crewName, loadWords } from './vocabulary.js';

const EVERY_MS = 3000;
const id = decodeURIComponent(location.pathname.split('/').pop() ?? '');
startShell();
await Promise.all([loadWords(), askTime()]);

/** @param {any} f one frame */
function frame(f) {
  const bad = f.meant.some((/** @type {any} */ m) => m.type === 'Rejected');
  const text = asText(f.hex);
  return h('li', { class: `frame ${f.sent ? 'out' : 'in'}${bad ? ' bad' : ''}` },
    h('span', { class: 'when' }, h('time', { title: fullTime(f.at) }, clockTime(f.at)), h('b', {}, f.sent ? t('→ answer') : bad ? t('▲ rejected') : t('← device'))),
    h('div', {}, text === null ? null : h('pre', {}, text), h('pre', { class: text === null ? '' : 'soft' }, pairs(f.hex))),
    f.sent ? h('span', { class: 'soft' }, t('What the gateway sent')) : f.meant.length
      ? h('ul', {}, f.meant.map((/** @type {any} */ m) => h('li', {}, h('b', {}, kind(m.type)), facts(m)))) : h('span', { class: 'soft' }, t('Not a whole message yet')));
}

/** @param {any[]} all */
function frames(all) {
  return h('section', { class: 'panel' }, h('h2', {}, t('Frames of the last minutes')), h('p', { class: 'soft' }, t('The newest first. While this page is open every frame is shown; otherwise only rejected ones are kept, for a quarter of an hour.')),
    all.length ? h('ul', { class: 'frames' }, [...all].reverse().map(frame)) : h('p', { class: 'empty' }, t('Nothing yet. A device that is online shows its next frame within seconds.')));
}

/** @param {Record<string, any>} counts @param {string} title @param {string} empty */
const counted = (counts, title, empty) => table({ title, columns: [[t('What')], [t('How often'), 'number']], rows: Object.entries(counts ?? {}).sort((a, b) => b[1] - a[1]), empty });

/** @param {[string, any][]} rows */
const list = (rows) => h('dl', { class: 'facts' }, rows.filter(([, value]) => value !== null && value !== undefined && value !== '').flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));

/** @param {string|null} at */
const ago = (at) => (at ? t('{time} ({age} ago)', { time: fullTime(at), age: age(clock.now() - Date.parse(at)) }) : null);

/** @param {any} s */
const stranger = (s) => [h('section', { class: 'panel warn' }, h('h1', {}, s.name), h('p', {}, h('b', {}, whyStranger(s.why))),
  list([[t('Address'), s.address], [t('Protocol'), s.protocol], [t('Last heard'), ago(s.at)], [t('How often'), s.times]])), frames(s.frames)];

/** @param {any} d */
function known(d) {
  const status = Object.entries(d.status ?? {});
  const said = saidWith(d.position);
  return [
    h('section', { class: 'panel' }, h('h1', {}, d.id, ' ', onlineChip(d.online, d.seen_at !== null)),
      d.doubled ? h('p', { class: 'problem' }, t('Two connections used this id: {older} gave way to {newer}, {times} times, last at {at}. Where that repeats, two devices have the same id.', { ...d.doubled, at: fullTime(d.doubled.at) })) : null,
      d.misnamed ? h('p', { class: 'problem' }, t('Somebody used this id in another protocol than the registered one ({protocol} from {address}, {times} times, last at {at}) and was refused. Where it is this device, change its protocol in the organisation file.', { ...d.misnamed, at: fullTime(d.misnamed.at) })) : null,
      d.seen_at === null ? h('p', {}, t('This device has never authenticated here. If it is on, look whether it is among those not known, under another id or its address.')) : null,
      list([[t('Crew'), crewName(d.crew_id)], [t('Repair centre'), centreName(d.centre_id)], [t('Name'), d.label], [t('Protocol'), d.protocol], [t('Registered protocol'), d.registered || t('any')], [t('Address'), d.address], [t('Last heard'), ago(d.seen_at)], [t('Last position'), ago(d.fix_at)],
        [t('Connected since'), d.online ? ago(d.since) : null], [t('Frames on this connection'), d.frames_heard], [t('Sent again by the device'), d.resent], [t('Receipts for our messages'), d.receipts], [t('Gateway'), d.gateway]])),
    h('div', { class: 'columns' },
      counted(d.reasons, t('Rejected, by reason'), t('Nothing was rejected.')), counted(d.defects, t('Defects that were accepted'), t('None.')),
      table({ title: t('Orders on the terminal'), columns: [[t('Order')], [t('Slot'), 'number'], [t('On the terminal')], [t('Wanted')]], empty: t('No order is, or should be, on it.'), rows: orders(d) }),
      status.length ? table({ title: t('What it last said of itself'), note: ago(d.status_at) ?? '', columns: [[t('What')], ['']], rows: status.map(([name, value]) => [name, String(value)]) }) : null,
      said.length ? table({ title: t('What came with its last position'), note: ago(d.position.fix_at) ?? '', columns: [[t('What')], ['']], rows: said }) : null),
    frames(d.frames),
  ];
}

/** Height, battery and whatever else. @param {any} fix @returns {[string, string][]} */
function saidWith(fix) {
  const height = fix && fix.altitude_m !== null ? [[t('Altitude'), t('{n} m', { n: Math.round(fix.altitude_m) })]] : [];
  return /** @type {[string, string][]} */ ([...height, ...Object.entries(fix?.attributes ?? {}).map(([name, value]) => [name, String(value)])]);
}

/** @param {any} d */
function orders(d) {
  const place = (/** @type {any} */ o) => `${o.slot} ${o.order_id}`; // the same order may have come back in another slot
  const wanted = new Set(d.wanted.map(place)), there = new Set(d.shown.map(place));
  return [...d.shown, ...d.wanted.filter((/** @type {any} */ o) => !there.has(place(o)))].map((o) => [
    h('a', { href: `/orders/${encodeURIComponent(o.order_id)}` }, o.order_id), o.slot, o.state ? shownState(o.state) : t('not yet'), wanted.has(place(o)) ? t('yes') : t('no')]);
}

async function show() {
  const box = byId('device');
  try {
    const found = await get(`/api/devices/${encodeURIComponent(id)}`);
    document.title = `${id} · Dispatch45`;
    fill(box, found.stranger ? stranger(found.stranger) : known(found));
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, explain(error)));
  }
}

await show();
setInterval(() => { if (!document.hidden && !getSelection()?.toString()) show(); }, EVERY_MS);
