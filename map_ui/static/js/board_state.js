// @ts-check
/** What the control room knows, and how frames change it (pure). */

/**
 * @typedef {{label: string, since: string, limit_s: number, due: string}} Running
 * @typedef {{name: string, since: string, next_due: string|null, fired: number}} Watch
 * @typedef {{id: string, state: string, centre_id: string, trade: string, area_class: string, crew_id: string, generation: number, priority: number,
 *   channel: string, address: string, lat: number|null, lon: number|null, fault_type: string, voltage: string, description: string,
 *   customer_name: string, customer_phone: string, reported_at: string, deadline: string, points: Record<string, string>, running: Running|null,
 *   watch: Watch|null, behind: boolean, removing: string[], in_centre_hands: boolean, joined: number, satisfied: boolean|null, recorded: boolean,
 *   total_s: number, last: {step: string, role: string, id: string, at: string, crew_id: string, reason: string}|null, incident_id: string, withheld: boolean, version: number}} Order
 * @typedef {{id: string, no: number, name: string, name_zh: string, centre_id: string, trade: string, presence: string, status: string,
 *   away_until: string|null, asked: {at: string, until: string, reason: string}|null, stack: {order_id: string, version: number, acknowledged: boolean}[], capacity: number, duty_phone: string,
 *   devices: {id: string, kind: string, label: string}[], fix: {lat: number, lon: number, at: string, age_s: number, speed_mps: number, course_deg: number}|null, stale: boolean}} Crew
 * @typedef {{id: string, code: string, role: string, centre_id: string, order_id: string, facts: Record<string, any>, raised_at: string,
 *   acknowledged_at: string|null, acknowledged_by: string|null, settled: string, rank: number}} Alert
 * @typedef {{seq: number, travelSource: string, policy: string, centreId: string|null, orders: Map<string, Order>, crews: Map<string, Crew>, alerts: Map<string, Alert>}} Board
 */

/** Acknowledged alerts that a screen keeps: the last ones, not those of a whole shift. */
const KEPT = 100;

/** @returns {Board} */
export function emptyBoard() {
  return { seq: -1, travelSource: '', policy: '', centreId: null, orders: new Map(), crews: new Map(), alerts: new Map() };
}

/** @param {{id: string}[]|undefined} list @returns {Map<string, any>} */
const byKey = (list) => new Map((list ?? []).map((one) => [String(one.id), one]));

/** The board that a full frame describes. @param {any} frame @returns {Board} */
function fromFrame(frame) {
  return {
    seq: frame.seq ?? 0, travelSource: frame.travel_source ?? '', policy: frame.policy ?? '', centreId: frame.centre_id ?? null,
    orders: byKey(frame.orders), crews: byKey(frame.crews), alerts: byKey(frame.alerts),
  };
}

/**
 * Take a frame. Answers `resync` where one was missed; the board is then unchanged.
 * @param {Board} board @param {any} frame @returns {'board'|'changes'|'tick'|'resync'}
 */
export function take(board, frame) {
  if (frame.type === 'board') {
    Object.assign(board, fromFrame(frame));
    return 'board';
  }
  if (frame.type === 'tick') return frame.seq === undefined || frame.seq === board.seq ? 'tick' : 'resync';
  if (frame.prev !== board.seq) return 'resync';
  board.seq = frame.seq;
  for (const one of frame.orders ?? []) board.orders.set(one.id, one);
  for (const id of frame.gone ?? []) board.orders.delete(id);
  for (const one of frame.crews ?? []) board.crews.set(one.id, one);
  for (const one of frame.alerts ?? []) board.alerts.set(String(one.id), one);
  if (frame.alerts?.length) forget(board.alerts);
  return 'changes';
}

/** Let go of alerts that were acknowledged long ago. @param {Map<string, Alert>} alerts */
function forget(alerts) {
  const done = [...alerts].filter(([, one]) => one.acknowledged_at).sort(([, a], [, b]) => Date.parse(String(b.acknowledged_at)) - Date.parse(String(a.acknowledged_at)));
  for (const [id] of done.slice(KEPT)) alerts.delete(id);
}

/**
 * Take an order that was asked for, or that a step answered: the feed may be ahead of it. What is over, and not on the
 * board any more, does not come back. @param {Board} board @param {Order} order
 */
export function put(board, order) {
  const known = board.orders.get(order.id);
  if (known ? order.version >= known.version : !over(order)) board.orders.set(order.id, order);
}

/** @type {WeakMap<Order, number>} an order that changes is another object */
const deadlines = new WeakMap();

/** When the promise ends, ms: read once an order, for a board of a thousand is sorted by it. @param {Order} order @returns {number} */
function ends(order) {
  let at = deadlines.get(order);
  if (at === undefined) deadlines.set(order, at = Date.parse(order.deadline));
  return at;
}

/** Milliseconds until the promise ends; for an arrived order, what was left then. @param {Order} order @param {number} now */
export function remaining(order, now) {
  const arrived = order.points?.H;
  return ends(order) - (arrived ? Date.parse(arrived) : now);
}

/** @param {Order} order */
export const arrived = (order) => !!order.points?.H;
/** @param {Order} order */
export const over = (order) => ['restored', 'recorded', 'closed', 'cancelled'].includes(order.state);
/** Taken back or handed back after a dispatch. @param {Order} order */
export const handedBack = (order) => order.state === 'at_centre' && order.generation > 0;
/** Its crew, or its centre, has said no to it. @param {Order} order */
export const rejected = (order) => (order.state === 'at_centre' && order.last?.step === 'reject') || order.state === 'returned';
/** Taken back, and a device has not confirmed it yet. @param {Order} order */
export const recalling = (order) => (order.removing?.length ?? 0) > 0;
/** Waits for the dispatcher. @param {Order} order */
export const waiting = (order) => ['sent', 'at_centre'].includes(order.state);
/** Nobody is responsible for it yet. @param {Order} order */
export const unroutable = (order) => !order.centre_id;
/** @param {Order} order */
export const unanswered = (order) => ['dispatched', 'delivered'].includes(order.state);

