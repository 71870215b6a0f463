// @ts-check
/** One order on the crew's phone: what, where, how long, and the one big button that comes next. */
import { arrived, remaining } from './board_state.js';
import { duration, figures, level } from './countdown.js';
import { fill, h, say } from './dom.js';
import { shortTime, t } from './page.js';
import { word } from './vocabulary.js';

/** @typedef {import('./board_state.js').Order} Order */

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

/**
 * @param {Order} order @param {{state: string, place: number, waiting: number}} now what the phone knows of it
 * @param {{step: (order: Order, step: string) => void, reject: (order: Order) => void}} on
 */
export function card(order, { state, place, waiting }, on) {
  const next = nextStep(state);
  const fresh = state === 'dispatched' || state === 'delivered';
  const left = h('span', { class: 'figures' });
  const leftWord = h('span', { class: 'figures-word' });
  const element = h('article', { class: `card${fresh ? ' fresh' : ''}`, 'aria-label': order.address });
  fill(element,
    h('div', { class: 'card-head' }, h('span', { class: 'place-no', 'aria-label': t('Place {n} in the sequence', { n: place }) }, place),
      h('div', { class: 'left' }, left, leftWord),
      h('span', { class: 'state' }, word('states', state), waiting ? h('span', { class: 'chip warn' }, t('not sent yet')) : null)),
    h('h2', {}, order.address),
    h('p', {}, word('fault_types', order.fault_type), order.voltage ? ` · ${word('voltages', order.voltage)}` : ''),
    order.description ? h('p', { class: 'soft' }, order.description) : null,
    h('p', { class: 'links' },
      order.lat !== null && order.lat !== undefined ? h('a', { class: 'button', href: `geo:${order.lat},${order.lon}?q=${order.lat},${order.lon}` }, t('Navigate')) : null,
      order.customer_phone ? h('a', { class: 'button', href: `tel:${order.customer_phone}` }, t('Call the customer')) : null),
    h('p', { class: 'soft' }, order.id, ' · ', t('reported {time}', { time: shortTime(order.reported_at) }), order.priority > 0 ? ` · ${t('Priority {n}', { n: order.priority })}` : ''),
    next ? h('button', { type: 'button', class: `big ${fresh ? 'alarm-button' : 'primary'}`, data: { step: next[0] }, on: { click: () => on.step(order, next[0]) } }, next[1]) : null,
    ['dispatched', 'delivered', 'acknowledged'].includes(state) ? h('button', { type: 'button', class: 'big danger-soft', data: { step: 'reject' }, on: { click: () => on.reject(order) } }, t('Reject with a reason')) : null);
  return { element, tick: (/** @type {number} */ at) => {
    const ms = remaining(order, at);
    const there = arrived(order);
    say(left, there ? duration((Date.parse(order.points.H) - Date.parse(order.reported_at)) / 1000) : figures(ms));
    say(leftWord, there ? t('from call to arrival') : { ok: t('left to arrive'), soon: t('left: hurry'), late: t('overdue') }[level(ms)]);
    element.dataset.level = there ? 'scene' : level(ms);
  } };
}

/** A form for the fault record. @param {Order} order @param {(values: any) => void} done */
export function recordForm(order, done) {
  const draft = `dispatch45/record/${order.id}`;
  const kept = JSON.parse(localStorage.getItem(draft) ?? '{}');
  /** @type {[string, string, string, boolean][]} name, label, kind, required */
  const fields = [
    ['cause', t('Cause'), 'text', true], ['work_done', t('Work done'), 'area', true], ['material', t('Material used'), 'text', false],
    ['customers', t('Customers affected'), 'number', false], ['text', t('Remarks'), 'area', false],
  ];
  const form = h('form', { class: 'form', method: 'post', action: '/crew' }, fields.map(([name, label, kind, required]) => {
    const id = `${order.id}-${name}`;
    const input = kind === 'area' ? h('textarea', { id, name, rows: 2, required }) : h('input', { id, name, type: kind, required, min: kind === 'number' ? '0' : undefined, inputMode: kind === 'number' ? 'numeric' : undefined });
    input.value = kept[name] ?? '';
    return [h('label', { htmlFor: id }, label, required ? ' *' : ''), input];
  }), h('button', { type: 'submit', class: 'big primary' }, t('Send the fault record')));
  form.addEventListener('input', () => localStorage.setItem(draft, JSON.stringify(Object.fromEntries(new FormData(form)))));
  form.addEventListener('submit', (/** @type {SubmitEvent} */ e) => {
    e.preventDefault();
    const values = /** @type {Record<string, any>} */ (Object.fromEntries(new FormData(form)));
    if (values.customers === '') delete values.customers;
    else if (values.customers !== undefined) values.customers = Number(values.customers);
    localStorage.removeItem(draft);
    done(values);
  });
  return h('article', { class: 'card record' }, h('h2', {}, order.address), h('p', { class: 'soft' }, order.id, ' · ', word('fault_types', order.fault_type)), form);
}
