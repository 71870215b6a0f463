// @ts-check
/** Several orders of one fault: one row on the board, and on the order's panel who belongs to it and who might. */
import { explain, get, newKey, post, request } from './api.js';
import { arrived, remaining } from './board_state.js';
import { because } from './call_words.js';
import { clock } from './clock.js';
import { figures, level } from './countdown.js';
import { fill, h, keepingFocus } from './dom.js';
import { t } from './page.js';
import { notice } from './shell.js';
import { word } from './vocabulary.js';

/** Follows another order, which a crew works on (pure). @param {any} order */
export const follows = (order) => !!order.incident_id && order.incident_id !== order.id;

/**
 * The rows of a board: an incident is one row, that of the order which leads it (pure). One whose leader is not here
 * stands for itself: nothing may be hidden behind what nobody sees.
 * @param {any[]} orders @returns {{rows: any[], behind: Map<string, any[]>}} `behind`: by leader, those that follow it
 */
export function folded(orders) {
  const here = new Set(orders.map((one) => one.id));
  /** @type {Map<string, any[]>} */
  const behind = new Map();
  const rows = orders.filter((one) => {
    if (!follows(one) || !here.has(one.incident_id)) return true;
    behind.set(one.incident_id, [...behind.get(one.incident_id) ?? [], one]);
    return false;
  });
  return { rows, behind };
}

/** What is left for the whole incident: for the caller whose promise ends first (pure). @param {any} order @param {any[]} members @param {number} now */
export const leftForAll = (order, members, now) => Math.min(...[order, ...members].map((one) => remaining(one, now)));

/**
 * @param {any} order @param {{changed: (order: any) => void, open: (id: string) => void, mayAct: boolean}} on
 * @returns {HTMLElement} filled when the centre has answered
 */
export function incidentBox(order, on) {
  const box = h('section', { class: 'incident', 'aria-label': t('Incident') });
  const show = async () => {
    const found = await get(`/api/orders/${encodeURIComponent(order.id)}/incident`).catch(() => null);
    if (found) keepingFocus(box, () => draw(box, order, found, on, show));
  };
  show();
  return box;
}

/** @param {HTMLElement} box @param {any} order @param {any} found @param {any} on @param {() => void} show */
function draw(box, order, found, on, show) {
  const members = found.members.filter((/** @type {any} */ one) => one.id === order.id || one.state !== 'cancelled');
  const doing = async (/** @type {() => Promise<any>} */ work) => {
    try { on.changed(await work()); } catch (error) { notice(`${order.id}: ${explain(error)}`, 'bad', { about: order.id }); }
    show();
  };
  const part = (/** @type {string} */ id) => doing(() => post(`/api/orders/${encodeURIComponent(id)}/part`));
  const join = (/** @type {string} */ id) => doing(() => request('POST', '/api/incidents', { order_ids: [order.id, id] }, { key: newKey() }));
  fill(box,
    members.length > 1 ? [h('h3', {}, t('Incident of {n} orders', { n: members.length })), h('ul', {}, members.map((/** @type {any} */ one) => line(one, on, on.mayAct && one.id !== one.incident_id ? h('button', { type: 'button', data: { part: one.id }, on: { click: () => part(one.id) } }, t('Part it')) : one.id === one.incident_id ? h('span', { class: 'chip good' }, t('leads')) : null))),
      on.mayAct ? h('button', { type: 'button', class: 'danger-soft', on: { click: () => part(order.incident_id) } }, t('Part them all')) : null] : null,
    found.suggestions.length ? [h('h3', {}, t('Perhaps the same fault')), h('ul', {}, found.suggestions.map((/** @type {any} */ one) => line(one.order, on, [h('span', { class: 'soft' }, because(one)), ' ', on.mayAct ? h('button', { type: 'button', data: { join: one.order.id }, on: { click: () => join(one.order.id) } }, t('Same fault: join')) : null])))] : null);
}

/** @param {any} one @param {any} on @param {any} more */
function line(one, on, more) {
  const left = remaining(one, clock.now());
  return h('li', {}, h('button', { type: 'button', class: 'link', on: { click: () => on.open(one.id) } }, one.id), ' ', h('span', { class: `figures ${arrived(one) ? 'scene' : level(left)}` }, arrived(one) ? '✓' : figures(left)), ' ', one.address, ' ', h('span', { class: 'soft' }, word('states', one.state)), ' ', more);
}
