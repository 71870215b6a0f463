// @ts-check
/** Administration, thin: people; the organisation as a file; how the parts are. */
import { watchAlerts } from './alert_watch.js';
import { ApiError, explain, get, post, request } from './api.js';
import { deed } from './deeds.js';
import { byId, fill, h } from './dom.js';
import { fullTime, named, t } from './page.js';
import { ask, notice, startShell } from './shell.js';
import { table } from './tables.js';
import { centreName, crewName, loadWords, options, roleName } from './vocabulary.js';

startShell();
await loadWords();
watchAlerts();
const ROLES = ['hotline', 'dispatcher', 'crew', 'manager', 'admin'];
/** @type {any} */
let organisation = null;

/** Asked again with what was entered, where the centre refuses it. @param {Record<string, string>} [before] */
async function add(before = {}) {
  const crews = (organisation?.crews ?? []).map((/** @type {any} */ c) => [c.id, `${named(c)} (${c.id})`]);
  const said = await ask({
    title: t('Somebody new'), confirm: t('Add'), fields: [
      { name: 'username', label: t('User name') }, { name: 'name', label: t('Name') }, { name: 'role', label: t('Role'), kind: 'select', options: ROLES.map((r) => [r, roleName(r)]) },
      { name: 'centre_id', label: t('Repair centre (dispatchers)'), kind: 'select', options: [['', '–'], ...options('centres')], required: false }, { name: 'crew_id', label: t('Crew (members of a crew)'), kind: 'select', options: [['', '–'], ...crews], required: false },
      { name: 'password', label: t('Password (8 characters at least)') }].map((/** @type {any} */ one) => ({ ...one, value: before[one.name] })),
  });
  if (!said) return;
  try {
    await post('/api/admin/people', said);
    notice(t('{name} may sign in now.', { name: said.username }));
  } catch (error) {
    notice(explain(error), 'bad');
    await add(said);
    return;
  }
  await show();
}

/** @param {any} person */
async function disable(person) {
  if (!await ask({ title: t('Lock {name} out?', { name: person.username }), text: t('Open sessions end at once.'), confirm: t('Lock out'), danger: true })) return;
  try {
    await post(`/api/admin/people/${encodeURIComponent(person.username)}/disable`);
  } catch (error) {
    notice(explain(error), 'bad');
  }
  await show();
}

/** @param {'organisation'|'territories'} what @param {File|undefined} file */
async function upload(what, file) {
  if (!file) return;
  try {
    await request('PUT', `/api/admin/${what}`, JSON.parse(await file.text()));
    notice(t('{file} is in force.', { file: file.name }));
  } catch (error) {
    notice(error instanceof ApiError ? explain(error) : t('{file} is not JSON.', { file: file.name }), 'bad');
  }
  await show();
}

/** @param {'organisation'|'territories'} what @param {string} label */
const uploader = (what, label) => h('p', {}, h('label', { htmlFor: `file-${what}` }, label), ' ', h('input', { id: `file-${what}`, type: 'file', accept: '.json,.geojson', on: { change: (/** @type {any} */ e) => upload(what, e.target.files[0]) } }));

/** @param {any} health */
function parts(health) {
  /** @type {Record<string, string>} */
  const states = { ok: t('in order'), degraded: t('restricted'), down: t('down') };
  /** @type {Record<string, string>} */
  const names = { sql: t('Database'), redis: t('Live state (Redis)'), gateway: t('Vehicle gateway'), worker: t('Worker (clocks, deliveries)'), telephone: t('Telephone'), web: t('Pages') };
  return table({ title: t('State of the system'), columns: [[t('Part')], [t('State')], [t('Reason')]], rows: Object.entries(health?.parts ?? {}).map(([name, one]) => [names[name] ?? name, h('span', { class: `chip ${one.state === 'ok' ? 'good' : 'bad'}` }, states[one.state] ?? one.state), h('span', { lang: 'en' }, one.reason || '–')]), empty: t('Not known.') });
}

/** Healthz answers 503 with the same body where a part is down. */
async function health() {
  const response = await fetch('/healthz', { cache: 'no-store' }).catch(() => null);
  return response ? response.json().catch(() => null) : null;
}

/** The facts of a note, as they are kept. @param {Record<string, any>} data */
const kept = (data) => Object.entries(data).filter(([, v]) => v && String(v).length).map(([name, v]) => `${name}: ${Array.isArray(v) ? v.join(', ') : typeof v === 'object' ? JSON.stringify(v) : v}`).join(' · ');

/** @param {any[]} rows of the audit trail */
const trail = (rows) => table({
  title: t('Audit trail'), note: t('The newest first. Lines are sealed by a chain of hashes: `dispatch45 audit verify` checks it.'),
  columns: [[t('Time')], [t('Who')], [t('What')], [t('Whom or where from')], [t('Facts')]],
  rows: rows.map((one) => [fullTime(one.at), `${roleName(one.by_role)} ${one.by_id}`, deed(one.action), one.subject || '–', h('span', { lang: 'en' }, kept(one.data) || '–')]),
});

async function show() {
  const box = byId('admin');
  try {
    const [people, org, state, noted] = await Promise.all([get('/api/admin/people'), get('/api/admin/organisation').catch(() => null), health(), get('/api/admin/audit')]);
    organisation = org;
    fill(box, parts(state),
      table({
        title: t('People'), columns: [[t('User name')], [t('Name')], [t('Role')], [t('Belongs to')], [t('State')], ['']],
        rows: people.map((/** @type {any} */ p) => [p.username, p.name, roleName(p.role), p.crew_id ? crewName(p.crew_id) : centreName(p.centre_id), p.active === false ? h('span', { class: 'chip' }, t('locked out')) : h('span', { class: 'chip good' }, t('may sign in')), p.active === false ? '' : h('button', { type: 'button', class: 'danger-soft', on: { click: () => disable(p) } }, t('Lock out'))]),
      }),
      h('p', {}, h('button', { type: 'button', class: 'primary', id: 'add-person', on: { click: () => add() } }, t('Add somebody'))),
      h('section', { class: 'panel' }, h('h2', {}, t('Organisation')), org ? h('p', {}, t('{centres} repair centres, {departments} departments, {crews} crews', { centres: org.centres?.length ?? 0, departments: org.departments?.length ?? 0, crews: org.crews?.length ?? 0 })) : null,
        h('p', {}, h('a', { class: 'button', href: '/api/admin/organisation', download: 'organisation.json' }, t('Download the organisation file')), ' ', h('a', { class: 'button', href: '/api/territories', download: 'territories.geojson' }, t('Download the territories'))),
        uploader('organisation', t('Put an organisation file in force:')), uploader('territories', t('Put territories (GeoJSON) in force:')),
        h('p', { class: 'soft' }, t('What the files hold, and everything else that can be set, is described in the folder docs of the program.'))),
      trail(noted));
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, explain(error)));
  }
}

await show();
