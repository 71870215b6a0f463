// @ts-check
/** Centres, departments with both leaders, crews. */
import { get, request } from '../api.js';
import { fill, h } from '../dom.js';
import { named, t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { options, word } from '../vocabulary.js';
import { addButton, button, buttons, confirmed, edit, place, problem, putEntry } from './forms.js';

export const STATIONS = ['community_service_station', 'city_supply_station', 'suburban_supply_station', 'emergency_repair'];

/** @param {string} code */
export function stationName(code) {
  /** @type {Record<string, string>} */
  const names = { community_service_station: t('Community service station'), city_supply_station: t('City supply station'), suburban_supply_station: t('Suburban supply station'), emergency_repair: t('Emergency repair unit') };
  return names[code] ?? code;
}

/** @param {any[]} list @returns {[string, string][]} */
const choices = (list) => list.map((one) => [one.id, `${named(one)} (${one.id})`]);
/** A short code that nobody has yet. @param {any[]} list @param {string} stem */
const freeId = (list, stem) => { let n = 1; while (list.some((one) => one.id === `${stem}-${n}`)) n += 1; return `${stem}-${n}`; };
/** @param {any} was @param {string} id @returns {import('./forms.js').Field[]} */
const code = (was, id) => (was ? [] : [{ name: 'id', label: t('Code (letters and digits, never changed)'), value: id }]);
/** @param {any} [was] @returns {import('./forms.js').Field[]} */
const names = (was) => [{ name: 'name', label: t('Name (English)'), value: was?.name ?? '' }, { name: 'name_zh', label: t('Name (Chinese)'), value: was?.name_zh ?? '', required: false }];

/** @param {any} org @param {any} [was] */
export function centreForm(org, was) {
  return edit({ title: was ? t('Change {name}', { name: named(was) }) : t('New repair centre'), fields: [...code(was, freeId(org.centres, 'centre')), ...names(was),
    { name: 'duty_phone', label: t('Duty phone (rung when nobody takes an order)'), value: was?.duty_phone ?? '' },
    { name: 'lat', label: t('Latitude (degrees, WGS-84)'), value: String(was?.lat ?? '') }, { name: 'lon', label: t('Longitude (degrees, WGS-84)'), value: String(was?.lon ?? '') }] },
  ({ lat, lon, id, ...said }) => putEntry('centres', was?.id ?? id, was ?? null, { ...was, ...said, ...place(lat, lon) }));
}

/** @param {any} org @param {any} [was] */
export function departmentForm(org, was) {
  const leader = (/** @type {1|2} */ n) => /** @type {import('./forms.js').Field[]} */ ([{ name: `name${n}`, label: t('Leader {n}: name', { n }), value: was?.[`leader${n}`]?.name ?? '' }, { name: `phone${n}`, label: t('Leader {n}: telephone', { n }), value: was?.[`leader${n}`]?.phone ?? '' }]);
  return edit({ title: was ? t('Change {name}', { name: named(was) }) : t('New department'), text: t('Both leaders are needed: they are rung where a crew does not answer.'), fields: [...code(was, freeId(org.departments, 'dept')), ...names(was),
    { name: 'centre_id', label: t('Repair centre'), kind: 'select', options: choices(org.centres), value: was?.centre_id ?? org.centres[0]?.id },
    { name: 'kind', label: t('Kind'), kind: 'select', options: [...new Set([...STATIONS, ...(was ? [was.kind] : [])])].map((k) => [k, stationName(k)]), value: was?.kind ?? STATIONS[0] },
    { name: 'trade', label: t('Trade'), kind: 'select', options: options('trades'), value: was?.trade ?? options('trades')[0]?.[0] }, ...leader(1), ...leader(2)] },
  ({ id, name1, name2, phone1, phone2, ...said }) => putEntry('departments', was?.id ?? id, was ?? null, { ...was, ...said, leader1: { name: name1, phone: phone1 }, leader2: { name: name2, phone: phone2 } }));
}

/** @param {any} org @param {any} [was] */
export function crewForm(org, was) {
  const centre = org.centres.find((/** @type {any} */ c) => c.id === (was?.centre_id ?? org.departments[0]?.centre_id)) ?? {};
  const at = was?.base ?? { lat: centre.lat ?? '', lon: centre.lon ?? '' };
  return edit({ title: was ? t('Change {name}', { name: named(was) }) : t('New crew'), fields: [...code(was, freeId(org.crews, 'crew')), ...names(was),
    { name: 'department_id', label: t('Department (gives centre, trade and both leaders)'), kind: 'select', options: choices(org.departments), value: was?.department_id ?? org.departments[0]?.id },
    { name: 'duty_phone', label: t('Duty phone of the crew'), value: was?.duty_phone ?? '' }, { name: 'capacity', label: t('Orders at once on its vehicle'), kind: 'number', value: String(was?.capacity ?? 3) },
    { name: 'shift_start', label: t('Shift from (HH:MM)'), value: was?.shift_start ?? '00:00' }, { name: 'shift_end', label: t('Shift until (HH:MM; 24:00: round the clock)'), value: was?.shift_end ?? '24:00' },
    { name: 'lat', label: t('Base: latitude'), value: String(at.lat) }, { name: 'lon', label: t('Base: longitude'), value: String(at.lon) },
    { name: 'shares_office', label: t('Shares an office with the repair centre'), kind: 'select', options: [['', t('no')], ['yes', t('yes')]], required: false, value: was?.shares_office ? 'yes' : '' }] },
  ({ id, lat, lon, shares_office, capacity, ...said }) => {
    const department = org.departments.find((/** @type {any} */ d) => d.id === said.department_id);
    return putEntry('crews', was?.id ?? id, was ?? null, { ...was, ...said, centre_id: department?.centre_id, trade: department?.trade, capacity: Number(capacity), base: place(lat, lon), shares_office: shares_office === 'yes' });
  });
}

/** @param {string} kind @param {any} one @param {() => any} again */
const removal = (kind, one, again) => button(t('Remove'), async () => {
  if (await confirmed({ title: t('Remove {name}?', { name: named(one) }), text: t('What it has done stays in the histories.'), confirm: t('Remove') }, () => putEntry(kind, one.id, one, null))) notice(t('{name} is removed.', { name: named(one) }));
  await again();
}, { danger: true, of: one.id });

/** A file that replaces everything, checked by the centre before anything changes. @param {() => any} again */
function wholeFile(again) {
  const take = async (/** @type {File|undefined} */ file) => {
    if (!file) return;
    await confirmed({ title: t('Put {file} in place of the whole organisation?', { file: file.name }), text: t('Whoever does not stand in it is gone.'), confirm: t('Put in force') }, async () => {
      let read;
      try { read = JSON.parse(await file.text()); } catch { throw new Error(t('{file} is not JSON.', { file: file.name })); }
      await request('PUT', '/api/admin/organisation', read);
      notice(t('{file} is in force.', { file: file.name }));
    });
    await again();
  };
  return h('details', { class: 'panel' }, h('summary', {}, t('The whole organisation as one file')),
    h('p', {}, h('a', { class: 'button', href: '/api/admin/organisation', download: 'organisation.json' }, t('Download the organisation file'))),
    h('p', {}, h('label', { htmlFor: 'file-organisation' }, t('Put an organisation file in force:')), ' ', h('input', { id: 'file-organisation', type: 'file', accept: '.json', on: { change: (/** @type {any} */ e) => take(e.target.files[0]) } })));
}

/** @param {HTMLElement} box */
export async function show(box) {
  const org = await get('/api/admin/organisation');
  const again = () => show(box).catch((error) => notice(problem(error), 'bad'));
  const name = (/** @type {any[]} */ list, /** @type {string} */ id) => named(list.find((one) => one.id === id)) || id;
  /** @param {string} kind @param {(org: any, was?: any) => Promise<any>} form @param {any} one */
  const both = (kind, form, one) => buttons(button(t('Change'), async () => { await form(org, one); await again(); }, { of: one.id }), removal(kind, one, again));
  const add = (/** @type {string} */ label, /** @type {(org: any) => Promise<any>} */ form, /** @type {string} */ id) => addButton(label, async () => { if (await form(org)) await again(); }, id);
  fill(box,
    table({ title: t('Repair centres'), empty: t('There is none yet.'), columns: [[t('Code')], [t('Name')], [t('Duty phone')], [t('Place')], ['']], rows: org.centres.map((/** @type {any} */ c) => [c.id, named(c), c.duty_phone, `${c.lat.toFixed(4)}, ${c.lon.toFixed(4)}`, both('centres', centreForm, c)]) }),
    add(t('Add a repair centre'), centreForm, 'add-centre'),
    table({ title: t('Departments'), empty: t('There is none yet.'), columns: [[t('Code')], [t('Name')], [t('Kind')], [t('Repair centre')], [t('Trade')], [t('Leader 1')], [t('Leader 2')], ['']], rows: org.departments.map((/** @type {any} */ d) => [d.id, named(d), stationName(d.kind), name(org.centres, d.centre_id), word('trades', d.trade), `${d.leader1.name} ${d.leader1.phone}`, `${d.leader2.name} ${d.leader2.phone}`, both('departments', departmentForm, d)]) }),
    org.centres.length ? add(t('Add a department'), departmentForm, 'add-department') : h('p', { class: 'soft' }, t('A department needs a repair centre first.')),
    table({ title: t('Crews'), empty: t('There is none yet.'), columns: [[t('Code')], [t('Name')], [t('Department')], [t('Trade')], [t('Duty phone')], [t('Shift')], [t('Orders at once'), 'number'], [t('Vehicle')], ['']], rows: org.crews.map((/** @type {any} */ c) => [c.id, named(c), name(org.departments, c.department_id), word('trades', c.trade), c.duty_phone, c.shift_start === c.shift_end || c.shift_end === '24:00' && c.shift_start === '00:00' ? t('round the clock') : `${c.shift_start}–${c.shift_end}`, c.capacity, c.vehicle?.plate || c.vehicle?.device || '–', both('crews', crewForm, c)]) }),
    org.departments.length ? add(t('Add a crew'), crewForm, 'add-crew') : h('p', { class: 'soft' }, t('A crew needs a department first.')),
    wholeFile(again));
}
