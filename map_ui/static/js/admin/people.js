// @ts-check
/** People: who may sign in, as what; a password is only ever given to be changed. */
import { get, post, request } from '../api.js';
import { fill, h } from '../dom.js';
import { named, page, t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { centreName, crewName, options, roleName } from '../vocabulary.js';
import { addButton, button, buttons, confirmed, edit, tell } from './forms.js';

export const ROLES = ['hotline', 'dispatcher', 'crew', 'manager', 'admin'];
const FACTS = ['name', 'role', 'centre_id', 'crew_id', 'active'];

/** @param {any} person @param {any[]} crews @returns {import('./forms.js').Field[]} */
function fields(person, crews) {
  const known = crews.map((c) => /** @type {[string, string]} */ ([c.id, `${named(c)} (${c.id})`]));
  return [
    { name: 'name', label: t('Name'), value: person.name ?? '' },
    { name: 'role', label: t('Role'), kind: 'select', options: ROLES.map((r) => [r, roleName(r)]), value: person.role ?? 'hotline' },
    { name: 'centre_id', label: t('Repair centre (dispatchers)'), kind: 'select', options: [['', '–'], ...options('centres')], required: false, value: person.centre_id ?? '' },
    { name: 'crew_id', label: t('Crew (members of a crew)'), kind: 'select', options: [['', '–'], ...known], required: false, value: person.crew_id ?? '' },
  ];
}

/** The password that was made. @param {any} made */
const sayPassword = (made) => tell({ title: t('Password of {name}', { name: made.username }), text: t('It is shown this once and stored nowhere. It only serves to choose an own one at the first sign-in.'), lines: [made.password] });

/** @param {any[]} crews @param {Record<string, string>} [given] */
export async function addPerson(crews, given = {}) {
  const made = await edit({ title: t('Somebody new'), confirm: t('Add'), text: t('A password is made and shown once.'), fields: [{ name: 'username', label: t('User name'), value: given.username ?? '' }, ...fields(given, crews)] }, (said) => post('/api/admin/people', said));
  if (made) await sayPassword(made);
  return !!made;
}

/** @param {any} person @param {any} changes */
const put = (person, changes) => {
  const was = Object.fromEntries(FACTS.map((k) => [k, person[k] ?? '']));
  return request('PUT', `/api/admin/people/${encodeURIComponent(person.username)}`, { ...was, ...changes, was });
};

/** @param {HTMLElement} box */
export async function show(box) {
  const [people, { crews }] = await Promise.all([get('/api/admin/people'), get('/api/admin/organisation')]);
  const again = () => show(box);
  /** @param {any} p */
  const row = (p) => {
    const own = p.username === page.person?.username, name = p.username;
    const change = button(t('Change'), async () => { await edit({ title: t('Change {name}', { name }), fields: fields(p, crews) }, (said) => put(p, said)); await again(); }, { of: name });
    const lock = button(t('Lock out'), async () => { if (await confirmed({ title: t('Lock {name} out?', { name }), text: t('Open sessions end at once.'), confirm: t('Lock out') }, () => put(p, { active: false }))) notice(t('{name} is locked out.', { name })); await again(); }, { danger: true, of: name });
    const let_in = button(t('Let in again'), async () => { await confirmed({ title: t('Let {name} in again?', { name }), confirm: t('Let in again') }, () => put(p, { active: true })); await again(); }, { of: name });
    const reset = button(t('New password'), async () => {
      await confirmed({ title: t('A new password for {name}?', { name }), text: t('The old one is worth nothing any more, and open sessions end at once.'), confirm: t('New password') }, async () => sayPassword(await post(`/api/admin/people/${encodeURIComponent(name)}/password`)));
      await again();
    }, { of: name });
    const state = p.active ? p.must_change ? h('span', { class: 'chip warn' }, t('has still to choose a password')) : h('span', { class: 'chip good' }, t('may sign in')) : h('span', { class: 'chip' }, t('locked out'));
    return [name, p.name, roleName(p.role), p.crew_id ? crewName(p.crew_id) : centreName(p.centre_id), state, p.active ? buttons(change, own ? h('a', { class: 'button', href: '/password' }, t('Own password')) : [reset, lock]) : buttons(change, let_in)];
  };
  fill(box, table({ title: t('People'), columns: [[t('User name')], [t('Name')], [t('Role')], [t('Belongs to')], [t('State')], ['']], rows: people.map(row) }),
    addButton(t('Add somebody'), async () => { if (await addPerson(crews)) await again(); }, 'add-person'),
    h('p', { class: 'soft' }, t('Many at once: as a list under Lists. Nobody is ever removed, as the histories name people; who has gone is locked out.')));
}
