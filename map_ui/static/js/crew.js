// @ts-check
/** The crew's phone. Works without a network: what is pressed waits and is sent when there is one. */
import { alertTitle } from './alerts.js';
import { ApiError, explain, get, newKey, request } from './api.js';
import { askTime, clock } from './clock.js';
import { alarm } from './crew_alarm.js';
import { card, recordForm } from './crew_cards.js';
import { deviceHelp } from './crew_device.js';
import { byId, fill, h, say } from './dom.js';
import { notUnderAFinger } from './finger.js';
import { expected, Outbox } from './outbox.js';
import { named, page, shortTime, t } from './page.js';
import { ask, notice, startShell } from './shell.js';
import { loadWords, options, statusName, word } from './vocabulary.js';

const POLL_MS = 3000;
const STACK = `dispatch45/stack/${page.person?.username}`;

const TIME = 'dispatch45/time';

startShell();
rememberTime();
/** @type {any} */
let stack = JSON.parse(localStorage.getItem(STACK) ?? 'null');
let reached = 0;
let drawn = '';
/** @type {{tick: (now: number) => void}[]} */
let cards = [];

const outbox = new Outbox(String(page.person?.username), localStorage, {
  async send(press) {
    try {
      await request('POST', press.path, press.body, { key: press.key });
      return { status: 200 };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) location.assign('/sign-in?next=/crew');
      return { status: error.status, why: explain(error) };
    }
  },
  changed: () => { drawn = ''; draw(); },
});

/** Opened without a network: the server's time as it was last, carried on by the phone's clock. */
function rememberTime() {
  const kept = JSON.parse(localStorage.getItem(TIME) ?? 'null');
  if (kept && !clock.known) clock.hear(new Date(kept.at + (Date.now() - kept.wall) * kept.speed).toISOString(), kept.speed);
}

/** @param {any} order @param {string} step @param {any} [more] @param {string} [label] */
function press(order, step, more = {}, label = step) {
  const at = new Date(clock.now()).toISOString();
  outbox.add({
    key: newKey(), path: `/api/crew/orders/${encodeURIComponent(order.id)}/${step}`, order: order.id, at,
    label: word('steps', label), body: { generation: order.generation, at, ...more },
  }).then(poll);
}

/** @param {any} order */
async function reject(order) {
  const said = await ask({ title: t('Reject this order?'), text: order.address, confirm: t('Reject'), danger: true, fields: [{ name: 'reason', label: t('Reason'), kind: 'select', options: [['', t('Choose a reason')], ...options('reasons')] }, { name: 'text', label: t('Remarks'), kind: 'area', required: false }] });
  if (said) press(order, 'reject', said);
}

/** @type {Set<string>} receipts given by this page */
const said = new Set();

/** The phone has it on its screen: that is its machine receipt. @param {any[]} orders */
function receipts(orders) {
  for (const order of orders) {
    if (order.state !== 'dispatched' || document.hidden) continue;
    const key = `shown-${order.id}-${order.generation}`;
    if (said.has(key)) continue;
    said.add(key);
    outbox.add({ key, path: `/api/crew/orders/${encodeURIComponent(order.id)}/receipt`, order: order.id, at: '', label: t('Receipt'), body: { generation: order.generation } });
  }
}

