// @ts-check
/** One order's course for its replay: when it was where, and how its clocks stood (pure). */

/**
 * @typedef {{at: number, lat: number, lon: number, device?: string}} Fix `device`: whose it is, where several vehicles had the order
 * @typedef {{device: string, from: number, to: number}} Leg
 */

const ENDS = ['reject', 'recall', 'restore', 'cancel'];
/** Milliseconds between two fixes over which a vehicle is not thought to have driven evenly. */
const GAP_MS = 180_000;
/** Before the dispatch: where the vehicle came from. */
const LEAD_IN_MS = 120_000;

/** From the call until the repair or the cancellation; of an order that goes on: until now. @param {any} story @param {number} now @returns {[number, number]} */
export function span(story, now) {
  const start = Date.parse(story.order.reported_at);
  const ends = story.events.filter((/** @type {any} */ e) => e.kind === 'restore' || e.kind === 'cancel');
  return [start, Math.max(start + 1000, ends.length ? Date.parse(ends[ends.length - 1].at) : now)];
}

/** Which vehicle had the order when; with what led there, but never two at a time. @param {any} story @param {number} until @returns {Leg[]} */
export function legs(story, until) {
  const devices = new Map((story.vehicle ?? []).map((/** @type {any} */ v) => [v.seq, v.device]));
  /** @type {Leg[]} */
  const found = [];
  let open = /** @type {Leg|null} */ (null), ended = -Infinity;
  for (const e of story.events) {
    if (e.kind === 'dispatch') open = { device: '', from: Math.max(ended, Date.parse(e.at) - LEAD_IN_MS), to: until };
    if (open && !open.device && devices.get(e.seq)) { // it may have been seen first after the dispatch
      open.device = devices.get(e.seq);
      found.push(open);
    }
    if (open && ENDS.includes(e.kind)) {
      open.to = ended = Date.parse(e.at);
      open = null;
    }
  }
  return found;
}

/** Without the track: where the vehicle was at each event. @param {any} story @returns {Fix[]} */
export function fixesOfEvents(story) {
  const at = new Map(story.events.map((/** @type {any} */ e) => [e.seq, Date.parse(e.at)]));
  return (story.vehicle ?? []).map((/** @type {any} */ v) => ({ at: Number(at.get(v.seq)), lat: v.lat, lon: v.lon, device: v.device })).sort((/** @type {Fix} */ a, /** @type {Fix} */ b) => a.at - b.at);
}

/** How many of `sorted` are not after `at`. @param {{at: number}[]} sorted @param {number} at */
export function until(sorted, at) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle].at <= at) low = middle + 1; else high = middle;
  }
  return low;
}

/** Where the vehicle was; `how`: `fix`, `between` two close ones of one vehicle, or `last` (the last one known). @param {Fix[]} fixes @param {number} at */
export function place(fixes, at) {
  const n = until(fixes, at);
  if (!n) return null;
  const a = fixes[n - 1], b = fixes[n];
  if (a.at === at) return { lat: a.lat, lon: a.lon, how: 'fix', age: 0 };
  if (!b || b.device !== a.device || b.at - a.at > GAP_MS) return { lat: a.lat, lon: a.lon, how: 'last', age: at - a.at };
  const part = (at - a.at) / (b.at - a.at);
  return { lat: a.lat + part * (b.lat - a.lat), lon: a.lon + part * (b.lon - a.lon), how: 'between', age: at - a.at };
}

/** Which segment ran, since how long, against which limit; and what was left of the promise. @param {any} story @param {Map<string, number>} limits seconds by segment @param {number} at */
export function clocks(story, limits, at) {
  const interval = story.intervals.find((/** @type {any} */ i) => Date.parse(i.start) <= at && at < Date.parse(i.end));
  const arrived = story.order.points.H ? Date.parse(story.order.points.H) : Infinity;
  return {
    label: interval?.label ?? '', owner: interval?.owner ?? '', spent: interval ? (at - Date.parse(interval.start)) / 1000 : 0, limit: limits.get(interval?.label) ?? 0,
    left: Date.parse(story.order.deadline) - Math.min(at, arrived), arrived: at >= arrived,
  };
}

/** The moment after or before `at` at which something happened; the ends where there is none. @param {number[]} moments sorted @param {number} at @param {1|-1} step @param {[number, number]} ends */
export function neighbour(moments, at, step, ends) {
  const found = step > 0 ? moments.find((one) => one > at) : [...moments].reverse().find((one) => one < at);
  return Math.min(ends[1], Math.max(ends[0], found ?? ends[step > 0 ? 1 : 0]));
}

/** The time points within the replay; those that would lie on each other are one mark. @param {Record<string, string>} points @param {[number, number]} ends @returns {{at: number, name: string}[]} */
export function together(points, [start, end]) {
  /** @type {{at: number, name: string}[]} */
  const found = [];
  for (const [name, time] of Object.entries(points).sort()) {
    const at = Date.parse(time), before = found[found.length - 1];
    if (at > end) continue;
    if (before && at - before.at < 0.03 * (end - start)) before.name += name;
    else found.push({ at, name });
  }
  return found;
}
