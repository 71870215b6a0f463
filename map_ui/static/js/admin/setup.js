// @ts-check
/** The first steps: the first administrator, then what an installation needs, one after the other; it can be left and taken up again. */
import { get, post, request } from '../api.js';
import { byId, fill, h } from '../dom.js';
import { page, t } from '../page.js';
import { startShell } from '../shell.js';
import { loadWords } from '../vocabulary.js';
import { deviceForm } from './devices.js';
import { edit, problem } from './forms.js';
import { territoryFields } from './land.js';
import { addPerson } from './people.js';
import { polygon, square } from './polygons.js';
import { stepName, stepReason } from './steps.js';
import { centreForm, crewForm, departmentForm } from './units.js';

startShell();
const box = byId('setup');

/** @param {string} id @param {string} label @param {any} [more] */
const field = (id, label, more = {}) => [h('label', { htmlFor: id }, label), h('input', { id, name: id, required: true, ...more })];

function first() {
  const told = h('p', { class: 'problem', role: 'alert', hidden: true });
  const token = decodeURIComponent(location.hash.slice(1));
  const form = h('form', { class: 'panel form' }, h('h2', {}, t('The first administrator')), h('p', {}, t('Where this program was started, an address with a token was printed. Whoever knows it administers this installation.')),
    field('token', t('Token'), { value: token, autocomplete: 'off' }), field('username', t('User name'), { autocomplete: 'username', autocapitalize: 'none' }), field('name', t('Name')), field('password', t('Password (10 characters at least)'), { type: 'password', autocomplete: 'new-password', minLength: 10 }), field('again', t('Password once more'), { type: 'password', autocomplete: 'new-password' }), told, h('button', { class: 'primary', type: 'submit' }, t('Begin')));
  form.addEventListener('submit', async (/** @type {Event} */ e) => {
    e.preventDefault();
    const { again, ...said } = Object.fromEntries(new FormData(form));
    try {
      if (again !== said.password) throw new Error(t('The two passwords differ.'));
      await post('/api/setup', said);
      location.assign('/setup');
    } catch (error) {
      told.textContent = problem(error);
      told.hidden = false;
    }
  });
  fill(box, form);
  form.querySelector(token ? '#username' : '#token').focus();
}

/** A square about the first centre, to be drawn exactly later. @param {any} org */
function firstLand(org) {
  const centre = org.centres[0];
  return edit({ title: t('A first territory'), text: t('A square about the repair centre, to be drawn exactly later.'), fields: [{ name: 'km', label: t('Kilometres from the centre to each side'), kind: 'number', value: '10' }, ...territoryFields().filter((f) => f.name !== 'centre_id')] }, async ({ km, ...said }) => {
    const { version, territories } = await get('/api/admin/territories');
    return request('PUT', `/api/admin/territories?version=${version}`, { type: 'FeatureCollection', features: [...territories.features, polygon(square(centre.lat, centre.lon, Number(km)), { ...said, centre_id: centre.id })] });
  });
}

/** What each step opens. @param {any} org @returns {Record<string, () => any>} */
const doors = (org) => ({
  centre: () => centreForm(org), department: () => departmentForm(org), territory: () => firstLand(org), crew: () => crewForm(org), vehicle: () => deviceForm(org, 'terminal'),
  hotline: () => addPerson(org.crews, { role: 'hotline' }), dispatcher: () => addPerson(org.crews, { role: 'dispatcher', centre_id: org.centres[0]?.id }), crew_member: () => addPerson(org.crews, { role: 'crew', crew_id: org.crews[0]?.id }),
  channel: () => location.assign('/alerts'),
});
/** @type {Record<string, string[]>} what has to be there before */
const BEFORE = { department: ['centre'], territory: ['centre'], crew: ['department'], vehicle: ['crew'], dispatcher: ['centre'], crew_member: ['crew'] };

async function steps() {
  const [org, found] = await Promise.all([get('/api/admin/organisation'), get('/api/admin/checklist'), loadWords()]);
  const done = new Set(found.steps.filter((/** @type {any} */ s) => s.done).map((/** @type {any} */ s) => s.step));
  const open = found.steps.filter((/** @type {any} */ s) => !s.done), next = open.find((/** @type {any} */ s) => s.needed) ?? open[0], door = doors(org);
  const row = (/** @type {any} */ one) => {
    const possible = (BEFORE[one.step] ?? []).every((s) => done.has(s));
    const act = async () => { if (await door[one.step]()) await steps(); };
    return h('li', { class: one.done ? 'done' : one === next ? 'next' : '', data: { step: one.step } }, h('span', { class: 'mark', 'aria-hidden': 'true' }, one.done ? '✓' : '○'),
      h('div', { class: 'grow' }, h('b', {}, stepName(one.step)), one.needed ? null : h('span', { class: 'chip' }, t('can wait')), h('div', { class: 'soft' }, stepReason(one.step))), h('span', { class: `chip ${one.done ? 'good' : 'warn'}` }, one.done ? t('there: {n}', { n: one.count }) : t('missing')),
      h('button', { type: 'button', class: one === next ? 'primary' : '', disabled: !possible, 'aria-label': `${one.done ? t('Another one') : t('Do it')}: ${stepName(one.step)}`, on: { click: act } }, one.done ? t('Another one') : t('Do it')));
  };
  fill(box, h('section', { class: `panel ${found.ready ? 'ready' : ''}`, role: 'status' }, h('h2', {}, found.ready ? t('Ready: the first call can come.') : t('{n} of {all} steps are done', { n: done.size, all: found.steps.length })), h('p', {}, found.ready ? t('Everything else is under Administration.') : t('You may leave and come back at any time: what is done stays done.')), found.ready ? h('a', { class: 'button primary', id: 'to-admin', href: '/admin' }, t('To the administration')) : null), h('ol', { class: 'steps' }, found.steps.map(row)));
  box.querySelector('.next button')?.focus();
}

try {
  if (page.person) await steps();
  else if ((await get('/api/setup')).waiting) first();
  else location.replace('/sign-in?next=/setup');
} catch (error) {
  fill(box, h('p', { class: 'problem' }, problem(error)));
}
