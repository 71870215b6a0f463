// @ts-check
/**
 * Whether the centre is heard, by beats that are sent one after the other (pure): cut, slow, or well.
 *
 * A line is as slow as its slowest answer of late: each later answer lets a fifth of that be forgotten. While answers take
 * no longer than `silentMs`, a silence of `silentMs` is a cut. A line that takes longer is slow, which is said as long as it
 * lasts; a cut is then only a silence longer than its answers take and the next beat comes later. Else a slow line would be
 * told cut and back again every few seconds.
 */
export class Pulse {
  /** @param {{silentMs: number, beatMs: number}} of @param {number} now ms of a clock that only grows */
  constructor({ silentMs, beatMs }, now) {
    this.silentMs = silentMs;
    this.beatMs = beatMs;
    this.heardAt = now;
    this.slowest = 0;
  }

  /** An answer. @param {number} asked when it was asked for @param {number} now */
  heard(asked, now) {
    this.heardAt = now;
    this.slowest = Math.max(now - asked, 0.8 * this.slowest);
  }

  /** Nobody listened until now: that nothing was heard says nothing. @param {number} now */
  begin(now) { this.heardAt = now; }

  get slow() { return this.slowest > this.silentMs; }

  /** How long a silence is no cut, ms. */
  get patience() { return this.slow ? this.slowest + this.beatMs : this.silentMs; }

  /** @param {number} now @returns {'cut'|'slow'|''} */
  state(now) {
    if (now - this.heardAt > this.patience) return 'cut';
    return this.slow ? 'slow' : '';
  }
}
