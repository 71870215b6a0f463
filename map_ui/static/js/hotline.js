// @ts-check
/** The hotline's desk: take calls, send orders, answer about progress, call back, close. */
import { Alerts } from './alerts.js';
import { ApiError, explain, get } from './api.js';
import { banner } from './banner.js';
import { CallForm } from './call_form.js';
import { arrived, placeable, remaining } from './board_state.js';
import { callerLines, inTurn } from './call_backs.js';
import { outageWords, progress } from './call_words.js';
import { askTime, clock } from './clock.js';
import { figures, level } from './countdown.js';
import { byId, fill, h, keepingFocus, say } from './dom.js';
import { notUnderAFinger } from './finger.js';
import { fit, startMap } from './ground.js';
import { Once } from './once.js';
import { eventName } from './order_words.js';
import { fullTime, shortTime, t } from './page.js';
import { PlaceBox, placeSaid } from './place_box.js';
import { Pulse } from './pulse.js';
import { ask, notice, startShell } from './shell.js';
import { centreName, loadWords, reasonField, word } from './vocabulary.js';
import { askWhose } from './whose.js';

const POLL_MS = 3000;
const BEAT_MS = 1000, SILENT_MS = 1900;
/** The answer to a beat that comes later is none; so many beats are under way at once, of the six connections of a page. */
const LOST_MS = 6000, BEATS = 3;

startShell();
await Promise.all([loadWords(), askTime()]);
const map = await startMap();
/** @type {any} */
let desk = null;
let drawn = '';
/** Whether the centre is heard, and when the desk was last read. */
const pulse = new Pulse({ silentMs: SILENT_MS, beatMs: BEAT_MS }, performance.now());
let read = performance.now();
let beats = 0;
let opened = 'to_send';
const once = new Once();
/** The order that Alt+S sends: the one that this page took last, or found a place for. */
let justTaken = '';
/** @type {[HTMLElement, any][]} */
let ticking = [];

const alerts = new Alerts({ open: (id) => open(`/orders/${encodeURIComponent(id)}`, '_blank', 'noopener'), changed: () => poll(), address: (id) => piles().flatMap(([pile]) => desk?.[pile] ?? []).find((/** @type {any} */ o) => o.id === id)?.address });
const form = new CallForm(byId('call'), map, {
  open: (id) => open(`/orders/${encodeURIComponent(id)}`, '_blank', 'noopener'),
  told: (order) => { notice(t('{order}: the caller was told.', { order: order.id }), 'good', { about: order.id }); poll(); },
  taken: async (answer) => {
    if (answer.outcome === 'planned_outage') notice(t('The call is kept: planned outage, no order.'));
    else if (answer.outcome === 'joined') notice(t('The call joined the open order {order}. Its priority rose.', { order: answer.order_id }), 'good', { about: answer.order_id });
    else if (answer.unroutable) notice(t('{order}: nobody is responsible by the rules. It waits under “To decide”.', { order: answer.order_id }), 'bad', { about: answer.order_id });
    else {
      notice(t('{order} is taken. Alt+S sends it.', { order: answer.order_id }), 'good', { about: answer.order_id });
    }
    if (answer.outcome === 'new') justTaken = answer.order_id;
    opened = answer.unroutable ? 'unroutable' : 'to_send';
    await poll();
  },
});

/** @param {any} order @param {string} step @param {any} [body] */
async function act(order, step, body = {}) {
  try {
    if (!await once.post(`/api/orders/${encodeURIComponent(order.id)}/${step}`, body, body.phone)) return;
    notice(t('{order}: {step} – done', { order: order.id, step: eventName(step.replace('-', '_')) }), 'good', { about: order.id });
  } catch (error) {
    notice(`${order.id}: ${explain(error)}`, 'bad', { about: order.id });
  }
  await poll();
}

/** @param {any} order */
async function route(order) {
  const said = await askWhose(order);
  if (said) await act(order, 'route', said);
}

/** @param {any} order */
async function expedite(order) {
  const said = await ask({ title: t('The customer chases {order}', { order: order.id }), text: order.address, confirm: t('Pass it on'), fields: [{ name: 'text', label: t('What the customer says'), kind: 'area', required: false }] });
  if (said) await act(order, 'expedite', said);
}

/** @param {any} order */
async function cancel(order) {
  const said = await ask({ title: t('Cancel {order}?', { order: order.id }), text: order.address, confirm: t('Cancel the order'), danger: true, fields: [reasonField('cancel')] });
  if (said) await act(order, 'cancel', said);
}

/** @type {PlaceBox|null} */
let placing = null;

