// @ts-check
/** The phone's own position, where its person shares it: told to the centre every ten seconds, kept a while without a network. */
import { request } from './api.js';
import { clock } from './clock.js';
import { byId, fill, h, say } from './dom.js';
import { t } from './page.js';

const SHARED = 'dispatch45/share';
const EVERY_MS = 10_000;
const MOST = 60;

/** @typedef {{lat: number, lon: number, at: string, speed_mps?: number, course_deg?: number, accuracy_m?: number}} Place */

/** What is told of a position (pure). @param {any} coords @param {number} at server milliseconds @returns {Place} */
export function place(coords, at) {
  const { latitude: lat, longitude: lon, speed, heading, accuracy } = coords;
  return {
    lat, lon, at: new Date(at).toISOString(),
    ...(Number.isFinite(speed) && speed !== null ? { speed_mps: Math.min(speed, 200) } : {}), ...(Number.isFinite(heading) && heading !== null ? { course_deg: heading } : {}),
    ...(Number.isFinite(accuracy) ? { accuracy_m: accuracy } : {}),
  };
}

export class Share {
  constructor() {
    /** @type {Place[]} */
    this.waiting = [];
    this.watch = 0;
    this.last = -Infinity;
    this.state = h('p', { class: 'soft', role: 'status' });
    this.button = h('button', { type: 'button', class: 'big', id: 'share', on: { click: () => (this.watch ? this.stop() : this.start()) } });
    fill(byId('share-box'), this.state, this.button);
    this.possible = globalThis.isSecureContext && 'geolocation' in navigator;
    this.button.disabled = !this.possible;
    this.show(this.possible ? t('This phone does not tell where it is.') : t('The browser gives positions to pages over HTTPS only. An app below can report them.'));
    if (this.possible && localStorage.getItem(SHARED)) this.start();
  }

  /** @param {string} text */
  show(text) {
    say(this.state, text);
    say(this.button, this.watch ? t('Stop sharing') : t('Share my position'));
  }

  start() {
    localStorage.setItem(SHARED, '1');
    this.watch = navigator.geolocation.watchPosition((p) => this.seen(p), () => { this.stop(); this.show(t('The phone does not give its position.')); }, { enableHighAccuracy: true, maximumAge: 5000 });
    this.show(t('Sharing: waiting for a position.'));
  }

  stop() {
    localStorage.removeItem(SHARED);
    navigator.geolocation.clearWatch(this.watch);
    this.watch = 0;
    this.show(t('This phone does not tell where it is.'));
  }

  /** @param {GeolocationPosition} found */
  async seen(found) {
    if (performance.now() - this.last < EVERY_MS) return;
    this.last = performance.now();
    this.waiting.push(place(found.coords, clock.now() - Math.max(0, Date.now() - found.timestamp)));
    this.waiting.splice(0, this.waiting.length - MOST);
    const telling = [...this.waiting];
    try {
      await request('POST', '/api/crew/positions', { positions: telling });
      this.waiting = this.waiting.filter((one) => !telling.includes(one));
      this.show(t('Shared with the centre.'));
    } catch {
      this.show(t('{n} [position waits|positions wait] to be sent.', { n: this.waiting.length }));
    }
  }
}
