// @ts-check
/**
 * Vehicles on the Leaflet map: one canvas, pre-cut sprites written as pixels. Vehicles glide between fixes where few
 * are in view; names and the age of the fix are shown when there is room, and always of the selected one.
 */
import { clock } from './clock.js';
import { age } from './device_words.js';
import { enlarged } from './dom.js';
import { Fleet, OLDEST_MS, STALE_S } from './positions.js';
import { Sprites } from './sprites.js';

const L = /** @type {any} */ (globalThis).L;
const GLIDE_MS = 1000;
/** So many glide; so many have names; beyond so many they are drawn small. */
const FEW = 400, NAMED = 60, MANY = 1500;
const SMALL = 0.55;
const FRAME_MS = 60;
const REACH = 18;
/** CSS pixels that the canvas is larger than the window on every side: dragging shows no bare edge. */
const PAD = 100;
/** A fix older than this has its age written beside the name. */
const WORTH_SAYING_MS = 15_000;
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

export class LiveLayer {
  /** @param {any} map @param {{name: (no: number) => string, pick: (no: number) => void}} with_ */
  constructor(map, { name, pick }) {
    this.map = map;
    this.name = name;
    this.fleet = new Fleet(map.options.crs.place);
    /** @type {Map<number, string>} */
    this.names = new Map();
    this.selected = -1;
    this.painted = 0;
    this.canvas = L.DomUtil.create('canvas', 'live-canvas leaflet-zoom-hide');
    const pane = map.createPane('vehicles');
    pane.style.zIndex = '450';
    pane.style.pointerEvents = 'none';
    pane.append(this.canvas);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d', { willReadFrequently: true }));
    this.ratio = this.unit = 1;
    this.margin = 0;
    this.ink = this.halo = this.accent = '';
    this.large = this.small = new Sprites(1, '');
    this.style();
    map.on('moveend zoomend resize', () => this.draw());
    map.on('move', () => { if (this.strayed()) this.draw(); });
    map.on('click', (/** @type {any} */ e) => { const no = this.at(e.containerPoint); if (no >= 0) pick(no); });
    document.addEventListener('themechange', () => { this.style(); this.draw(); });
    setInterval(() => { if (performance.now() - this.painted > 900) this.draw(); }, 1000); // ages go on, whatever comes
    this.draw();
  }

  style() {
    const look = getComputedStyle(document.documentElement);
    this.ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    this.ink = look.getPropertyValue('--ink').trim() || '#123';
    this.halo = look.getPropertyValue('--map-halo').trim() || '#fff';
    this.accent = look.getPropertyValue('--accent').trim() || '#06c';
    this.unit = enlarged();
    this.large = new Sprites(this.ratio * this.unit, this.halo);
    this.small = new Sprites(this.ratio * this.unit * SMALL, this.halo);
    this.picture = null; // its margin is a sprite
  }

  /** Fit the canvas to the map's window, and a picture to it that is wider by a sprite: none has to be cut off. */
  place() {
    const size = this.map.getSize();
    const width = Math.round((size.x + 2 * PAD) * this.ratio), height = Math.round((size.y + 2 * PAD) * this.ratio);
    this.margin = this.large.size;
    if (this.canvas.width !== width || this.canvas.height !== height || !this.picture) {
      Object.assign(this.canvas, { width, height });
      Object.assign(this.canvas.style, { width: `${width / this.ratio}px`, height: `${height / this.ratio}px` });
      this.image = this.context.createImageData(width + 2 * this.margin, height + 2 * this.margin);
      this.picture = new Uint32Array(this.image.data.buffer);
    }
    this.corner = this.map.containerPointToLayerPoint([-PAD, -PAD]);
    L.DomUtil.setPosition(this.canvas, this.corner);
  }

  /** Whether the window has nearly been dragged off the canvas. */
  strayed() {
    return !this.corner || this.corner.distanceTo(this.map.containerPointToLayerPoint([-PAD, -PAD])) > 0.8 * PAD;
  }

  /** Take a binary frame. @param {ArrayBuffer} buffer */
  take(buffer) {
    if (this.fleet.take(buffer, performance.now(), GLIDE_MS)) this.draw();
  }

  /** Names may have changed. */
  rename() {
    this.names.clear();
    this.draw();
  }