/** @param {string} what @param {any} body */
async function presence(what, body) {
  try {
    await request('POST', `/api/crew/${what}`, body, { key: newKey() });
    await poll();
  } catch (error) {
    const { possible_from: from, why } = /** @type {any} */ (error).facts ?? {};
    if (what === 'away' && !body.ask && ['max_away', 'min_cover'].includes(why)) {
      const said = await ask({ title: t('Ask the centre?'), text: `${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, confirm: t('Ask the centre') });
      if (said) await presence('away', { ...body, ask: true });
      return;
    }
    notice(`${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, 'bad');
  }
}

async function goAway() {
  const said = await ask({ title: t('Away for a while'), text: t('The crew gets no new orders until it is back.'), confirm: t('Away'), fields: [{ name: 'minutes', label: t('For how many minutes'), kind: 'number', value: '30' }, { name: 'reason', label: t('Reason'), value: t('Meal') }] });
  if (said) await presence('away', { minutes: Number(said.minutes), reason: said.reason });
}

function head() {
  const { crew, presence: now, away_until: until } = stack;
  const away = now === 'away';
  fill(byId('crew-head'), h('div', {}, h('h1', {}, named(crew)), h('p', { class: 'soft' }, statusName(crew.status), away && until ? [' · ', t('until {time}', { time: shortTime(until) })] : null, crew.asked ? ` · ${t('The centre is asked')}` : null)),
    h('button', { type: 'button', class: `big ${away ? 'primary' : ''}`, disabled: !away && stack.orders.length > 0, id: 'presence', on: { click: () => (away ? presence('standby', {}) : goAway()) } }, away ? t('Back on standby') : t('Away')));
}

/** @param {any} alert */
async function understood(alert) {
  await request('POST', `/api/alerts/${alert.id}/acknowledge`, {}).catch((error) => notice(explain(error), 'bad'));
  await poll();
}

function conflicts() {
  fill(byId('conflicts'), (stack.alerts ?? []).map((/** @type {any} */ one) => h('div', { class: 'panel conflict', role: 'alert' }, h('strong', {}, alertTitle(one)), h('p', {}, one.order_id, one.facts?.reason ? ` · ${word('reasons', one.facts.reason)}` : ''),
    h('button', { type: 'button', class: 'big', on: { click: () => understood(one) } }, t('Understood')))), outbox.refused.map((one) => h('div', { class: 'panel conflict', role: 'alert' },
    h('strong', {}, t('{order}: "{step}" was not taken', { order: one.press.order, step: one.press.label })), h('p', {}, one.why), h('p', { class: 'soft' }, t('The list below shows what the centre decided.')),
    h('button', { type: 'button', class: 'big', on: { click: () => outbox.dismiss(one) } }, t('Understood')))));
}

const draw = notUnderAFinger(() => {
  if (!stack) return;
  const waiting = outbox.waiting;
  const key = JSON.stringify([stack.orders.map((/** @type {any} */ o) => [o.id, o.version, o.state]), stack.to_record.map((/** @type {any} */ o) => o.id), stack.presence, stack.away_until, stack.crew.asked, stack.crew.status, waiting.map((w) => w.key), outbox.refused.length, (stack.alerts ?? []).map((/** @type {any} */ a) => a.id)]);
  if (key !== drawn) {
    drawn = key;
    head();
    conflicts();
    const shown = stack.orders.map((/** @type {any} */ order) => ({ order, state: expected(order.state, order.id, waiting) })).filter((/** @type {any} */ one) => !['gone', 'restored'].includes(one.state));
    const made = shown.map((/** @type {any} */ { order, state }, /** @type {number} */ i) => card(order, { state, place: i + 1, waiting: waiting.filter((w) => w.order === order.id && w.at).length }, { step: press, reject }));
    cards = made;
    fill(byId('stack'), made.length ? made.map((/** @type {any} */ one) => one.element) : h('p', { class: 'empty' }, stack.presence === 'away' ? t('Away. No new orders.') : t('No orders. A new one rings here.')));
    const records = [...stack.to_record, ...stack.orders.filter((/** @type {any} */ o) => expected(o.state, o.id, waiting) === 'restored')].filter((o) => expected(o.state, o.id, waiting) !== 'gone');
    drawRecords(records);
    const fresh = shown.some((/** @type {any} */ one) => ['dispatched', 'delivered'].includes(one.state));
    alarm(fresh ? t('New order') : stack.alerts?.length ? alertTitle(stack.alerts[0]) : '');
  }
  cards.forEach((one) => one.tick(clock.now()));
});

/** Forms keep what is being written: one is made once an order. @type {Map<string, HTMLElement>} */
const forms = new Map();

/** @param {any[]} orders */
function drawRecords(orders) {
  const box = byId('to-record');
  const ids = new Set(orders.map((o) => o.id));
  for (const [id, form] of forms) if (!ids.has(id)) { form.remove(); forms.delete(id); }
  for (const order of orders) {
    if (forms.has(order.id)) continue;
    const form = recordForm(order, (values) => press(order, 'record', values));
    forms.set(order.id, form);
    box.append(form);
  }
}

function banner() {
  const box = byId('banner');
  const cut = reached > 0 ? performance.now() - reached > 2 * POLL_MS + 1000 || !navigator.onLine : !navigator.onLine;
  const parts = [];
  if (cut) parts.push(t('No connection to the centre.'));
  if (outbox.waiting.some((one) => one.at)) parts.push(t('{n} press(es) wait to be sent.', { n: outbox.waiting.filter((one) => one.at).length }));
  box.hidden = !cut;
  if (cut) say(box, parts.join(' '));
}

async function poll() {
  try {
    const fresh = await get('/api/crew/stack');
    clock.hear(fresh.now);
    stack = fresh;
    reached = performance.now();
    localStorage.setItem(STACK, JSON.stringify(fresh));
    localStorage.setItem(TIME, JSON.stringify({ at: clock.now(), wall: Date.now(), speed: clock.speed }));
    receipts(fresh.orders);
    await outbox.flush();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) location.assign('/sign-in?next=/crew');
    reached ||= 1;
  }
  draw();
  banner();
}

if ('serviceWorker' in navigator) navigator.serviceWorker.register('/sw.js', { scope: '/crew' }).catch(() => null);
await Promise.all([loadWords(), askTime()]);
draw();
await poll();
deviceHelp(byId('device-help'), stack);
setInterval(poll, POLL_MS);
setInterval(() => { cards.forEach((one) => one.tick(clock.now())); banner(); }, 1000);
for (const type of ['online', 'focus']) addEventListener(type, () => poll());
document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });
