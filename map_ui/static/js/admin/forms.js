// @ts-check
/** Forms of the administrator: asked again with what was entered where the centre refuses it; who was first is said. */
import { ApiError, explain, request } from '../api.js';
import { h } from '../dom.js';
import { fullTime, t } from '../page.js';
import { ask, modal, notice } from '../shell.js';

/** @typedef {{name: string, label: string, kind?: 'select'|'text'|'area'|'number'|'when', options?: [string, string][], value?: string, required?: boolean}} Field */

/** What to tell the person; who was quicker, where somebody was. @param {any} error */
export function problem(error) {
  if (!(error instanceof ApiError)) return explain(error);
  const { why, who, when, orders, people, device, id, number, name, feature } = error.facts;
  /** @type {Record<string, () => string>} */
  const known = {
    taken: () => t('{id} is there already.', { id }), people: () => t('{people} still belong to it: move them or lock them out first.', { people: people.join(', ') }),
    needed: () => t('It is still needed for {orders}: these orders have to be finished first.', { orders: orders.join(', ') }), has_device: () => (device ? t('The crew has {device} already: take that away first.', { device }) : t('The crew has a device already: take that away first.')),
    last_admin: () => t('Somebody must be able to administer this installation.'), own_password: () => t('You change your own password with the old one.'), looked: () => t('Something has changed since you looked: look again.'),
    number: () => t('{number} is no number that a telephone can dial: expected digits, with + before a country code.', { number }),
    short: () => t('The password needs at least 10 characters.'), name: () => t('The password should not be made of the user name.'), token: () => t('This is not the token of the last start.'), somebody: () => t('There is an administrator already: sign in.'),
    instant: () => t('This is no date and time: expected e.g. 2026-03-02 08:30.'), ends_first: () => t('It ends before it begins.'), ends_past: () => t('Its end lies in the past.'), where: () => t('Say where: a territory, addresses or an area.'),
    polygon: () => t('The area needs three corners or more, longitude before latitude, and its sides must not cross.'), reference: () => t('It names something that is not there any more: look again.'),
    outline: () => t('The outline of {name} (number {n}) cannot be taken: it crosses itself, is not closed, or is not in degrees with the longitude first.', { name, n: feature + 1 }),
    outage_called_off: () => t('It was called off: plan another one.'), outage_over: () => t('It is over: plan another one.'), not_under_way: () => t('It is not under way any more.'),
  };
  if (known[why]) return known[why]();
  if (error.code === 'conflict') return who ? t('{who} changed this at {when}, while you had it open. You see the new state: make your change again.', { who, when: fullTime(when) }) : t('Somebody changed this while you had it open. You see the new state: make your change again.');
  return explain(error);
}

/** The field of a form that a refusal is about; empty: none is named. @param {any} error @returns {string} */
const meant = ({ facts }) => String(facts?.field ?? facts?.errors?.[0]?.field ?? '').split('.').at(-1) ?? '';

/**
 * Ask, send, and ask again where it is refused, at the field that is meant. Resolves to the answer, or null where the person gave up or was too late.
 * @param {{title: string, text?: string, confirm?: string, fields: Field[]}} form
 * @param {(said: Record<string, string>) => Promise<any>} send
 */
export async function edit(form, send) {
  let { fields } = form, refused;
  for (;;) {
    const said = await ask({ confirm: t('Save'), ...form, fields, problem: refused });
    if (!said) return null;
    try {
      return (await send(said)) ?? said;
    } catch (error) {
      if (error instanceof ApiError && error.code === 'conflict' && error.facts.why !== 'taken') { notice(problem(error), 'bad'); return null; }
      refused = { text: problem(error), field: meant(error) };
      fields = fields.map((one) => ({ ...one, value: said[one.name] }));
    }
  }
}

/** Confirm, then do; whether it was done. @param {{title: string, text?: string, confirm: string}} form @param {() => Promise<any>} act */
export async function confirmed(form, act) {
  if (!await ask({ ...form, danger: true })) return false;
  try {
    await act();
    return true;
  } catch (error) {
    notice(problem(error), 'bad');
    return false;
  }
}

/** Add, change or remove one entry of the organisation. @param {string} kind @param {string} id @param {any} was @param {any} entry */
export const putEntry = (kind, id, was, entry) => request('PUT', `/api/admin/entries/${kind}/${encodeURIComponent(id)}`, { was, entry });

/** Something that is shown once. @param {{title: string, text: string, lines: string[]}} what @returns {Promise<void>} */
export function tell({ title, text, lines }) {
  return new Promise((resolve) => {
    const shown = h('pre', { class: 'secret', tabindex: '0', 'aria-label': title }, lines.join('\n'));
    const copy = h('button', { type: 'button', on: { click: async () => { await navigator.clipboard?.writeText(lines.join('\n')).catch(() => null); getSelection()?.selectAllChildren(shown); } } }, t('Copy'));
    const dialog = h('dialog', { 'aria-labelledby': 'tell-title' }, h('form', { method: 'dialog', class: 'form' }, h('h2', { id: 'tell-title' }, title), h('p', {}, text), shown, h('div', { class: 'buttons' }, copy, h('button', { type: 'submit', class: 'primary' }, t('Done')))));
    modal(dialog, () => resolve(undefined));
    dialog.querySelector('[type=submit]').focus();
  });
}

/** A row's buttons. @param {...any} buttons */
export const buttons = (...buttons) => h('span', { class: 'row-buttons' }, buttons);
/** @param {string} label @param {() => any} click @param {{danger?: boolean, of?: string, id?: string}} [more] */
export const button = (label, click, { danger = false, of = '', id } = {}) => h('button', { type: 'button', id, class: danger ? 'danger-soft' : '', 'aria-label': of ? `${label}: ${of}` : undefined, on: { click } }, label);
/** @param {string} label @param {() => any} click @param {string} [id] */
export const addButton = (label, click, id) => h('p', {}, h('button', { type: 'button', class: 'primary', id, on: { click } }, label));

/** A place as it was entered. @param {string} lat @param {string} lon @returns {{lat: number, lon: number}} */
export function place(lat, lon) {
  const found = { lat: Number(lat), lon: Number(lon) };
  if (!lat.trim() || !lon.trim() || !(Math.abs(found.lat) <= 90) || !(Math.abs(found.lon) <= 180)) throw new ApiError(400, 'bad_input', t('Latitude and longitude are numbers of degrees, e.g. 31.23 and 121.47.'), { field: 'lat' });
  return found;
}
