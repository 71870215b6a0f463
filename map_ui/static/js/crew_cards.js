// @ts-check
/** One order on the crew's phone: what, where, how long, and the one big button that comes next. */
import { arrived, remaining } from './board_state.js';
import { duration, figures, level } from './countdown.js';
import { claimsTable } from './crew_claims.js';
import { photoButton } from './crew_photos.js';
import { fill, h, say } from './dom.js';
import { navigate } from './navigation.js';
import { page, shortTime, t } from './page.js';
import { word } from './vocabulary.js';

/**
 * @typedef {import('./board_state.js').Order} Order
 * @typedef {import('./outbox.js').Press} Press
 * @typedef {{state: string, place: number, waiting: Press[], photos: number, claims: import('./crew_claims.js').Claim[], steady: boolean}} Known what the phone knows of an order; `steady`: its button may be touched
 * @typedef {{step: (order: Order, step: string) => void, reject: (order: Order) => void, add: (press: Press) => Promise<void>}} Acts
 */

/** The next step of a state. @param {string} state @returns {[string, string]|null} step and its button */
function nextStep(state) {
  switch (state) {
    case 'dispatched':
    case 'delivered': return ['acknowledge', t('Accept the order')];
    case 'acknowledged': return ['depart', t('Depart')];
    case 'en_route': return ['arrive', t('Arrived')];
    case 'on_scene': return ['restore', t('Restored')];
    default: return null;
  }
}

/** The way there, the customer's telephone, the camera. @param {Order} order @param {Known} now @param {Acts} on */
function links(order, now, on) {
  const placed = order.lat !== null && order.lat !== undefined && order.lon !== null;
  const waiting = now.waiting.filter((one) => one.lane === 'photo').length;
  const away = page.navigation.link.startsWith('https:') ? { target: '_blank', rel: 'noopener noreferrer' } : {};
  return h('p', { class: 'links' },
    placed ? h('a', { class: 'button', href: navigate(page.navigation, Number(order.lat), Number(order.lon), order.address), ...away }, t('Navigate')) : null,
    order.customer_phone ? h('a', { class: 'button', href: `tel:${order.customer_phone}` }, t('Call the customer')) : null,
    ['en_route', 'on_scene'].includes(now.state) ? photoButton(order, now.photos, waiting, on.add) : null);
}

/** @param {Order} order @param {Known} now @param {Acts} on */
export function card(order, now, on) {
  const { state, place, waiting } = now;
  const next = nextStep(state);
  const fresh = state === 'dispatched' || state === 'delivered';
  const left = h('span', { class: 'figures' });
  const leftWord = h('span', { class: 'figures-word' });
  const element = h('article', { class: `card${fresh ? ' fresh' : ''}`, 'aria-label': order.address });
  fill(element,
    h('div', { class: 'card-head' }, h('span', { class: 'place-no', 'aria-label': t('Place {n} in the sequence', { n: place }) }, place),
      h('div', { class: 'left' }, left, leftWord),
      h('span', { class: 'state' }, word('states', state), waiting.some((one) => one.at && !one.lane) ? h('span', { class: 'chip warn' }, t('not sent yet')) : null)),
    h('h2', {}, order.address),
    h('p', {}, word('fault_types', order.fault_type), order.voltage ? ` · ${word('voltages', order.voltage)}` : ''),
    order.description ? h('p', { class: 'soft' }, order.description) : null,
    links(order, now, on),
    h('p', { class: 'soft' }, order.id, ' · ', t('reported {time}', { time: shortTime(order.reported_at) }), order.priority > 0 ? ` · ${t('Priority {n}', { n: order.priority })}` : ''),
    claimsTable(now.claims, waiting),
    next ? h('button', { type: 'button', class: `big ${fresh ? 'alarm-button' : 'primary'}`, data: { step: next[0] }, disabled: !now.steady, on: { click: () => on.step(order, next[0]) } }, next[1]) : null,
    ['dispatched', 'delivered', 'acknowledged'].includes(state) ? h('button', { type: 'button', class: 'big danger-soft', data: { step: 'reject' }, on: { click: () => on.reject(order) } }, t('Reject with a reason')) : null);
  return { element, tick: (/** @type {number} */ at) => {
    const ms = remaining(order, at);
    const there = arrived(order);
    say(left, there ? duration((Date.parse(order.points.H) - Date.parse(order.reported_at)) / 1000) : figures(ms));
    say(leftWord, there ? t('from call to arrival') : { ok: t('left to arrive'), soon: t('left: hurry'), late: t('overdue') }[level(ms)]);
    element.dataset.level = there ? 'scene' : level(ms);
  } };
}
