// @ts-check
/** Who is told outside the pages, and by which channels: list, add, change, remove, test. */
import { alertTitle } from './alert_words.js';
import { watchAlerts } from './alert_watch.js';
import { explain, get, post, request } from './api.js';
import { deed } from './deeds.js';
import { byId, fill, h } from './dom.js';
import { fullTime, t } from './page.js';
import { ask, notice, startShell } from './shell.js';
import { table } from './tables.js';
import { showUndelivered } from './undelivered.js';
import { centreName, loadWords, options, roleName } from './vocabulary.js';

const ROLES = ['hotline', 'dispatcher', 'crew', 'manager', 'admin'];
const API = '/api/admin/alerts';
const TEST_FOR_MS = 30_000;
startShell();
await loadWords();
watchAlerts();
const lost = h('section', { class: 'panel', id: 'undelivered', hidden: true });
const list = h('div', { class: 'stacked' });
fill(byId('recipients'), lost, list);
showUndelivered(lost);
/** @type {any[]} */
let people = [];

/** @param {string} code */
function severityName(code) {
  /** @type {Record<string, string>} */
  const names = { info: t('everything'), warning: t('warnings and escalations'), escalation: t('escalations only') };
  return names[code] ?? code;
}

/** Send, draw the answer; what was entered is asked for again where the centre refuses it. @param {string} method @param {string} path @param {any} body @returns {Promise<boolean>} */
async function send(method, path, body) {
  try {
    draw(await request(method, `${API}/${path}`, body));
    return true;
  } catch (error) {
    notice(explain(error), 'bad');
    return false;
  }
}

/** @param {any} [one] @param {Record<string, string>} [before] */
async function recipient(one, before) {
  const now = before ?? { name: one?.name ?? '', whom: one?.username ? `person ${one.username}` : `role ${one?.role ?? 'manager'}`, centre_id: one?.centre_id ?? '', language: one?.language ?? '' };
  const whom = [...ROLES.map((r) => [`role ${r}`, roleName(r)]), ...people.map((p) => [`person ${p.username}`, `${p.name} (${p.username})`])];
  const said = await ask({
    title: one ? t('Change {name}', { name: one.name }) : t('New recipient'), confirm: t('Save'), fields: [
      { name: 'name', label: t('Name'), value: now.name }, { name: 'whom', label: t('Role, or person'), kind: 'select', options: /** @type {any} */ (whom), value: now.whom },
      { name: 'centre_id', label: t('Repair centre (of a role)'), kind: 'select', options: [['', t('all')], ...options('centres')], required: false, value: now.centre_id },
      { name: 'language', label: t('Language'), kind: 'select', options: [['', t('that of the installation')], ['zh-CN', '中文'], ['en', 'English']], required: false, value: now.language }],
  });
  if (!said) return;
  const [kind, id] = said.whom.split(' ');
  const body = { name: said.name, username: kind === 'person' ? id : '', role: kind === 'role' ? id : '', centre_id: said.centre_id, language: said.language };
  if (!await send(one ? 'PUT' : 'POST', one ? `recipients/${one.id}` : 'recipients', body)) await recipient(one, said);
}

/** @param {any} owner @param {any} [one] @param {Record<string, string>} [before] */
async function channel(owner, one, before) {
  const now = before ?? { label: one?.label ?? '', url: '', minimum: one?.minimum ?? 'info', codes: (one?.codes ?? []).join(' '), quiet_from: one?.quiet_from ?? '', quiet_to: one?.quiet_to ?? '' };
  const said = await ask({
    title: one ? t('Change {name}', { name: one.label }) : t('New channel of {name}', { name: owner.name }), confirm: t('Save'), text: t('Addresses are written in the way of Apprise, e.g. mailtos://user:password@host?to=… or dingtalk://token. They hold secrets and are never shown again.'), fields: [
      { name: 'label', label: t('Label'), value: now.label }, { name: 'url', label: one ? t('New address (empty: keep the one that is stored)') : t('Address'), required: !one, value: now.url },
      { name: 'minimum', label: t('What goes this way'), kind: 'select', options: ['info', 'warning', 'escalation'].map((s) => [s, severityName(s)]), value: now.minimum },
      { name: 'codes', label: t('Or only these codes (separated by blanks)'), required: false, value: now.codes },
      { name: 'quiet_from', label: t('Quiet from (HH:MM), except for escalations'), required: false, value: now.quiet_from }, { name: 'quiet_to', label: t('Quiet until (HH:MM)'), required: false, value: now.quiet_to }],
  });
  if (!said) return;
  const body = { ...said, codes: said.codes.split(/[\s,]+/).filter(Boolean) };
  if (!await send(one ? 'PUT' : 'POST', one ? `channels/${one.id}` : `recipients/${owner.id}/channels`, body)) await channel(owner, one, said);
}

