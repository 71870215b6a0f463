// @ts-check
/**
 * The live feed: one ticket a connection, jittered reconnects, and the truth about the connection. Silence counts as
 * a cut: the server speaks at least every two seconds.
 */
import { post } from './api.js';
import { clock } from './clock.js';

const QUIET_MS = 2800;
const DEAD_MS = 7000;
const LONGEST_MS = 8000;

/** Milliseconds before the n-th try (from 0), with jitter (pure). @param {number} tries @param {() => number} random */
export function pause(tries, random = Math.random) {
  return Math.min(LONGEST_MS, 400 * 2 ** tries) * (0.5 + random() / 2);
}

export class Live {
  /** @param {{frame: (frame: any) => boolean, positions: (bytes: ArrayBuffer) => void, state: (state: 'live'|'quiet'|'cut', since: number) => void}} on `frame` answers false where a frame was missed */
  constructor(on) {
    this.on = on;
    this.tries = 0;
    this.connecting = false;
    this.heard = performance.now();
    /** @type {'live'|'quiet'|'cut'} */
    this.said = 'cut';
    /** @type {WebSocket|null} */
    this.socket = null;
    /** @type {any} */
    this.view = null;
    setInterval(() => this.watch(), 250);
    addEventListener('online', () => { this.tries = 0; this.again(0); });
    addEventListener('offline', () => this.drop());
    this.connect();
  }

  async connect() {
    this.waiting = 0;
    if (this.connecting || this.socket) return;
    this.connecting = true;
    try {
      const { ticket, url } = await post('/api/live-ticket', {});
      const address = String(url).includes('ticket=') ? url : `${url}${String(url).includes('?') ? '&' : '?'}ticket=${encodeURIComponent(ticket)}`;
      const socket = new WebSocket(address);
      socket.binaryType = 'arraybuffer';
      socket.onmessage = (event) => { if (socket === this.socket) this.hear(event.data); };
      socket.onclose = () => { if (socket === this.socket) this.drop(); };
      socket.onopen = () => { if (this.view) this.look(this.view); };
      this.socket = socket;
      this.heard = performance.now();
      this.connecting = false;
    } catch {
      this.connecting = false;
      this.again();
    }
  }

  /** @param {any} data */
  hear(data) {
    this.heard = performance.now();
    if (data instanceof ArrayBuffer) {
      this.on.positions(data);
      return;
    }
    const frame = JSON.parse(data);
    clock.hear(frame.now);
    if (!this.on.frame(frame)) this.send({ type: 'resync' });
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
    const silence = performance.now() - this.heard;
    if (this.said === 'live' && silence > QUIET_MS) this.say('quiet');
    if (this.socket && silence > DEAD_MS) this.drop();
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
    this.say('cut');
    this.again();
  }

  /** @param {number} [after] */
  again(after = pause(this.tries++)) {
    if (this.socket) return;
    if (this.waiting && after > 0) return;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.connect(), after);
  }

  /** @param {'live'|'quiet'|'cut'} state */
  say(state) {
    if (state === this.said && state !== 'live') return;
    const changed = state !== this.said;
    this.said = state;
    if (changed) this.on.state(state, this.heard);
  }
}
