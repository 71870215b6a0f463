// @ts-check
/**
 * The server's time, from the `now` of each answer. The PC's clock is never asked: between answers the page counts
 * with the monotonic clock, times the speed of a demonstration.
 */

/** What came late is not believed for so long after something that came sooner, in ms. */
const TRUSTED_MS = 30_000;

export class ServerClock {
  /** @param {() => number} monotonic milliseconds that only grow */
  constructor(monotonic = () => performance.now()) {
    this.monotonic = monotonic;
    this.speed = 1;
    this.at = 0;
    this.seen = 0;
    this.trusted = 0;
    this.known = false;
  }

  /**
   * A message that waited on its way says an older time: that one is left out, else a slow line would set the clock
   * back at every message.
   * @param {string|number|undefined|null} now ISO 8601, or milliseconds since 1970 @param {number} [speed]
   */
  hear(now, speed) {
    const at = typeof now === 'number' ? now : now ? Date.parse(now) : NaN;
    if (Number.isNaN(at)) return;
    const seen = this.monotonic();
    const otherSpeed = speed !== undefined && speed >= 0 && speed !== this.speed;
    if (this.known && !otherSpeed && at < this.now() && seen < this.trusted) return;
    this.at = at;
    this.seen = seen;
    this.trusted = seen + TRUSTED_MS;
    this.known = true;
    if (otherSpeed) this.speed = speed;
  }

  /** Believe the next message, whatever it says: the server may have been started anew. */
  doubt() {
    this.trusted = 0;
  }

  /** Milliseconds since 1970 at the server. */
  now() {
    return this.known ? this.at + (this.monotonic() - this.seen) * this.speed : Date.now();
  }
}

export const clock = new ServerClock();

/** Ask the server for time and speed. */
export async function askTime() {
  try {
    const response = await fetch('/api/clock', { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (response.ok) {
      const { now, speed } = await response.json();
      clock.hear(now, speed);
    }
  } catch { /* the connection's banner says it */ }
}
