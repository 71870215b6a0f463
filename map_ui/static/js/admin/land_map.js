// @ts-check
/** The map of the territory editor: shapes, handles of the chosen one, what is being drawn, what was found. */
import { get } from '../api.js';
import { addBaseMap } from '../base_map.js';
import { namePlace, withRoom } from '../inside.js';
import { named, t } from '../page.js';
import { inserted, middle, moved, removed, rings, snapped, withRing } from './polygons.js';

const L = /** @type {any} */ (globalThis).L;
const LOOKS = ['a', 'b', 'c', 'd'];
const STEP = 8;
/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
/** @param {import('./polygons.js').Place} place */
const latLng = ([lon, lat]) => L.latLng(lat, lon);
/** @param {any} at @returns {import('./polygons.js').Place} */
const placeOf = (at) => [Math.round(at.lng * 1e6) / 1e6, Math.round(at.lat * 1e6) / 1e6];

export class LandMap {
  /** @param {{choose: (index: number) => void, change: (feature: any) => void, drawn: (ring: import('./polygons.js').Place[]) => void, drawing: (count: number) => void}} on */
  constructor(on) {
    this.on = on;
    this.map = /** @type {any} */ (globalThis).dispatch45Map;
    this.map.getContainer().setAttribute('aria-label', t('Map of the territories'));
    for (const [what, text] of [['in', t('Zoom in')], ['out', t('Zoom out')]]) {
      const control = this.map.getContainer().querySelector(`.leaflet-control-zoom-${what}`);
      if (control) Object.assign(control, { title: text, ariaLabel: text });
    }
    this.map.setMinZoom(3);
    this.shapes = L.layerGroup().addTo(this.map);
    this.found = L.layerGroup().addTo(this.map);
    this.handles = L.layerGroup().addTo(this.map);
    /** @type {import('./polygons.js').Place[]|null} what is being drawn */
    this.ring = null;
    /** @type {any[]} */
    this.features = [];
    this.chosen = -1;
    /** Of each territory, in their order. @type {HTMLElement[]} */
    this.names = [];
    this.map.on('zoomend resize', () => this.makeRoom());
    this.map.on('click', (/** @type {any} */ e) => this.clicked(e));
    this.map.on('dblclick', (/** @type {any} */ e) => { if (this.ring) { L.DomEvent.stop(e); this.finish(); } });
    document.addEventListener('themechange', () => this.draw());
    addBaseMap(this.map, () => this.roads()).then((there) => { if (!there) this.roads(); });
  }

  async roads() {
    const roads = await get('/api/roads').catch(() => null);
    if (roads?.features?.length) L.geoJSON(roads, { style: () => ({ color: colour('--road'), weight: 1 }), interactive: false }).addTo(this.map).bringToBack?.();
  }

  /** @param {any[]} features @param {number} chosen */
  show(features, chosen) {
    this.features = features;
    this.chosen = chosen;
    this.draw();
  }

  fit() {
    this.map.invalidateSize();
    const bounds = L.geoJSON({ type: 'FeatureCollection', features: this.features }).getBounds();
    if (bounds.isValid()) this.map.fitBounds(bounds, { padding: [20, 20], animate: false });
  }

  draw() {
    this.shapes.clearLayers();
    this.handles.clearLayers();
    this.names = [];
    const centres = [...new Set(this.features.map((f) => f.properties.centre_id))].sort();
    this.features.forEach((feature, index) => {
      const look = colour(`--land-${LOOKS[centres.indexOf(feature.properties.centre_id) % LOOKS.length]}`), chosen = index === this.chosen;
      L.geoJSON(feature, { style: { color: look, fillColor: look, weight: chosen ? 4 : 2, fillOpacity: chosen ? 0.3 : 0.13 } }).on('click', (/** @type {any} */ e) => { if (!this.ring) { L.DomEvent.stop(e); this.on.choose(index); } }).addTo(this.shapes);
      this.name(feature);
    });
    this.makeRoom();
    if (this.ring) this.drawRing();
    else if (this.features[this.chosen]) this.drawHandles(this.features[this.chosen]);
  }

  /** Its name, where its land is widest. @param {any} feature */
  name(feature) {
    const name = document.createElement('span');
    name.textContent = named(feature.properties);
    this.names.push(name);
    const { type, coordinates } = feature.geometry;
    const [lon, lat] = namePlace(type === 'Polygon' ? coordinates : coordinates[0]) ?? rings(feature)[0][0];
    L.marker([lat, lon], { interactive: false, keyboard: false, icon: L.divIcon({ className: 'land-name', html: name, iconSize: [160, 16] }) }).addTo(this.shapes);
  }