/** Orders of one row: one, with those of its incident that follow it. @param {Order} order @param {Map<string, Order[]>} behind */
const together = (order, behind) => [order, ...behind.get(order.id) ?? []];

/** @type {Record<string, (order: Order, now: number, members?: Order[]) => boolean>} `members`: those that follow it */
export const FILTERS = {
  all: (o) => !over(o),
  waiting: (o) => waiting(o) || unroutable(o),
  unanswered,
  moving: (o) => ['acknowledged', 'en_route'].includes(o.state),
  scene: (o) => o.state === 'on_scene',
  late: (o, now, members = []) => !over(o) && [o, ...members].some((one) => remaining(one, now) < 0),
  rejected,
  recalling,
  unroutable: (o) => unroutable(o) && !over(o),
};

/** How many of these rows are late, asked again and again as time goes on: nothing is looked at but the next promise. */
export class Late {
  /** @param {Iterable<Order>} orders @param {Map<string, Order[]>} [behind] by the order that leads an incident: those that follow it */
  constructor(orders, behind = new Map()) {
    const open = [...orders].filter((one) => !over(one)).map((one) => together(one, behind));
    const late = (/** @type {Order[]} */ row) => row.some((one) => arrived(one) && remaining(one, 0) < 0);
    this.count = open.filter(late).length;
    this.ends = open.filter((row) => !late(row)).map((row) => row.filter((one) => !arrived(one)).map(ends)).filter((row) => row.length).map((row) => Math.min(...row)).sort((a, b) => b - a);
  }

  /** @param {number} now */
  by(now) {
    while (/** @type {number} */ (this.ends.at(-1)) < now) {
      this.ends.pop();
      this.count++;
    }
    return this.count;
  }
}

/**
 * Ids in the order of the board: least time first; those with a crew on scene after all others.
 * @param {Iterable<Order>} orders @param {{filter: string, text: string, now: number, words: (order: Order) => string, behind?: Map<string, Order[]>}} how `behind`: see Late
 */
export function arrangeOrders(orders, { filter, text, now, words, behind = new Map() }) {
  const keep = FILTERS[filter] ?? FILTERS.all;
  const wanted = text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const found = [];
  for (const order of orders) {
    if (!keep(order, now, behind.get(order.id))) continue;
    if (wanted.length) {
      const haystack = words(order).toLowerCase();
      if (!wanted.every((part) => haystack.includes(part))) continue;
    }
    found.push(order);
  }
  const first = new Map(found.map((order) => [order.id, Math.min(...together(order, behind).map(ends))]));
  const until = (/** @type {Order} */ { id }) => /** @type {number} */ (first.get(id));
  found.sort((a, b) => Number(arrived(a)) - Number(arrived(b)) || until(a) - until(b) || (a.id < b.id ? -1 : 1));
  return found.map((order) => order.id);
}

/** Place of an order on its vehicle: [1, 3] = first of three; null where it is on none. @param {Order} order @param {Map<string, Crew>} crews */
export function stackPlace(order, crews) {
  const stack = crews.get(order.crew_id)?.stack ?? [];
  const at = stack.findIndex((one) => one.order_id === order.id);
  return at < 0 ? null : [at + 1, stack.length];
}

/**
 * Where crews are short: for each trade, how many orders wait, and how many crews are free with a position that is known.
 * @param {Board} board @returns {{trade: string, crews: number, free: number, waiting: number}[]} the shortest first
 */
export function cover(board) {
  /** @type {Map<string, {trade: string, crews: number, free: number, waiting: number}>} */
  const trades = new Map();
  const of = (/** @type {string} */ trade) => trades.get(trade) ?? trades.set(trade, { trade, crews: 0, free: 0, waiting: 0 }).get(trade);
  for (const crew of board.crews.values()) {
    const one = /** @type {any} */ (of(crew.trade));
    if (crew.status !== 'off_shift') one.crews += 1;
    if (crew.status === 'standby' && !crew.stale) one.free += 1;
  }
  for (const order of board.orders.values()) if (waiting(order) && order.trade) /** @type {any} */ (of(order.trade)).waiting += 1;
  return [...trades.values()].sort((a, b) => (a.free - a.waiting) - (b.free - b.waiting) || a.trade.localeCompare(b.trade));
}

/** Whether its place can still be given or corrected: nobody has arrived (pure). @param {Order} order */
export const placeable = (order) => !order.points?.H && !['restored', 'recorded', 'closed', 'cancelled'].includes(order.state);

/** Steps that a dispatcher may take now; the server decides in the end. @param {Order} order @returns {string[]} */
export function stepsFor(order) {
  if (unroutable(order)) return ['route'];
  if (order.incident_id && order.incident_id !== order.id) return [];
  switch (order.state) {
    case 'sent':
    case 'at_centre':
      return [...(order.state === 'at_centre' ? ['dispatch'] : []), ...(order.in_centre_hands ? [] : ['accept']), 'return'];
    case 'dispatched':
    case 'delivered':
    case 'acknowledged':
    case 'en_route':
    case 'on_scene':
      return order.state === 'on_scene' ? ['recall'] : ['reassign', 'recall'];
    default:
      return [];
  }
}
