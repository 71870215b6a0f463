// @ts-check
/** The crew's phone. Works without a network: what is pressed is kept in the phone, shown at once, and sent when there is one. */
import { ApiError, explain, newKey, request } from './api.js';
import { clock } from './clock.js';
import { ordered } from './alert_order.js';
import { alarm, soundHint } from './crew_alarm.js';
import { card } from './crew_cards.js';
import { Claims } from './crew_claims.js';
import { alertLine, refusal } from './crew_conflicts.js';
import { deviceHelp } from './crew_device.js';
import { goAway, presence } from './crew_duty.js';
import { Messages } from './crew_messages.js';
import { pressOf, receiptOf } from './crew_presses.js';
import { forgetDraft, Records, toRecord } from './crew_record.js';
import { moved, took, withNewer } from './crew_stack.js';
import { Share } from './crew_share.js';
import { byId, fill, h, say } from './dom.js';
import { notUnderAFinger } from './finger.js';
import { expected, Outbox, stands } from './outbox.js';
import { browserStore } from './outbox_store.js';
import { named, page, shortTime, t } from './page.js';
import { ask, forgetPage, notice, startShell } from './shell.js';
import { entries, loadWords, reasonField, statusName, word } from './vocabulary.js';

const POLL_MS = 3000;
/** A look that is not answered for so long is said. */
const UNANSWERED_MS = 1500;
const BANNER_MS = 250;
const STACK = `dispatch45/stack/${page.person?.username}`;
const TIME = 'dispatch45/time';

for (const type of ['visibilitychange', 'click']) document.addEventListener(type, () => clock.wake(), true);
startShell(leaving);
rememberTime();
/** @type {any} */
let stack = JSON.parse(localStorage.getItem(STACK) ?? 'null');
let reached = 0;
/** Whether the centre said that it is this page's person who is signed in: nobody's presses go under another's name. */
let mine = false;
let drawn = '';
/** @type {{tick: (now: number) => void}[]} */
let cards = [];

/** The screen answers a touch before the network is asked: no frame is late by a request. */
const shownFirst = () => new Promise((resolve) => { setTimeout(resolve, 50); });

const outbox = new Outbox(String(page.person?.username), browserStore, {
  async send(press) {
    if (!mine) return { status: 0 };
    await shownFirst();
    try {
      const answer = await request('POST', press.path, press.blob ?? press.body, { key: press.key, timeout: press.blob ? 60_000 : 15_000 });
      if (answer === null) return { status: 0 }; // not the centre's: a network that wants to be signed in to says 200, too
      answered(press.order, answer);
      if (press.path.endsWith('/record')) recorded(answer);
      return { status: 200 };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) leave(error);
      const answer = { status: error.status, why: explain(error), facts: error.facts };
      if (stack && stands(press, answer)) keepStack(moved(stack, press.order, error.facts.state));
      return answer;
    }
  },
  changed: redraw,
  trouble: () => notice(t('This phone cannot keep what is pressed: leave the page open until it is sent.'), 'bad'),
});
const claims = new Claims(redraw);
const messages = new Messages((press) => outbox.add(press), () => outbox.waiting);

/** Orders as the centre answered to presses. @type {Map<string, any>} */
const answers = new Map();

/** @param {any} found */
function keepStack(found) {
  stack = found;
  localStorage.setItem(STACK, JSON.stringify(stack));
}

/** @param {string} order its id @param {any} answer of the centre to a press: the order, or its photos */
function answered(order, answer) {
  if (!stack) return;
  if (answer?.photos) stack = { ...stack, photos: { ...stack.photos, [order]: answer.photos.length } };
  if (answer?.version) {
    answers.set(answer.id, answer);
    stack = took(stack, answer);
  }
  keepStack(stack);
}

/** @param {any} order as the centre has it, with its record */
function recorded(order) {
  forgetDraft(order.id);
  notice(t('The centre has the fault record: {address}', { address: order.address }));
}

function redraw() {
  drawn = '';
  draw();
}

/** Opened without a network: the server's time as it was last, carried on by the phone's clock; never back. */
function rememberTime() {
  const kept = JSON.parse(localStorage.getItem(TIME) ?? 'null');
  if (kept && !clock.known) clock.hear(new Date(kept.at + Math.max(0, Date.now() - kept.wall) * kept.speed).toISOString(), kept.speed);
}

/** Buttons touched whose press is not kept yet: gloves touch twice. @type {Set<string>} */
const touched = new Set();