/** Where an order is, beside the map: one at a time. @param {any} order */
function place(order) {
  placing?.leave();
  placing = new PlaceBox(map, order, {
    look: (at) => { if (at === 'map') map.getContainer().scrollIntoView({ block: 'nearest' }); },
    done: async (answer) => {
      placing?.leave();
      placing = null;
      if (answer) {
        const { text, act: open } = placeSaid(answer);
        notice(text, open ? 'bad' : 'good', { about: order.id });
        if (answer.order.state === 'received' && answer.order.centre_id) {
          justTaken = order.id;
          opened = 'to_send';
        }
        await poll();
      }
      /** @type {HTMLElement|null} */ (document.querySelector(`[data-order="${CSS.escape(order.id)}"] [data-step=place]`))?.focus();
    },
  });
  byId('call').after(placing.box);
  placing.focus();
}

/** @param {any} order @param {boolean} [first] it is what the order needs */
const placeButton = (order, first = false) => (placeable(order) ? h('button', { type: 'button', class: first && order.lat === null ? 'primary' : '', data: { step: 'place' }, on: { click: () => place(order) } }, t('Place')) : null);

/** @param {string} label @param {() => void} f @param {string} [look] */
const button = (label, f, look = '') => h('button', { type: 'button', class: look, on: { click: f } }, label);

/** @type {Record<string, (order: any) => any[]>} */
const ACTIONS = {
  to_send: (o) => [button(t('Send'), () => act(o, 'send'), 'primary send'), placeButton(o), button(t('Cancel the order'), () => cancel(o), 'danger-soft')],
  unroutable: (o) => [placeButton(o, true), button(t('Decide who'), () => route(o), o.lat === null ? '' : 'primary'), ['received', 'returned'].includes(o.state) ? button(t('Send'), () => act(o, 'send')) : null, button(t('Cancel the order'), () => cancel(o), 'danger-soft')],
  running: (o) => [button(t('Told the progress'), () => act(o, 'progress')), button(t('Customer chases'), () => expedite(o)), placeButton(o), button(t('Cancel the order'), () => cancel(o), 'danger-soft')],
  call_backs: () => [],
  to_close: (o) => [button(t('Close the order'), () => act(o, 'close'), 'primary')],
};

/** @returns {[string, string, string][]} pile, name, what an empty one says */
const piles = () => [
  ['to_send', t('To send'), t('Nothing waits to be sent.')], ['unroutable', t('To decide'), t('Every order has somebody responsible.')], ['running', t('In progress'), t('No order is under way.')],
  ['call_backs', t('To call back'), t('Nobody waits for a call-back.')], ['to_close', t('To close'), t('Nothing to close.')], ['outages', t('Planned outages'), t('No outage is planned for the next seven days.')], ['contacts', t('Last contacts'), t('No contacts yet.')],
];

/** Whether somebody is responsible for an order: what is to be decided is not to be sent as well. @param {any} order */
const responsible = (order) => !!(order.centre_id && order.trade);

/** @param {any} order @param {string} pile */
function row(order, pile) {
  const left = h('span', { class: 'figures' });
  ticking.push([left, order]);
  return h('li', { class: 'desk-row', data: { order: order.id } }, left,
    h('div', { class: 'what' }, h('div', { class: 'place' }, order.address), h('div', { class: 'soft' }, h('a', { href: `/orders/${encodeURIComponent(order.id)}`, target: '_blank', rel: 'noopener' }, order.id), ' · ', word('fault_types', order.fault_type), ' · ', t('reported {time}', { time: shortTime(order.reported_at) }), order.centre_id ? ` · ${centreName(order.centre_id)}` : ''),
      h('div', {}, h('span', { class: 'state' }, word('states', order.state)), ' ', order.withheld ? h('span', { class: 'chip' }, t('number withheld')) : null, ' ', order.customer_name ? h('span', { class: 'soft' }, order.customer_name) : null, ' ', order.joined ? h('span', { class: 'chip' }, t('{n} more [call|calls]', { n: order.joined })) : null, ' ', order.lat === null && placeable(order) ? h('span', { class: 'chip warn' }, t('no place')) : null, ' ', order.state === 'returned' ? h('span', { class: 'chip bad' }, t('Came back from the centre')) : null, ' ', pile === 'running' && order.watch?.fired ? h('span', { class: 'chip bad' }, t('Escalated {n} [time|times]', { n: order.watch.fired })) : null)),
    pile === 'call_backs' ? callerLines(order, desk.callers[order.id] ?? [], act) : h('div', { class: 'buttons' }, ACTIONS[pile](order)),
    pile === 'running' ? h('p', { class: 'aloud' }, '“', progress(order, clock.now()), '”') : null);
}

/** @param {any} one */
const begun = (one) => Date.parse(one.starts_at) <= clock.now();

/** @param {any} one */
function outage(one) {
  const running = begun(one);
  return h('li', { class: 'desk-row', data: { outage: one.id } }, h('span', { class: running ? 'chip warn' : 'chip' }, running ? t('now') : t('coming')), h('div', { class: 'what' }, h('div', { class: 'place' }, outageWords(one)), h('div', { class: 'soft' }, [one.territory, one.polygon.length ? t('an area on the map') : '', one.addresses.join(', ')].filter(Boolean).join(' · '))));
}

