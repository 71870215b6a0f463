// @ts-check
/** Steps that are pressed again: not while the first is under way, and as the same step where the centre did not answer. */
import { newKey, post } from './api.js';

export class Once {
  constructor() {
    /** Of what has no answer yet. @type {Map<string, string>} */
    this.keys = new Map();
    /** @type {Set<string>} */
    this.underWay = new Set();
  }

  /** The answer; null where the same is under way. @param {string} path @param {any} [body] @param {string} [about] what makes it another one @returns {Promise<any>} */
  async post(path, body = {}, about = '') {
    const same = `${path} ${about}`;
    if (this.underWay.has(same)) return null;
    const key = this.keys.get(same) ?? newKey();
    this.keys.set(same, key);
    this.underWay.add(same);
    try {
      const answer = await post(path, body, key);
      this.keys.delete(same);
      return answer;
    } catch (error) {
      const { status } = /** @type {any} */ (error);
      if (status && status < 500) this.keys.delete(same); // it was refused; otherwise it may have been taken
      throw error;
    } finally {
      this.underWay.delete(same);
    }
  }
}