/** After a press the next button stands where the last one stood: for so long it is no button yet, or a second touch would take its step. */
const STEADY_MS = 700;
let unsteady = 0;

/** Kept and shown first; the centre is told after. @param {any} order @param {string} step @param {any} [more] */
async function press(order, step, more = {}) {
  const button = `${order.id}/${order.generation}/${step}`;
  if (touched.has(button)) return;
  touched.add(button);
  unsteady += 1;
  try {
    await outbox.add(pressOf(order, step, word('steps', step), more, { key: newKey(), now: clock.now(), device: Date.now(), known: clock.known }));
  } finally {
    touched.delete(button);
    setTimeout(() => { unsteady -= 1; redraw(); }, STEADY_MS);
  }
}

/** The big button of an order. @param {any} order @param {string} step */
function touch(order, step) {
  if (!unsteady) (step === 'restore' ? restore : press)(order, step);
}

/** The one step that nothing takes back. @param {any} order */
async function restore(order) {
  if (await ask({ title: t('Is the fault cleared?'), text: order.address, confirm: t('Restored'), steady: STEADY_MS })) await press(order, 'restore');
}

/** @param {any} order */
async function reject(order) {
  const said = await ask({ title: t('Reject this order?'), text: order.address, confirm: t('Reject'), danger: true, fields: [reasonField('reject'), { name: 'text', label: t('Remarks'), kind: 'area', required: false }] });
  if (said) await press(order, 'reject', said);
}

/** @type {Set<string>} receipts given by this page */
const receipted = new Set();

/** The phone has it on its screen: that is its machine receipt. @param {any[]} orders */
function receipts(orders) {
  for (const order of orders) {
    if (order.state !== 'dispatched' || document.hidden) continue;
    const receipt = receiptOf(order);
    if (receipted.has(receipt.key)) continue;
    receipted.add(receipt.key);
    outbox.add(receipt);
  }
}

/** Whoever signs out is told what stays behind. */
async function leaving() {
  const waiting = outbox.waiting.filter((one) => one.at).length;
  const parts = waiting ? [t('{n} [press waits|presses wait] to be sent.', { n: waiting }), t('They stay in this phone and go when you sign in here again.')] : [t('New orders ring here no more.')];
  if (records.forms.size) parts.push(t('A fault record that is not sent yet is forgotten.'));
  return await ask({ title: t('Sign out?'), text: parts.join(' '), confirm: t('Sign out'), danger: waiting > 0 }) !== null;
}

function head() {
  const { crew, presence: now, away_until: until } = stack;
  const away = now === 'away';
  fill(byId('crew-head'), h('div', {}, h('h1', {}, named(crew)), h('p', { class: 'soft' }, statusName(crew.status), away && until ? [' · ', t('until {time}', { time: shortTime(until) })] : null, crew.asked ? ` · ${t('The centre is asked')}` : null)),
    h('button', { type: 'button', class: `big ${away ? 'primary' : ''}`, disabled: !away && stack.orders.length > 0, id: 'presence', on: { click: () => (away ? presence('standby', {}, poll) : goAway(poll)) } }, away ? t('Back on standby') : t('Away')));
}

/** @param {any[]} alerts of one line */
async function understood(alerts) {
  await Promise.all(alerts.map((one) => request('POST', `/api/alerts/${one.id}/acknowledge`, {}))).catch((error) => notice(explain(error), 'bad'));
  await poll();
}

/** Waiting presses of one order. @param {string} id */
const waitingOf = (id) => outbox.waiting.filter((one) => one.order === id);

function stackKey() {
  const { orders, to_record: records, presence: now, away_until: until, crew, alerts, photos } = stack;
  return JSON.stringify([orders.map((/** @type {any} */ o) => [o.id, o.version, o.state]), records.map((/** @type {any} */ o) => o.id), now, until, crew.asked, crew.status, photos, (alerts ?? []).map((/** @type {any} */ a) => a.id)]);
}

const records = new Records(byId('to-record'), { write: (order, values) => press(order, 'record', values), add: (one) => outbox.add(one) });

const WORDS_MS = 1000;
let worded = false;

/** Words come soon, or orders are shown by their codes until they do. A form made meanwhile is made anew: its draft is kept. */
async function learnWords() {
  await loadWords();
  records.keep(new Set());
  worded = true;
  redraw();
}

