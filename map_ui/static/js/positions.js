// @ts-check
/**
 * Vehicles as they come over the wire (docs/http-api.md, Live feed), kept as columns: twenty thousand of them make no
 * garbage (pure).
 */

export const STATUSES = ['standby', 'assigned', 'en_route', 'on_scene', 'away', 'off_shift'];
const RECORD = 16;
const WHOLE = 1;
const GONE = 255;
const UNKNOWN_COURSE = 65535;
const OLDEST = 255;
const AGE_STEP_MS = 5000;
/** An age is told no further than this. */
export const OLDEST_MS = OLDEST * AGE_STEP_MS;
/** A fix older than this is drawn faded, in seconds. */
export const STALE_S = 300;
/** The heading of whose course is not known. */
export const NO_HEADING = 32;

/** Which of 32 pre-cut headings; 32: no heading known. @param {number|null} course degrees */
export function heading(course) {
  return course === null ? NO_HEADING : Math.round(course / 11.25) % 32;
}

/** The server's time in a frame, in ms since 1970; NaN where it is none. @param {ArrayBuffer} buffer */
export function sentAt(buffer) {
  return buffer.byteLength < RECORD ? NaN : new DataView(buffer).getFloat64(8, true);
}

/** Web Mercator, the whole world from 0 to 1. @param {number} lat @param {number} lon @returns {[number, number]} */
export function world(lat, lon) {
  const sine = Math.sin((lat * Math.PI) / 180);
  return [lon / 360 + 0.5, 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)];
}

export class Fleet {
  /** @param {(lat: number, lon: number) => [number, number]} [place] where a place is on the map, the whole of it from 0 to 1 */
  constructor(place = world) {
    this.place = place;
    this.count = 0;
    /** @type {Map<number, number>} */
    this.slots = new Map();
    this.room(256);
  }

  /** Columns for so many vehicles; what is in them stays. @param {number} size */
  room(size) {
    /** @type {<A extends Uint8Array|Uint32Array|Float64Array>(to: A, from: A|undefined) => A} */
    const grown = (to, from) => { if (from) to.set(from); return to; };
    this.no = grown(new Uint32Array(size), this.no);
    /** Where it is, and where it was drawn when that was said: both as in `world`. */
    this.x = grown(new Float64Array(size), this.x);
    this.y = grown(new Float64Array(size), this.y);
    this.fromX = grown(new Float64Array(size), this.fromX);
    this.fromY = grown(new Float64Array(size), this.fromY);
    /** When that was said: ms of the page's monotonic clock. */
    this.since = grown(new Float64Array(size), this.since);
    /** When the fix was taken: ms since 1970 at the server; -Infinity: longer ago than can be said. */
    this.fixed = grown(new Float64Array(size), this.fixed);
    this.status = grown(new Uint8Array(size), this.status);
    this.turn = grown(new Uint8Array(size), this.turn);
  }

  /**
   * Take a frame. Answers false where it is none.
   * @param {ArrayBuffer} buffer @param {number} now monotonic ms @param {number} glide ms that a vehicle takes to its new place
   */
  take(buffer, now, glide) {
    if (buffer.byteLength < RECORD || buffer.byteLength % RECORD) return false;
    const view = new DataView(buffer);
    const sent = view.getFloat64(8, true);
    if (view.getUint8(0) === WHOLE) this.clear();
    for (let at = RECORD; at < buffer.byteLength; at += RECORD) {
      const no = view.getUint32(at, true), status = view.getUint8(at + 14);
      if (status === GONE) this.remove(no);
      else this.put(view, at, no, status, sent, now, glide);
    }
    return true;
  }

  /** @param {DataView} view @param {number} at @param {number} no @param {number} status @param {number} sent @param {number} now @param {number} glide */
  put(view, at, no, status, sent, now, glide) {
    const [x, y] = this.place(view.getInt32(at + 4, true) / 1e7, view.getInt32(at + 8, true) / 1e7);
    const known = this.slots.get(no);
    const slot = known ?? this.add(no);
    const share = known === undefined ? 1 : Math.min(1, (now - this.since[slot]) / glide);
    this.fromX[slot] = known === undefined ? x : this.fromX[slot] + (this.x[slot] - this.fromX[slot]) * share;
    this.fromY[slot] = known === undefined ? y : this.fromY[slot] + (this.y[slot] - this.fromY[slot]) * share;
    this.x[slot] = x;
    this.y[slot] = y;
    this.since[slot] = now;
    const course = view.getUint16(at + 12, true), age = view.getUint8(at + 15);
    this.turn[slot] = course === UNKNOWN_COURSE ? NO_HEADING : heading(course / 100);
    this.status[slot] = Math.min(status, STATUSES.length - 1);
    this.fixed[slot] = age === OLDEST ? -Infinity : sent - age * AGE_STEP_MS;
  }

  /** When its fix was taken, ms since 1970; -Infinity where that is not known, or long ago. @param {number} no */
  fixedAt(no) {
    const slot = this.slots.get(no);
    return slot === undefined ? -Infinity : this.fixed[slot];
  }

  /** @param {number} no */
  add(no) {
    if (this.count === this.no.length) this.room(2 * this.count);
    const slot = this.count++;
    this.no[slot] = no;
    this.slots.set(no, slot);
    return slot;
  }

  /** The last one takes its slot. @param {number} no */
  remove(no) {
    const slot = this.slots.get(no);
    if (slot === undefined) return;
    const last = --this.count;
    for (const column of [this.no, this.x, this.y, this.fromX, this.fromY, this.since, this.fixed, this.status, this.turn]) column[slot] = column[last];
    this.slots.delete(no);
    if (slot !== last) this.slots.set(this.no[slot], slot);
  }

  clear() {
    this.count = 0;
    this.slots.clear();
  }
}
