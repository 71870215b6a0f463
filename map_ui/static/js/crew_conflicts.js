// @ts-check
/** What the centre decided otherwise meanwhile: what was pressed, when, why it was not taken, and how the order stands now. */
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

/** @param {any} alert @param {() => void} understood */
export function told(alert, understood) {
  const about = [alert.order_id, alert.facts?.reason ? word('reasons', alert.facts.reason) : '', alert.facts?.text].filter(Boolean).join(' · ');
  return h('div', { class: 'panel conflict', role: 'alert' }, h('strong', {}, word('alert_codes', alert.code)), h('p', {}, about),
    h('button', { type: 'button', class: 'big', on: { click: understood } }, t('Understood')));
}
