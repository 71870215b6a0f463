// @ts-check
/**
 * The server's time, from the `now` of each answer. Between answers the page counts with the monotonic clock, times the
 * speed of a demonstration. The device's own clock says one thing only: how long a phone slept (`wake`).
 */

/** What came late is not believed for so long after something that came sooner, in ms. */
const TRUSTED_MS = 30_000;

/** By so much the two clocks of a device that is awake may drift apart, in ms. */
const SLEPT_MS = 2_000;

export class ServerClock {
  /** @param {() => number} monotonic milliseconds that only grow, and stand still while the device sleeps @param {() => number} wall milliseconds by the device's own clock */
  constructor(monotonic = () => performance.now(), wall = () => Date.now()) {
    this.monotonic = monotonic;
    this.wall = wall;
    this.speed = 1;
    this.at = 0;
    this.seen = 0;
    this.seenWall = 0;
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
    this.seenWall = this.wall();
    this.trusted = seen + TRUSTED_MS;
    this.known = true;
    if (otherSpeed) this.speed = speed;
  }

  /** Believe the next message, whatever it says: the server may have been started anew. */
  doubt() {
    this.trusted = 0;
  }

  /**
   * The device may have slept: where its own clock went further than the monotonic one, the time goes on by as much. Never
   * back. A clock that was put forward looks the same, so the next message is believed.
   */
  wake() {
    const slept = this.wall() - this.seenWall - (this.monotonic() - this.seen);
    if (!this.known || slept <= SLEPT_MS) return;
    this.at += slept * this.speed;
    this.seenWall += slept;
    this.doubt();
  }

  /** Milliseconds since 1970 at the server. */
  now() {
    return this.known ? this.at + (this.monotonic() - this.seen) * this.speed : this.wall();
  }
}

export const clock = new ServerClock();

/** Ask the server for time and speed; whether it answered. @param {number} [patience] ms */
export async function askTime(patience = 5000) {
  try {
    const response = await fetch('/api/clock', { cache: 'no-store', signal: AbortSignal.timeout(patience) });
    if (!response.ok) return false;
    const { now, speed } = await response.json();
    clock.hear(now, speed);
    return true;
  } catch {
    return false; // the connection's banner says it
  }
}