  /** Draw once a display frame at most. */
  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.paint(); });
  }

  /** Where the whole world (0 to 1) lies on the canvas, in its pixels: size, left, top. */
  frame() {
    const { min } = this.map.getPixelBounds();
    return [this.map.options.crs.scale(this.map.getZoom()) * this.ratio, (min.x - PAD) * this.ratio, (min.y - PAD) * this.ratio];
  }

  paint() {
    this.place();
    const { fleet, canvas, picture } = this;
    if (!picture) return;
    const now = this.painted = performance.now();
    const sprites = fleet.count > MANY ? this.small : this.large;
    const width = canvas.width + 2 * this.margin;
    sprites.fit(width);
    const [scale, left, top] = this.frame();
    const half = sprites.size / 2, right = canvas.width + sprites.size, bottom = canvas.height + sprites.size;
    const gliding = fleet.count <= FEW && !STILL.matches;
    const stale = clock.now() - STALE_S * 1000;
    const shown = [];
    let moves = false;
    picture.fill(0);
    for (let i = 0; i < fleet.count; i++) {
      const share = gliding ? Math.min(1, (now - fleet.since[i]) / GLIDE_MS) : 1;
      moves ||= share < 1;
      const x = Math.round((fleet.fromX[i] + (fleet.x[i] - fleet.fromX[i]) * share) * scale - left - half) + sprites.size;
      const y = Math.round((fleet.fromY[i] + (fleet.y[i] - fleet.fromY[i]) * share) * scale - top - half) + sprites.size;
      if (x < 0 || y < 0 || x > right || y > bottom) continue;
      const indent = this.margin - sprites.size;
      sprites.of(fleet.status[i], fleet.turn[i], fleet.fixed[i] < stale).press(picture, (y + indent) * width + x + indent);
      if (shown.length <= NAMED || fleet.no[i] === this.selected) shown.push([i, x - sprites.size + half, y - sprites.size + half]);
    }
    this.context.putImageData(/** @type {ImageData} */ (this.image), -this.margin, -this.margin);
    this.decorate(shown);
    if (moves) setTimeout(() => this.draw(), FRAME_MS);
  }

  /** Names, ages and the ring round the selected one. @param {number[][]} shown slot and place on the canvas */
  decorate(shown) {
    const c = this.context, unit = this.unit ?? 1;
    const everybody = shown.length <= NAMED && this.map.getZoom() >= 13;
    c.save();
    c.scale(this.ratio, this.ratio);
    c.font = `600 ${12 * unit}px system-ui, "Noto Sans CJK SC", sans-serif`;
    c.textAlign = 'center';
    c.lineJoin = 'round';
    c.lineWidth = 3;
    for (const [slot, left, top] of shown) {
      const x = left / this.ratio, y = top / this.ratio, chosen = this.fleet.no[slot] === this.selected;
      if (chosen) {
        c.beginPath();
        c.arc(x, y, REACH * unit, 0, 2 * Math.PI);
        c.strokeStyle = this.accent;
        c.stroke();
      }
      if (!chosen && !everybody) continue;
      const text = this.label(slot, chosen);
      c.strokeStyle = this.halo;
      c.strokeText(text, x, y + 26 * unit);
      c.fillStyle = this.ink;
      c.fillText(text, x, y + 26 * unit);
    }
    c.restore();
  }

  /** @param {number} slot @param {boolean} chosen */
  label(slot, chosen) {
    const no = this.fleet.no[slot];
    let name = this.names.get(no);
    if (name === undefined) this.names.set(no, name = this.name(no));
    const old = clock.now() - this.fleet.fixed[slot];
    if (!chosen && old < WORTH_SAYING_MS) return name;
    return `${name} · ${old === Infinity ? `> ${age(OLDEST_MS)}` : age(old)}`;
  }

  /** The vehicle at a place of the window, or -1. @param {{x: number, y: number}} point */
  at({ x, y }) {
    const { fleet } = this;
    const [scale, left, top] = this.frame();
    let best = -1, least = REACH * (this.unit ?? 1) * this.ratio;
    for (let i = 0; i < fleet.count; i++) {
      const away = Math.hypot(fleet.x[i] * scale - left - (x + PAD) * this.ratio, fleet.y[i] * scale - top - (y + PAD) * this.ratio);
      if (away < least) { best = fleet.no[i]; least = away; }
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
    const slot = this.fleet.slots.get(no);
    this.select(no);
    if (slot === undefined) return false;
    const scale = this.map.options.crs.scale(this.map.getZoom());
    this.map.panTo(this.map.unproject([this.fleet.x[slot] * scale, this.fleet.y[slot] * scale]));
    return true;
  }
}
