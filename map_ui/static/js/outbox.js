// @ts-check
/**
 * What the crew pressed, kept until the centre has answered. Every press has a key, so that sending it again is
 * harmless; presses go out in their order, and one that the centre refuses becomes a conflict to be read. Photos and
 * messages go after the presses: no large file stands before "arrived".
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

const LANES = [undefined, 'message', 'photo'];

/** What an answer means for the press (pure). @param {number} status 0: no answer @returns {'done'|'again'|'stop'|'refused'} */
export function verdict(status) {
  if (status >= 200 && status < 300) return 'done';
  if (status === 401) return 'stop';
  if (status === 0 || status === 408 || status === 429 || status >= 500) return 'again';
  return 'refused';
}

/** The state an order is in once these presses have arrived (pure). @param {string} state @param {string} order @param {Press[]} waiting */
export function expected(state, order, waiting) {
  /** @type {Record<string, string>} */
  const leads = { acknowledge: 'acknowledged', depart: 'en_route', arrive: 'on_scene', restore: 'restored', reject: 'gone', record: 'gone' };
  return waiting.filter((one) => one.order === order && !one.lane).reduce((now, one) => leads[one.path.split('/').pop() ?? ''] ?? now, state);
}

/** The next to be sent (pure): presses in their order, then messages, then photos. @param {Press[]} waiting */
export function next(waiting) {
  for (const lane of LANES) {
    const found = waiting.find((one) => one.lane === lane);
    if (found) return found;
  }
  return undefined;
}

/** One at a time in this browser, where it can say so. @param {() => Promise<void>} work */
async function alone(work) {
  const locks = globalThis.navigator?.locks;
  if (!locks) return work();
  return locks.request('dispatch45-outbox', { ifAvailable: true }, async (lock) => { if (lock) await work(); });
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
    this.busy = false;
    /** @type {Press[]} */
    this.waiting = [];
    /** @type {Refused[]} */
    this.refused = [];
  }

  /** What is kept, also by another tab of the same person. */
  async load() {
    let kept;
    try {
      kept = await this.store.all(this.owner);
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
      await this.store.put({ key: press.key, owner: this.owner, press });
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
    await this.store.drop(keys).catch(this.on.trouble);
  }

  /** What was pressed after it on the same order rested on it; photos and messages did not. @param {Press} press @param {Answer} answer */
  async refuse(press, { why = '', facts = {} }) {
    const with_ = press.lane ? [press] : [press, ...this.waiting.filter((one) => one !== press && one.order === press.order && one.at && !one.lane)];
    for (const one of with_) {
      await this.store.put({ key: one.key, owner: this.owner, press: { ...one, blob: null }, refused: { why, facts } }).catch(this.on.trouble);
      this.refused.push({ press: one, why, facts });
    }
    this.waiting = this.waiting.filter((one) => !with_.includes(one));
  }

  /** Send what waits. Answers whether the centre could be reached as far as that goes. */
  async flush() {
    if (this.busy || !this.waiting.length) return;
    this.busy = true;
    try {
      await alone(() => this.sendAll());
    } finally {
      this.busy = false;
    }
  }

  async sendAll() {
    for (let press = next(this.waiting); press; press = next(this.waiting)) {
      const sent = press;
      const answer = await this.on.send(sent);
      const found = answer.facts?.taken ? 'done' : verdict(answer.status);
      if (found === 'again' || found === 'stop') return;
      if (found === 'refused' && sent.at) await this.refuse(sent, answer);
      else {
        await this.forget([sent]);
        this.waiting = this.waiting.filter((one) => one.key !== sent.key);
      }
      this.on.changed();
    }
  }
}