  /** Only names that cover no other: that of the chosen territory goes first, others come with the zoom. */
  makeRoom() {
    const first = this.names[this.chosen], turn = first ? [first, ...this.names.filter((one) => one !== first)] : this.names;
    const room = withRoom(turn.map((one) => one.getBoundingClientRect()));
    turn.forEach((one, n) => { one.style.visibility = room[n] ? '' : 'hidden'; });
  }

  /** Every corner of the other territories. */
  corners() {
    return this.features.flatMap((feature, index) => (index === this.chosen ? [] : rings(feature).flat()));
  }

  /** @param {any} at @returns {import('./polygons.js').Place} */
  near(at) {
    return snapped(placeOf(at), this.corners(), (place) => this.map.latLngToContainerPoint(latLng(place)));
  }

  /** Corners that are dragged, or moved by arrow keys and removed by Delete; a smaller one between two makes a new one. @param {any} feature */
  drawHandles(feature) {
    rings(feature).forEach((ring, number) => ring.forEach((place, at) => {
      const change = (/** @type {import('./polygons.js').Place[]} */ next) => this.on.change(withRing(feature, number, next));
      this.handle(place, 'corner', t('Corner {n}', { n: at + 1 }), (to) => change(moved(ring, at, to)), () => change(removed(ring, at)));
      this.handle(middle(ring, at), 'between', t('New corner behind {n}', { n: at + 1 }), (to) => change(inserted(ring, at, to)), null);
    }));
  }

  /** @param {import('./polygons.js').Place} place @param {string} kind @param {string} title @param {(to: import('./polygons.js').Place) => void} move @param {(() => void)|null} remove */
  handle(place, kind, title, move, remove) {
    const marker = L.marker(latLng(place), { draggable: true, title, alt: title, icon: L.divIcon({ className: `handle ${kind}`, iconSize: kind === 'corner' ? [16, 16] : [12, 12] }) });
    marker.on('dragend', () => move(this.near(marker.getLatLng())));
    marker.on('click', () => { if (!remove) move(place); });
    marker.on('keydown', (/** @type {{originalEvent: KeyboardEvent}} */ { originalEvent: e }) => {
      /** @type {Record<string, [number, number]>} */
      const ways = { ArrowUp: [0, -STEP], ArrowDown: [0, STEP], ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0] };
      if (ways[e.key]) {
        L.DomEvent.stop(e);
        move(placeOf(this.map.containerPointToLatLng(this.map.latLngToContainerPoint(marker.getLatLng()).add(ways[e.key]))));
        this.focus(title);
      } else if ((e.key === 'Delete' || e.key === 'Backspace') && remove) {
        L.DomEvent.stop(e);
        remove();
      }
    });
    marker.addTo(this.handles);
  }

  /** The handle that was just moved is drawn anew: the focus stays with it. @param {string} title */
  focus(title) {
    for (const one of this.map.getContainer().querySelectorAll('.handle')) if (one.title === title) one.focus({ preventScroll: true });
  }

  begin() {
    this.ring = [];
    this.map.doubleClickZoom.disable();
    this.map.getContainer().classList.add('drawing');
    this.on.drawing(0);
    this.draw();
  }

  end() {
    this.ring = null;
    this.map.doubleClickZoom.enable();
    this.map.getContainer().classList.remove('drawing');
    this.draw();
  }

  finish() {
    /** @type {import('./polygons.js').Place[]} */
    const ring = this.ring ?? [];
    if (ring.length < 3) return;
    this.end();
    this.on.drawn(ring);
  }

  back() {
    this.ring?.pop();
    this.on.drawing(this.ring?.length ?? 0);
    this.draw();
  }

  /** @param {any} e */
  clicked(e) {
    if (!this.ring) return;
    const place = this.near(e.latlng), last = this.ring.at(-1);
    if (last && last[0] === place[0] && last[1] === place[1]) return;
    this.ring.push(place);
    this.on.drawing(this.ring.length);
    this.draw();
  }

  drawRing() {
    /** @type {import('./polygons.js').Place[]} */
    const ring = this.ring ?? [];
    const look = colour('--focus');
    L.polygon(ring.map(latLng), { color: look, fillColor: look, fillOpacity: 0.15, weight: 3, interactive: false }).addTo(this.handles);
    for (const place of ring) L.circleMarker(latLng(place), { radius: 5, color: look, interactive: false }).addTo(this.handles);
  }

  /** @param {any[]} findings */
  mark(findings) {
    this.found.clearLayers();
    for (const one of findings) L.geoJSON(one.shape, { style: { color: colour('--late'), weight: 3, dashArray: one.kind === 'gap' ? '6 4' : null, fillColor: colour('--late'), fillOpacity: 0.45 }, interactive: false }).addTo(this.found);
  }

  /** @param {any} finding */
  lookAt(finding) {
    this.map.fitBounds(L.geoJSON(finding.shape).getBounds(), { maxZoom: 15, padding: [60, 60] });
  }
}
