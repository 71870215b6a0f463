// @ts-check
/**
 * The server's time, from the `now` of each answer. The PC's clock is never asked: between answers the page counts
 * with the monotonic clock, times the speed of a demonstration.
 */

export class ServerClock {
  /** @param {() => number} monotonic milliseconds that only grow */
  constructor(monotonic = () => performance.now()) {
    this.monotonic = monotonic;
    this.speed = 1;
    this.at = 0;
    this.seen = 0;
    this.known = false;
  }

  /** @param {string|undefined|null} now ISO 8601 @param {number} [speed] */
  hear(now, speed) {
    const parsed = now ? Date.parse(now) : NaN;
    if (Number.isNaN(parsed)) return;
    this.at = parsed;
    this.seen = this.monotonic();
    this.known = true;
    if (speed !== undefined && speed >= 0) this.speed = speed;
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
