// @ts-check
/** What an assignment or another sequence would do, as the centre has computed it: who becomes late, who waits longer. */
import { duration } from './countdown.js';
import { h } from './dom.js';
import { clockTime, shortTime, t } from './page.js';
import { crewName } from './vocabulary.js';
import { whyNot } from './why_not.js';

/**
 * @typedef {{crew_id: string, at: string, margin_s: number}} Reached
 * @typedef {{order_id: string, role: 'new'|'aboard'|'left'|'waiting', before: Reached|null, after: Reached|null, why?: string}} Effect `why`: why `after` cannot be said
 * @typedef {{crew_id: string, sequence: string[], travel_source: string, orders: Effect[], refused: {code: string, message: string, facts: any}|null, against: {code: string, reason: string}|null}} Preview
 */

const SAME_S = 30;

/** What becomes of one order (pure). @param {Effect} one @returns {'late'|'later'|'earlier'|'same'|'lost'|'unknown'} */
export function change({ before, after, why }) {
  if (!after) return before && !why ? 'lost' : 'unknown';
  if (!before) return after.margin_s < 0 ? 'late' : 'same';
  if (after.margin_s < 0 && before.margin_s >= 0) return 'late';
  const by = after.margin_s - before.margin_s;
  return by < -SAME_S ? 'later' : by > SAME_S ? 'earlier' : 'same';
}

/** Orders that would be late, or reached by nobody, because of it: not the one that is given (pure). @param {Preview} preview */
export const harmed = (preview) => preview.orders.filter((one) => one.role !== 'new' && one.before !== null && ['late', 'lost'].includes(change(one)));

/** Orders of which no arrival can be said (any more) because of it (pure). @param {Preview} preview */
export const unsure = (preview) => preview.orders.filter((one) => change(one) === 'unknown' && (one.role === 'new' || one.before !== null));

/** @param {string} [why] an arrival cannot be said */
export function unknownWhy(why = '') {
  /** @type {Record<string, string>} */
  const names = { no_place: t('an order has no place'), no_position: t('position unknown'), no_way: t('no road leads there') };
  return names[why] ?? t('arrival unknown');
}

/** The crew's sequence with an order at a place, from 1; null: last (pure). @param {string[]} stack @param {string} id @param {number|null} place */
export function placed(stack, id, place) {
  const others = stack.filter((one) => one !== id);
  const at = place === null ? others.length : Math.max(0, Math.min(others.length, place - 1));
  return [...others.slice(0, at), id, ...others.slice(at)];
}

/** @param {number} margin_s */
const margin = (margin_s) => (margin_s < 0 ? t('{time} late', { time: duration(margin_s) }) : t('{time} to spare', { time: duration(margin_s) }));

/** @param {Effect} one @param {string} crewId */
function what(one, crewId) {
  const kind = change(one);
  if (kind === 'lost') return t('nobody would be there');
  if (kind === 'unknown') return one.why ? t('arrival unknown: {why}', { why: unknownWhy(one.why) }) : t('arrival unknown');
  const after = /** @type {Reached} */ (one.after);
  const other = after.crew_id !== crewId ? ` · ${crewName(after.crew_id)}` : '';
  const was = one.before && kind !== 'same' ? `${shortTime(one.before.at)} → ` : '';
  return `${was}${shortTime(after.at)} · ${margin(after.margin_s)}${other}`;
}

/** @param {Effect['role']} role */
function roleOf(role) {
  /** @type {Record<string, string>} */
  const names = { new: t('this order'), aboard: t('aboard'), left: t('stays with its crew'), waiting: t('waits for a crew') };
  return names[role];
}

/** @param {Effect} one */
function sign(one) {
  const kind = change(one);
  return { late: '▲', lost: '▲', later: '↓', earlier: '↑', same: '=', unknown: '?' }[kind];
}

/** One line that sums it up. @param {Preview} preview */
export function verdict(preview) {
  if (preview.refused) return t('This is not possible.');
  const harm = harmed(preview);
  if (harm.length) return t('{n} other [order becomes|orders become] late', { n: harm.length });
  const [first] = unsure(preview);
  return first ? t('Cannot be said: {why}', { why: unknownWhy(first.why) }) : t('No other order becomes late');
}

/** @param {Preview} preview @param {(orderId: string) => string} name of an order @returns {HTMLElement} */
export function effectsBox(preview, name) {
  const harm = new Set(harmed(preview));
  const look = preview.refused || harm.size ? 'late' : unsure(preview).length ? 'unsure' : 'good';
  return h('div', { class: `effects ${look}`, data: { harmed: harm.size } },
    h('p', { class: 'verdict' }, h('b', { 'aria-hidden': 'true' }, { late: '▲ ', unsure: '? ', good: '✓ ' }[look]), verdict(preview)),
    preview.refused ? h('p', {}, refusal(preview.refused)) : null,
    preview.against && !preview.refused ? h('p', { class: 'soon' }, '▲ ', t('Note: {why}', { why: whyNot(preview.against) })) : null,
    h('ol', {}, preview.orders.map((one) => h('li', { class: harm.has(one) ? 'late' : change(one), data: { order: one.order_id, change: change(one) } },
      h('span', { class: 'sign', 'aria-hidden': 'true' }, sign(one)), h('span', { class: 'what' }, h('span', { class: 'cut' }, name(one.order_id)), h('small', { title: one.order_id }, roleOf(one.role))),
      h('span', { class: 'when' }, what(one, preview.crew_id))))));
}

/** @param {{code: string, message: string, facts: any}} refused */
function refusal({ message, facts }) {
  /** @type {Record<string, string>} */
  const names = { away: t('The crew is away.'), full: t('The vehicle is full.'), has_it: t('The crew has this order already.'), under_way: t('The crew is under way with the order ahead: recall it first.'), stack_changed: t('The orders of this crew have changed meanwhile.') };
  return names[facts?.why] ?? message;
}

/** Who was first, what was done and when, from a refusal's facts (pure but for words). @param {any} facts @param {(by: string) => string} who @param {(step: string) => string} step */
export function first(facts, who, step) {
  return [who(String(facts.by)), step(facts.step), facts.crew_id ? crewName(facts.crew_id) : '', clockTime(facts.at)].filter(Boolean).join(' · ');
}
