// @ts-check
/** What the centre decided otherwise meanwhile: what was pressed, when, why it was not taken, and how the order stands now. */
import { alertAbout } from './alert_words.js';
import { h } from './dom.js';
import { shortTime, t } from './page.js';
import { word } from './vocabulary.js';

/** @typedef {import('./outbox.js').Refused} Refused */

/** How the order stands now (pure but for words). @param {string} id @param {any} stack @param {Record<string, any>} [facts] of the refusal */
export function standing(id, stack, facts = {}) {
  const mine = [...stack.orders, ...stack.to_record].find((one) => one.id === id);
  if (mine) return t('It is with you: {state}.', { state: word('states', mine.state) });
  return facts.state ? t('It is not with you any more; there it is: {state}.', { state: word('states', facts.state) }) : t('It is not with you any more.');
}

/** @param {Refused} one @param {any} stack @param {() => void} understood */
export function refusal(one, stack, understood) {
  const { press, why, facts } = one;
  return h('div', { class: 'panel conflict', role: 'alert' },
    h('strong', {}, press.order ? t('{order}: "{step}" was not taken', { order: press.order, step: press.label }) : t('Not sent: {what}', { what: press.label })),
    h('p', {}, t('Pressed at {time}.', { time: shortTime(press.at) }), ' ', why),
    press.order ? h('p', {}, h('b', {}, standing(press.order, stack, facts))) : null,
    h('button', { type: 'button', class: 'big', on: { click: understood } }, t('Understood')));
}

/** Of lateness an alert speaks as long as the order is aboard. */
const LATE = ['segment_overdue', 'promise_missed'];

/** The alerts of a crew, those that say the same of the same order together (pure). @param {any} stack @returns {any[][]} */
export function toUnderstand(stack) {
  const aboard = new Set([...stack.orders, ...stack.to_record].map((one) => one.id));
  /** @type {Map<string, any[]>} */
  const found = new Map();
  for (const one of stack.alerts ?? []) {
    if (LATE.includes(one.code) && !aboard.has(one.order_id)) continue;
    const key = `${one.code}/${one.order_id}/${LATE.includes(one.code) ? one.facts?.segment : one.id}`;
    found.set(key, [...(found.get(key) ?? []), one]);
  }
  return [...found.values()];
}

/** @param {any} alert @param {any} stack @param {() => void} understood */
export function told(alert, stack, understood) {
  const { address } = [...stack.orders, ...stack.to_record].find((one) => one.id === alert.order_id) ?? {};
  return h('div', { class: 'panel conflict', role: 'alert' }, h('strong', {}, word('alert_codes', alert.code)), h('p', {}, alertAbout(alert, address)),
    h('button', { type: 'button', class: 'big', on: { click: understood } }, t('Understood')));
}