/** @param {any} one */
function contact(one) {
  return h('li', { class: 'desk-row' }, h('time', { class: 'soft' }, fullTime(one.at)), h('div', { class: 'what' }, h('div', {}, one.name || '–', ' ', one.phone || ''), h('div', { class: 'soft' }, word('channels', one.channel), one.order_id ? [' · ', h('a', { href: `/orders/${encodeURIComponent(one.order_id)}`, target: '_blank', rel: 'noopener' }, one.order_id)] : null, one.text ? ` · ${one.text}` : '')));
}

const draw = notUnderAFinger(() => {
  if (!desk) return;
  const key = JSON.stringify([piles().map(([pile]) => desk[pile].map((/** @type {any} */ o) => [o.id, o.version, o.watch?.fired])), desk.outages.map((/** @type {any} */ one) => [one, begun(one)]), opened]);
  if (key === drawn) return;
  drawn = key;
  ticking = [];
  const [, , nothing] = piles().find(([pile]) => pile === opened) ?? ['', '', ''];
  const rows = opened === 'call_backs' ? inTurn(desk.call_backs, desk.callers, clock.now()) : desk[opened];
  keepingFocus(byId('desk'), () => fill(byId('desk'), h('div', { class: 'tabs', role: 'group', 'aria-label': t('Lists') }, piles().map(([pile, name]) => h('button', { type: 'button', 'aria-pressed': String(pile === opened), data: { pile }, on: { click: () => { opened = pile; draw(); } } }, name, ' ', pile === 'contacts' ? null : h('b', { class: desk[pile].length && ['to_send', 'unroutable', 'call_backs'].includes(pile) ? 'count' : 'count quiet' }, desk[pile].length)))),
    rows.length ? h('ul', { class: 'desk-list' }, rows.map((/** @type {any} */ o) => (opened === 'contacts' ? contact(o) : opened === 'outages' ? outage(o) : row(o, opened)))) : h('p', { class: 'empty' }, nothing)));
  tick();
});

function tick() {
  const now = clock.now();
  for (const [element, order] of ticking) {
    const left = remaining(order, now);
    say(element, arrived(order) ? '✓' : figures(left));
    element.className = `figures ${arrived(order) ? 'scene' : level(left)}`;
  }
}

/**
 * The centre is asked for its time each second, for as little as can be: its silence is said within two. One beat waits
 * until it is lost, and so finds out that a line is only slow. Those beside it are given up with the silence: the next one
 * gets a new connection, and hears at once that the centre is back.
 */
async function beat() {
  if (document.hidden || beats >= BEATS) return;
  const at = performance.now(), patience = pulse.slow || !beats ? LOST_MS : SILENT_MS;
  beats += 1;
  if (await askTime(patience)) pulse.heard(at, performance.now());
  beats -= 1;
}

function sayCut() {
  const now = performance.now(), state = pulse.state(now);
  if (document.hidden) banner('');
  else if (state === 'cut' || now - read > 2 * POLL_MS + pulse.patience) banner(t('No connection to the centre.'));
  else banner(state === 'slow' ? t('The centre answers slowly: what stands here may be some seconds old.') : '');
}
document.addEventListener('visibilitychange', () => { read = performance.now(); pulse.begin(read); beat(); poll(); });

let asked = 0;
let shown = 0;

async function poll() {
  const turn = ++asked;
  try {
    const [found, planned] = await Promise.all([get('/api/hotline/desk'), get('/api/planned-outages').catch(() => ({ outages: desk?.outages ?? [] }))]);
    read = performance.now();
    if (turn < shown) return; // an older answer would bring back what was done since
    shown = turn;
    const other = !!desk && JSON.stringify(planned.outages) !== JSON.stringify(desk.outages);
    desk = { ...found, to_send: found.to_send.filter(responsible), outages: planned.outages };
    clock.hear(desk.now);
    if (other) form.lookAgain();
    alerts.show(new Map((desk.alerts ?? []).map((/** @type {any} */ a) => [String(a.id), a])));
    draw();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) read = performance.now(); // no cut line: the shell says it
    if (!desk) fill(byId('desk'), h('p', { class: 'problem' }, explain(error)));
  }
}

addEventListener('keydown', (e) => {
  if (document.querySelector('dialog[open]') || form.shortcut(e)) return;
  if (e.altKey && e.code === 'KeyS') {
    e.preventDefault();
    const order = desk?.to_send.find((/** @type {any} */ o) => o.id === justTaken);
    if (order) act(order, 'send');
    else notice(t('Nothing was taken here that is still to be sent.'), 'bad');
  }
});

await poll();
fit(map);
setInterval(poll, POLL_MS);
setInterval(tick, 1000);
setInterval(beat, BEAT_MS);
setInterval(sayCut, 50);