const draw = notUnderAFinger(() => {
  if (!stack || !worded) return;
  const key = stackKey();
  if (key !== drawn) {
    drawn = key;
    head();
    const alerts = ordered(stack.alerts ?? []);
    fill(byId('conflicts'), alertLine(alerts, stack, understood), outbox.refused.map((one) => refusal(one, stack, () => outbox.dismiss(one))));
    const shown = stack.orders.map((/** @type {any} */ order) => ({ order, state: expected(order.state, order.id, outbox.waiting) })).filter((/** @type {any} */ one) => !['gone', 'restored'].includes(one.state));
    const restored = toRecord(stack, outbox.waiting);
    cards = drawCards(shown, restored.open.length);
    records.draw(restored, stack.photos ?? {}, outbox.waiting);
    const fresh = shown.some((/** @type {any} */ one) => ['dispatched', 'delivered'].includes(one.state));
    alarm(fresh ? t('New order') : alerts.length ? word('alert_codes', alerts[0].alerts[0].code) : '');
    soundHint(true);
    messages.draw();
  }
  cards.forEach((one) => one.tick(clock.now()));
  banner();
});

/** @param {{order: any, state: string}[]} shown @param {number} open records */
function drawCards(shown, open) {
  const acts = { step: touch, reject, add: (/** @type {any} */ one) => outbox.add(one) };
  const made = shown.map(({ order, state }, i) => card(order, { state, place: i + 1, waiting: waitingOf(order.id), photos: stack.photos?.[order.id] ?? 0, claims: claims.of(order.id), steady: !unsteady }, acts));
  fill(byId('stack'), made.length ? made.map((one) => one.element) : h('p', { class: 'empty' }, nothingToDo(open)));
  return made;
}

/** What stands where no order does. @param {number} records still to be written */
function nothingToDo(records) {
  if (stack.presence === 'away') return t('Away. No new orders.');
  return records ? t('No further orders. {n} fault [record|records] still to be written.', { n: records }) : t('No orders. A new one rings here.');
}

function banner() {
  const box = byId('banner');
  const cut = reached > 0 ? performance.now() - reached > POLL_MS + UNANSWERED_MS || !navigator.onLine : !navigator.onLine;
  const waiting = outbox.waiting.filter((one) => one.at).length;
  const parts = [];
  if (cut) parts.push(t('No connection to the centre.'));
  if (waiting) parts.push(t('{n} [press waits|presses wait] to be sent.', { n: waiting }));
  box.hidden = !cut;
  if (cut) say(box, parts.join(' '));
}

let polling = false;

async function poll() {
  if (polling) return;
  polling = true;
  try {
    const fresh = await request('GET', '/api/crew/stack', undefined, { timeout: mine ? 2 * POLL_MS : 15_000 }); // nothing is sent before the first answer: it has a press's patience
    mine = true;
    clock.hear(fresh.now);
    keepStack(withNewer(fresh, answers.values()));
    reached = performance.now();
    localStorage.setItem(TIME, JSON.stringify({ at: clock.now(), wall: Date.now(), speed: clock.speed }));
    receipts(stack.orders);
    if (worded && !entries('states').length) learnWords();
    outbox.flush(); // these take as long as they take; the next look does not wait for them
    claims.follow([...stack.orders, ...stack.to_record]);
    messages.read();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) leave(error);
    reached ||= 1;
  } finally {
    polling = false;
  }
  draw();
}

/** Nobody is signed in any more, or the page was kept for who had the phone before. @param {ApiError} error */
async function leave({ facts }) {
  if (facts.why !== 'another_person') return location.assign('/sign-in?next=/crew');
  await forgetPage();
  return location.reload();
}

/** What may wait until the orders are on the screen. */
function afterwards() {
  if ('serviceWorker' in navigator) navigator.serviceWorker.register('/sw.js', { scope: '/crew' }).catch(() => null);
  navigator.storage?.persist?.().catch(() => null);
  new Share();
  deviceHelp(byId('device-help'), stack);
}

setTimeout(() => { worded = true; redraw(); }, WORDS_MS);
setInterval(poll, POLL_MS);
setInterval(notUnderAFinger(() => { cards.forEach((one) => one.tick(clock.now())); soundHint(); }), 1000);
setInterval(notUnderAFinger(banner), BANNER_MS);
for (const type of ['online', 'focus']) addEventListener(type, () => poll());
document.addEventListener('visibilitychange', () => { if (!document.hidden) { outbox.load(); poll(); } });
await Promise.all([learnWords(), outbox.load(), poll()]);
afterwards();
