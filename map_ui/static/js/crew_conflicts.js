// @ts-check
/** What the centre decided otherwise meanwhile: what was pressed, when, why it was not taken, and how the order stands now. */
import { alertAbout, titles, urgency } from './alert_words.js';
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

/** Whether the list of alerts is open: it is drawn anew again and again. */
let opened = false;

/**
 * The alerts of a crew in one line above its orders, however many they are; a touch opens them.
 * @param {import('./alert_order.js').Line[]} lines @param {any} stack @param {(alerts: any[]) => void} understood
 */
export function alertLine(lines, stack, understood) {
  if (!lines.length) {
    opened = false;
    return null;
  }
  const several = lines.reduce((n, line) => n + line.alerts.length, 0);
  const box = h('details', { class: 'panel conflict', open: opened, on: { toggle: () => { opened = box.open; } } },
    h('summary', { class: 'big' }, urgency(lines[0].rank), several > 1 ? h('strong', {}, t('{n} alerts', { n: several })) : null, h('span', { class: 'cut' }, titles(lines[0].alerts))),
    lines.map((line) => h('div', { class: 'told' }, told(line, stack, understood))));
  return box;
}

/** @param {import('./alert_order.js').Line} line @param {any} stack @param {(alerts: any[]) => void} understood */
function told({ rank, alerts }, stack, understood) {
  const { address } = [...stack.orders, ...stack.to_record].find((one) => one.id === alerts[0].order_id) ?? {};
  return [h('div', {}, urgency(rank), ' ', h('strong', {}, titles(alerts)), alerts.map((one) => h('p', {}, alertAbout(one, address)))),
    h('button', { type: 'button', class: 'big', on: { click: () => understood(alerts) } }, t('Understood'))];
}
