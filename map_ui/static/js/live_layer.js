// @ts-check
/**
 * Vehicles on the Leaflet map: one canvas, pre-cut sprites written as pixels. Vehicles glide between fixes where few
 * are in view; names are shown when there is room.
 */
import { enlarged } from './dom.js';
import { decode, heading, STALE_S } from './positions.js';
import { blit, Sprites } from './sprites.js';

const L = /** @type {any} */ (globalThis).L;
const GLIDE_MS = 1000;
const FEW = 400;
const NAMED = 60;
const FRAME_MS = 60;
const REACH = 18;

/** @typedef {{no: number, lat: number, lon: number, course: number|null, status: number, age: number, heard: number, from: [number, number], since: number, x: number, y: number}} Vehicle */

export class LiveLayer {
  /** @param {any} map @param {{name: (no: number) => string, pick: (no: number) => void}} with_ */
  constructor(map, { name, pick }) {
    this.map = map;
    this.name = name;
    /** @type {Map<number, Vehicle>} */
    this.vehicles = new Map();
    this.selected = -1;
    this.drawn = 0;
    this.canvas = L.DomUtil.create('canvas', 'live-canvas leaflet-zoom-hide');
    const pane = map.createPane('vehicles');
    pane.style.zIndex = '450';
    pane.style.pointerEvents = 'none';
    pane.append(this.canvas);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d', { willReadFrequently: true }));
    this.style();
    map.on('moveend zoomend resize', () => this.place());
    map.on('click', (/** @type {any} */ e) => { const no = this.at(e.containerPoint); if (no >= 0) pick(no); });
    document.addEventListener('themechange', () => { this.style(); this.draw(); });
    this.place();
  }

  style() {
    const look = getComputedStyle(document.documentElement);
    this.ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    this.ink = look.getPropertyValue('--ink').trim() || '#123';
    this.halo = look.getPropertyValue('--map-halo').trim() || '#fff';
    this.accent = look.getPropertyValue('--accent').trim() || '#06c';
    this.unit = enlarged();
    this.sprites = new Sprites(this.ratio * this.unit, this.halo);
  }

  /** Fit the canvas to the map's window. */
  place() {
    const size = this.map.getSize();
    this.width = Math.max(1, Math.round(size.x * this.ratio));
    this.height = Math.max(1, Math.round(size.y * this.ratio));
    if (this.canvas.width !== this.width || this.canvas.height !== this.height) {
      this.canvas.width = this.width;
      this.canvas.height = this.height;
      this.canvas.style.width = `${size.x}px`;
      this.canvas.style.height = `${size.y}px`;
    }
    this.image = this.context.createImageData(this.width, this.height);
    this.picture = new Uint32Array(this.image.data.buffer);
    L.DomUtil.setPosition(this.canvas, this.map.containerPointToLayerPoint([0, 0]));
    this.draw();
  }

  /** Take a binary frame: every vehicle in view. @param {ArrayBuffer} buffer */
  take(buffer) {
    const now = performance.now();
    for (const one of decode(buffer)) {
      const was = this.vehicles.get(one.no);
      const from = was ? this.glide(was, now) : /** @type {[number, number]} */ ([one.lat, one.lon]);
      this.vehicles.set(one.no, { ...one, heard: now, from, since: now, x: -99, y: -99 });
    }
    this.draw();
  }

  /** Take the fixes of a whole board, for vehicles that no frame has told of yet. @param {Iterable<import('./board_state.js').Crew>} crews */
  seed(crews) {
    const statuses = ['standby', 'assigned', 'en_route', 'on_scene', 'away', 'off_shift'];
    for (const { no, fix, status } of crews) {
      if (!fix || this.vehicles.has(no)) continue;
      this.vehicles.set(no, {
        no, lat: fix.lat, lon: fix.lon, course: fix.speed_mps > 0.5 ? fix.course_deg : null, status: Math.max(0, statuses.indexOf(status)),
        age: fix.age_s, heard: performance.now(), from: [fix.lat, fix.lon], since: 0, x: -99, y: -99,
      });
    }
    this.draw();
  }

  /** @param {Vehicle} one @param {number} now @returns {[number, number]} */
  glide(one, now) {
    const share = Math.min(1, (now - one.since) / GLIDE_MS);
    return [one.from[0] + (one.lat - one.from[0]) * share, one.from[1] + (one.lon - one.from[1]) * share];
  }

  /** Draw once a display frame at most. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  paint() {
    const { picture, width, height, sprites, ratio } = this;
    if (!picture || !sprites) return;
    const now = performance.now();
    const still = this.vehicles.size > FEW || matchMedia('(prefers-reduced-motion: reduce)').matches;
    picture.fill(0);
    const half = sprites.size / 2;
    const shown = [];
    let gliding = false;
    for (const one of this.vehicles.values()) {
      const [lat, lon] = still ? [one.lat, one.lon] : this.glide(one, now);
      gliding ||= !still && now - one.since < GLIDE_MS;
      const point = this.map.latLngToContainerPoint([lat, lon]);
      one.x = point.x;
      one.y = point.y;
      const x = Math.round(point.x * ratio - half), y = Math.round(point.y * ratio - half);
      if (x < -sprites.size || y < -sprites.size || x > width || y > height) continue;
      const faded = one.age + (now - one.heard) / 1000 > STALE_S;
      blit(picture, width, height, sprites.of(one.status, heading(one.course), faded), sprites.size, x, y);
      shown.push(one);
    }
    this.context.putImageData(/** @type {ImageData} */ (this.image), 0, 0);
    this.decorate(shown);
    this.drawn = shown.length;
    if (gliding) setTimeout(() => this.draw(), FRAME_MS);
  }

  /** Names and the ring round the selected one. @param {Vehicle[]} shown */
  decorate(shown) {
    const c = this.context;
    const unit = this.unit ?? 1;
    c.save();
    c.scale(this.ratio, this.ratio);
    c.font = `600 ${12 * unit}px system-ui, "Noto Sans CJK SC", sans-serif`;
    c.textAlign = 'center';
    c.lineJoin = 'round';
    for (const one of shown) {
      if (one.no === this.selected) {
        c.beginPath();
        c.arc(one.x, one.y, REACH * unit, 0, 2 * Math.PI);
        c.lineWidth = 3;
        c.strokeStyle = this.accent;
        c.stroke();
      }
      if (one.no !== this.selected && (shown.length > NAMED || this.map.getZoom() < 13)) continue;
      const text = this.name(one.no);
      c.lineWidth = 3;
      c.strokeStyle = this.halo;
      c.strokeText(text, one.x, one.y + 26 * unit);
      c.fillStyle = this.ink;
      c.fillText(text, one.x, one.y + 26 * unit);
    }
    c.restore();
  }

  /** The vehicle at a place of the window, or -1. @param {{x: number, y: number}} point */
  at({ x, y }) {
    let best = -1, least = REACH * (this.unit ?? 1);
    for (const one of this.vehicles.values()) {
      const away = Math.hypot(one.x - x, one.y - y);
      if (away < least) { best = one.no; least = away; }
    }
    return best;
  }

  /** @param {number} no -1: none */
  select(no) {
    this.selected = no;
    this.draw();
  }

  /** Put a vehicle in the middle. @param {number} no */
  show(no) {
    const one = this.vehicles.get(no);
    this.select(no);
    if (one) this.map.panTo([one.lat, one.lon]);
    return !!one;
  }
}
