// @ts-check
/**
 * What the crew pressed, kept until the centre has answered. Every press has a key, so that sending it again is
 * harmless; presses go out in their order, and one that the centre refuses becomes a conflict to be read.
 */

/** @typedef {{key: string, path: string, body: any, order: string, label: string, at: string}} Press `at` is empty for what the phone itself says: a refusal of that is nobody's concern */
/** @typedef {{press: Press, why: string}} Refused */

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
  return waiting.filter((one) => one.order === order).reduce((now, one) => leads[one.path.split('/').pop() ?? ''] ?? now, state);
}

export class Outbox {
  /**
   * @param {string} owner whose presses these are
   * @param {{getItem: (k: string) => string|null, setItem: (k: string, v: string) => void}} storage
   * @param {{send: (press: Press) => Promise<{status: number, why?: string}>, changed: () => void}} on
   */
  constructor(owner, storage, on) {
    this.name = `dispatch45/outbox/${owner}`;
    this.storage = storage;
    this.on = on;
    this.busy = false;
    const kept = JSON.parse(storage.getItem(this.name) ?? '{}');
    /** @type {Press[]} */
    this.waiting = kept.waiting ?? [];
    /** @type {Refused[]} */
    this.refused = kept.refused ?? [];
  }

  keep() {
    this.storage.setItem(this.name, JSON.stringify({ waiting: this.waiting, refused: this.refused }));
    this.on.changed();
  }

  /** Keep it first, then send it. @param {Press} press */
  add(press) {
    if (this.waiting.some((one) => one.key === press.key)) return Promise.resolve();
    this.waiting.push(press);
    this.keep();
    return this.flush();
  }

  /** @param {Refused} one */
  dismiss(one) {
    this.refused = this.refused.filter((other) => other !== one);
    this.keep();
  }

  /** What was pressed after it on the same order rested on it. @param {Press} press @param {string} why */
  refuse(press, why) {
    const with_ = [press, ...this.waiting.filter((one) => one.order === press.order && one.at)];
    this.waiting = this.waiting.filter((one) => !with_.includes(one));
    this.refused.push(...with_.map((one) => ({ press: one, why })));
  }

  /** Send what waits, the oldest first. */
  async flush() {
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting.length) {
        const [first] = this.waiting;
        const { status, why } = await this.on.send(first);
        const found = verdict(status);
        if (found === 'again' || found === 'stop') break;
        this.waiting = this.waiting.filter((one) => one !== first);
        if (found === 'refused' && first.at) this.refuse(first, why ?? '');
        this.keep();
      }
    } finally {
      this.busy = false;
    }
  }
}