/** @param {'recipients'|'channels'} kind @param {any} one @param {string} name */
async function remove(kind, one, name) {
  if (await ask({ title: t('Remove {name}?', { name }), text: t('What still waits to be sent this way is not sent.'), confirm: t('Remove'), danger: true })) await send('DELETE', `${kind}/${one.id}`, undefined);
}

/** Up or down in the recipient's list. @param {any} owner @param {number} i @param {number} by */
async function move(owner, i, by) {
  const order = [...owner.channels];
  order.splice(i + by, 0, ...order.splice(i, 1));
  for (const [n, c] of order.entries()) if (c.position !== n + 1) await send('PUT', `channels/${c.id}`, { label: c.label, minimum: c.minimum, codes: c.codes, quiet_from: c.quiet_from, quiet_to: c.quiet_to, position: n + 1 });
}

/** Really sends, and says what came of it. @param {any} one @param {HTMLElement} place */
async function test(one, place) {
  fill(place, t('Sending…'));
  try {
    const { test: key } = await post(`${API}/channels/${one.id}/test`);
    for (let waited = 0; waited < TEST_FOR_MS; waited += 500) {
      await new Promise((go) => { setTimeout(go, 500); });
      const { delivered, said } = await get(`${API}/tests/${key}`);
      if (delivered !== null) return fill(place, h('span', { class: `chip ${delivered ? 'good' : 'bad'}` }, delivered ? t('The service took it.') : t('Not delivered')), ' ', delivered ? null : h('span', { lang: 'en' }, said));
    }
    return fill(place, h('span', { class: 'chip bad' }, t('Nobody has sent it yet: see whether the worker runs.')));
  } catch (error) {
    return fill(place, h('span', { class: 'problem' }, explain(error)));
  }
}

/** @param {any} owner @param {any} one @param {number} i */
function line(owner, one, i) {
  const result = h('div', { class: 'soft', role: 'status' });
  const button = (/** @type {string} */ text, /** @type {() => any} */ click, kind = '', off = false) => h('button', { type: 'button', class: kind, disabled: off, on: { click } }, text);
  return [one.label, h('code', {}, one.url), one.codes.length ? one.codes.map((/** @type {string} */ code) => alertTitle(/** @type {any} */ ({ code }))).join(', ') : severityName(one.minimum), one.quiet_from ? `${one.quiet_from}–${one.quiet_to}` : '–',
    h('div', {}, h('div', { class: 'buttons' }, button(t('Test'), () => test(one, result), 'primary'), button(t('Change'), () => channel(owner, one)), button('↑', () => move(owner, i, -1), '', i === 0), button(t('Remove'), () => remove('channels', one, one.label), 'danger-soft')), result)];
}

/** @param {any} one */
function section(one) {
  const whom = one.username ? t('person: {name}', { name: one.username }) : [roleName(one.role), one.centre_id ? centreName(one.centre_id) : t('all centres')].join(' · ');
  const box = table({ title: one.name, note: whom, columns: [[t('Label')], [t('Service')], [t('What goes this way')], [t('Quiet hours')], ['']], rows: one.channels.map((/** @type {any} */ c, /** @type {number} */ i) => line(one, c, i)), empty: t('No channel yet: nobody is told.') });
  box.dataset.recipient = one.id;
  box.append(h('p', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', on: { click: () => channel(one) } }, t('Add a channel')), ' ', h('button', { type: 'button', on: { click: () => recipient(one) } }, t('Change')), ' ', h('button', { type: 'button', class: 'danger-soft', on: { click: () => remove('recipients', one, one.name) } }, t('Remove'))));
  return box;
}

/** @param {any} found */
function draw(found) {
  fill(list, found.recipients.length ? found.recipients.map(section) : h('p', { class: 'empty' }, t('Nobody is told outside the pages.')),
    h('p', {}, h('button', { type: 'button', class: 'primary', id: 'add-recipient', on: { click: () => recipient() } }, t('Add a recipient'))),
    table({ title: t('Changes'), columns: [[t('Time')], [t('Who')], [t('What')], ['']], rows: found.changes.map((/** @type {any} */ c) => [fullTime(c.at), c.by, deed(c.what), c.subject]), empty: t('None yet.') }));
}

try {
  const [found, all] = await Promise.all([get(API), get('/api/admin/people')]);
  people = all.filter((/** @type {any} */ p) => p.active !== false);
  draw(found);
} catch (error) {
  fill(list, h('p', { class: 'problem' }, explain(error)));
}
