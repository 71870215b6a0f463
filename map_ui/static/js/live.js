// @ts-check
/**
 * The live feed: one ticket a connection, jittered reconnects, and the truth about the connection. Silence counts as
 * a cut, because a network that dies says nothing: the server speaks at least every 1.2 s.
 */
import { newKey, request } from './api.js';
import { clock } from './clock.js';
import { sentAt } from './positions.js';

/** Silence after which the page says so; and after which another connection is tried. */
const QUIET_MS = 1800, DEAD_MS = 3500;
/** So long a try may take; every fourth one longer, for slow networks. Once it is open a large board may come. */
const TRY_MS = 1500, PATIENT_MS = 4000, BOARD_MS = 20_000;
const FIRST_MS = 300, OFTEN_MS = 800, SELDOM_MS = 8000;

/**
 * Milliseconds before the n-th try (from 0), with jitter: at most 0.8 s, so that a network that comes back is used
 * within a second, or a hundredth of a long outage (pure).
 * @param {number} tries @param {number} cut ms since the connection was lost @param {() => number} random
 */
export function pause(tries, cut, random = Math.random) {
  const longest = Math.max(OFTEN_MS, Math.min(SELDOM_MS, cut / 100));
  return Math.min(longest, FIRST_MS * 2 ** tries) * (0.5 + random() / 2);
}

/** How long the n-th try may take (pure). @param {number} tries */
export const patience = (tries) => (tries % 4 === 3 ? PATIENT_MS : TRY_MS);

export class Live {
  /** @param {{frame: (frame: any) => boolean, positions: (bytes: ArrayBuffer) => void, state: (state: 'live'|'quiet'|'cut'|'out', since: number) => void}} on `out`: the session has ended; `frame` answers false where a frame was missed */
  constructor(on) {
    this.on = on;
    this.tries = 0;
    this.connecting = false;
    /** When the server was last heard, and when something last happened on this connection. */
    this.heard = this.alive = performance.now();
    this.allowed = TRY_MS;
    /** @type {'live'|'quiet'|'cut'|'out'} */
    this.said = 'cut';
    /** @type {WebSocket|null} */
    this.socket = null;
    /** @type {any} */
    this.view = null;
    setInterval(() => this.watch(), 100);
    addEventListener('offline', () => this.drop());
    for (const [where, type] of /** @type {[EventTarget, string][]} */ ([[globalThis, 'online'], [globalThis, 'pageshow'], [document, 'visibilitychange']])) where.addEventListener(type, () => this.atOnce());
    this.connect();
  }

  async connect() {
    this.waiting = 0;
    if (this.connecting || this.socket) return;
    this.connecting = true;
    const limit = patience(this.tries);
    try {
      const { ticket, url } = await request('POST', '/api/live-ticket', {}, { key: newKey(), timeout: limit });
      const address = String(url).includes('ticket=') ? url : `${url}${String(url).includes('?') ? '&' : '?'}ticket=${encodeURIComponent(ticket)}`;
      const socket = new WebSocket(address);
      socket.binaryType = 'arraybuffer';
      socket.onmessage = (event) => { if (socket === this.socket) this.hear(event.data); };
      socket.onclose = () => { if (socket === this.socket) this.drop(); };
      socket.onopen = () => {
        this.allow(BOARD_MS);
        if (this.view) this.look(this.view);
      };
      this.socket = socket;
      this.allow(limit);
      clock.doubt();
      this.connecting = false;
    } catch (error) {
      this.connecting = false;
      if (/** @type {any} */ (error).status === 401) this.say('out');
      this.again(); // who signs in anew, in whichever window, has it back here too
    }
  }

  /** Something happened; the next has to within so many ms. @param {number} ms */
  allow(ms) {
    this.alive = performance.now();
    this.allowed = ms;
  }

  /** @param {any} data */
  hear(data) {
    const down = this.said === 'cut' || this.said === 'out';
    this.allow(down ? BOARD_MS : DEAD_MS);
    if (data instanceof ArrayBuffer) {
      clock.hear(sentAt(data));
      this.on.positions(data);
      if (down) return;
    } else {
      const frame = JSON.parse(data);
      clock.hear(frame.now);
      if (!this.on.frame(frame)) this.send({ type: 'resync' });
      this.allow(DEAD_MS);
    }
    this.heard = performance.now();
    this.tries = 0;
    this.say('live');
  }

  /** @param {any} value */
  send(value) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(value));
  }

  /** Say what part of the map is seen. @param {{south: number, west: number, north: number, east: number}} view */
  look(view) {
    this.view = view;
    this.send({ type: 'view', ...view });
  }

  watch() {
    const now = performance.now();
    if (this.said === 'live' && now - this.heard > QUIET_MS) this.say('quiet');
    if (this.socket && now - this.alive > this.allowed) this.drop();
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
    this.say('cut');
    this.again();
  }

  again() {
    if (this.socket || this.waiting) return;
    this.waiting = setTimeout(() => this.connect(), pause(this.tries++, performance.now() - this.heard));
  }

  /** There is a reason to believe that it works again. */
  atOnce() {
    if (this.socket) return;
    clearTimeout(this.waiting);
    this.connect();
  }

  /** @param {'live'|'quiet'|'cut'|'out'} state */
  say(state) {
    if (state === this.said) return;
    this.said = state;
    this.on.state(state, this.heard);
  }
}
