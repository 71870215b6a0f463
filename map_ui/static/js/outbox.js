// @ts-check
/**
 * What the crew pressed, kept until the centre has answered. Every press has a key, so that sending it again is
 * harmless; presses go out in their order, and one that the centre refuses becomes a conflict to be read. Messages and
 * photos go beside them: no large file stands before "arrived".
 */

/**
 * @typedef {{key: string, path: string, body?: any, blob?: Blob|null, order: string, label: string, at: string, lane?: 'photo'|'message'}} Press
 *   `at` is empty for what the phone itself says: a refusal of that is nobody's concern
 * @typedef {{press: Press, why: string, facts?: Record<string, any>}} Refused
 * @typedef {{key: string, owner: string, no?: number, press: Press, refused?: {why: string, facts: Record<string, any>}|null}} Kept
 * @typedef {{all: (owner: string) => Promise<Kept[]>, put: (one: Kept) => Promise<void>, drop: (keys: string[]) => Promise<void>}} Store
 *   durable when its promises are kept; `all` gives the oldest first; `put` of a known key replaces it in its place
 * @typedef {{status: number, why?: string, facts?: Record<string, any>}} Answer `facts.taken`: it was taken before, though the order has gone since
 */

/** @type {Press['lane'][]} */
const LANES = [undefined, 'message', 'photo'];

/** What an answer means for the press (pure). @param {number} status 0: no answer @returns {'done'|'again'|'stop'|'refused'} */
export function verdict(status) {
  if (status >= 200 && status < 300) return 'done';
  if (status === 401) return 'stop';
  if (status === 0 || status === 408 || status === 429 || status >= 500) return 'again';
  return 'refused';
}

/** A press's step. @param {Press} press */
const stepOf = (press) => press.path.split('/').pop() ?? '';

/** What each button leads to, in their sequence. */
const LEADS = { acknowledge: 'acknowledged', depart: 'en_route', arrive: 'on_scene', restore: 'restored' };
const [WAY, REACHED] = [Object.keys(LEADS), [...Object.values(LEADS), 'recorded', 'closed']];

/**
 * The step stands, though this press did not take it (pure): positions, the terminal or another phone were first, or the
 * order is past it. A record that somebody else wrote is not this one: that is a refusal.
 * @param {Press} press @param {Answer} answer
 */
export function stands(press, { status, facts = {} }) {
  const place = press.lane ? -1 : WAY.indexOf(stepOf(press));
  return status === 409 && place >= 0 && (facts.why === 'already' || (!facts.why && REACHED.indexOf(facts.state) >= place));
}

/** The state an order is in once these presses have arrived (pure). @param {string} state @param {string} order @param {Press[]} waiting */
export function expected(state, order, waiting) {
  /** @type {Record<string, string>} */
  const leads = { ...LEADS, reject: 'gone', record: 'gone' };
  return waiting.filter((one) => one.order === order && !one.lane).reduce((now, one) => leads[stepOf(one)] ?? now, state);
}

const STUCK_MS = 1500;

/** The same, or an error where the phone's disk does not answer: a press must not wait for it. @template T @param {Promise<T>} work @returns {Promise<T>} */
function soon(work) {
  /** @type {any} */
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('the disk does not answer')), STUCK_MS); });
  return Promise.race([work, /** @type {Promise<never>} */ (late)]).finally(() => clearTimeout(timer));
}

export class Outbox {
  /**
   * @param {string} owner whose presses these are
   * @param {Store} store
   * @param {{send: (press: Press) => Promise<Answer>, changed: () => void, trouble: (error: unknown) => void}} on `trouble`: the phone cannot keep it
   */
  constructor(owner, store, on) {
    this.owner = owner;
    this.store = store;
    this.on = on;
    /** @type {Set<Press['lane']>} that are being sent now */
    this.busy = new Set();
    /** @type {Press[]} */
    this.waiting = [];
    /** @type {Refused[]} */
    this.refused = [];
  }

  /** What is kept, also by another tab of the same person. */
  async load() {
    let kept;
    try {
      kept = await soon(this.store.all(this.owner));
    } catch (error) {
      return this.on.trouble(error);
    }
    const known = new Set(kept.map((one) => one.key));
    const loose = this.waiting.filter((one) => this.loose.has(one.key) && !known.has(one.key));
    this.waiting = [...kept.filter((one) => !one.refused).map((one) => one.press), ...loose];
    this.refused = kept.filter((one) => one.refused).map(({ press, refused }) => ({ press, why: refused?.why ?? '', facts: refused?.facts }));
    this.on.changed();
  }

  /** Keys that the store would not take: they live as long as the page. @type {Set<string>} */
  loose = new Set();

  /** Keep it first, then show it, then send it. Resolves when it is kept. @param {Press} press */
  async add(press) {
    if (this.waiting.some((one) => one.key === press.key)) return;
    try {
      await soon(this.store.put({ key: press.key, owner: this.owner, press }));
    } catch (error) {
      this.loose.add(press.key);
      this.on.trouble(error);
    }
    this.waiting.push(press);
    this.on.changed();
    this.flush();
  }

  /** @param {Refused} one */
  async dismiss(one) {
    this.refused = this.refused.filter((other) => other !== one);
    await this.forget([one.press]);
    this.on.changed();
  }

  /** @param {Press[]} presses */
  async forget(presses) {
    const keys = presses.map((one) => one.key);
    keys.forEach((key) => this.loose.delete(key));
    await soon(this.store.drop(keys)).catch(this.on.trouble);
  }

  /** What was pressed after it on the same order rested on it; photos and messages did not. @param {Press} press @param {Answer} answer */
  async refuse(press, { why = '', facts = {} }) {
    const with_ = press.lane ? [press] : [press, ...this.waiting.filter((one) => one !== press && one.order === press.order && one.at && !one.lane)];
    for (const one of with_) {
      await soon(this.store.put({ key: one.key, owner: this.owner, press: { ...one, blob: null }, refused: { why, facts } })).catch(this.on.trouble);
      this.refused.push({ press: one, why, facts });
    }
    this.waiting = this.waiting.filter((one) => !with_.includes(one));
  }

  /** Send what waits, each lane by itself: a press does not wait until a photo is through. Another tab may do the same: every key counts once. */
  async flush() { await Promise.all(LANES.map((lane) => this.sendAll(lane))); }

  /** @param {Press['lane']} lane */
  async sendAll(lane) {
    if (this.busy.has(lane)) return;
    this.busy.add(lane);
    const first = () => this.waiting.find((one) => one.lane === lane);
    try {
      for (let press = first(); press && await this.sendOne(press);) press = first();
    } finally {
      this.busy.delete(lane);
    }
  }

  /** @param {Press} press @returns {Promise<boolean>} whether the next one may be tried */
  async sendOne(press) {
    const answer = await this.on.send(press);
    const found = answer.facts?.taken || stands(press, answer) ? 'done' : verdict(answer.status);
    if (found === 'again' || found === 'stop') return false;
    if (found === 'refused' && press.at) await this.refuse(press, answer);
    else {
      await this.forget([press]);
      this.waiting = this.waiting.filter((one) => one.key !== press.key);
    }
    this.on.changed();
    return true;
  }
}
