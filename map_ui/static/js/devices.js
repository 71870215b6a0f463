// @ts-check
/** All devices: who is online, who was heard when, who cannot be read, and who is not known. */
import { explain, get } from './api.js';
import { askTime, clock } from './clock.js';
import { age, onlineChip, whyStranger } from './device_words.js';
import { byId, fill, h } from './dom.js';
import { fullTime, t } from './page.js';
import { startShell } from './shell.js';
import { table } from './tables.js';
import { centreName, crewName, loadWords } from './vocabulary.js';

const EVERY_MS = 5000;
startShell();
await Promise.all([loadWords(), askTime()]);
/** @type {any} */
let found = null;
const search = h('input', { type: 'search', id: 'search', placeholder: t('Device, crew or protocol'), 'aria-label': t('Search'), on: { input: () => draw() } });
const trouble = h('input', { type: 'checkbox', id: 'trouble', on: { change: () => draw() } });
const list = h('div', {});
const unknown = h('div', {});

/** @param {string|null} at */
const since = (at) => (at ? h('span', { title: fullTime(at) }, age(clock.now() - Date.parse(at))) : '–');
/** @param {any} one */
const troubled = (one) => !one.online || one.rejected > 0 || one.doubled || one.misnamed;

function draw() {
  const wanted = search.value.trim().toLowerCase();
  const rows = found.devices.filter((/** @type {any} */ d) => (!trouble.checked || troubled(d)) && (!wanted || [d.id, d.label, d.protocol, d.crew_id, crewName(d.crew_id)].join(' ').toLowerCase().includes(wanted)));
  const online = found.devices.filter((/** @type {any} */ d) => d.online).length;
  fill(list, table({
    title: t('{online} of {all} devices are online', { online, all: found.devices.length }), empty: t('No device is like that.'),
    columns: [[t('Device')], [t('State')], [t('Last heard'), 'number'], [t('Last position'), 'number'], [t('Rejected'), 'number'], [t('Crew')], [t('Repair centre')], [t('Protocol')]],
    rows: rows.map((/** @type {any} */ d) => [h('a', { href: `/devices/${encodeURIComponent(d.id)}` }, d.id), h('span', { class: 'chips' }, onlineChip(d.online, d.seen_at !== null), d.doubled ? h('span', { class: 'chip warn', title: fullTime(d.doubled.at) }, t('was here twice')) : null, d.misnamed ? h('span', { class: 'chip warn', title: fullTime(d.misnamed.at) }, t('wrong protocol')) : null), since(d.seen_at), since(d.fix_at),
      d.rejected ? h('b', { class: 'late' }, d.rejected) : 0, crewName(d.crew_id), centreName(d.centre_id), d.protocol || '–']),
  }));
  fill(unknown, found.strangers.length ? table({
    title: t('Not known here'), note: t('Who spoke to the gateway in the last hour and was not let in. To register a device, give it to its crew under Administration, Vehicles and phones.'),
    columns: [[t('Claimed id or address')], [t('Why')], [t('Protocol')], [t('Address')], [t('Last heard'), 'number'], [t('How often'), 'number']],
    rows: found.strangers.map((/** @type {any} */ s) => [h('a', { href: `/devices/${encodeURIComponent(s.name)}` }, s.name), whyStranger(s.why), s.protocol || '–', s.address, since(s.at), s.times]),
  }) : null);
}

async function show() {
  try {
    found = await get('/api/devices');
    if (!list.isConnected) fill(byId('devices'), h('div', { class: 'filters' }, search, h('label', {}, trouble, t('Only those with trouble'))), list, unknown);
    draw();
  } catch (error) {
    fill(byId('devices'), h('p', { class: 'problem' }, explain(error)));
  }
}

await show();
setInterval(() => { if (!document.hidden) show(); }, EVERY_MS);
