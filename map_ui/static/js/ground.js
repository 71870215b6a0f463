// @ts-check
/** What lies under the vehicles: our own roads and territories on canvas. No tiles, nobody else's server. */
import { get } from './api.js';
import { namePlace } from './inside.js';
import { named, page, t } from './page.js';

const L = /** @type {any} */ (globalThis).L;
const LOOKS = ['a', 'b', 'c', 'd'];

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** @param {any} feature */
function roadStyle(feature) {
  const fast = Number(feature?.properties?.speed_kmh ?? feature?.properties?.kmh ?? 0);
  return { color: colour(fast >= 60 ? '--road-major' : '--road'), weight: fast >= 60 ? 2.4 : 1.2, interactive: false };
}

/**
 * Show one's own land as large as it goes (`above`: pixels that something covers), and beside it the others' land
 * rather than nothing.
 * @param {any} map @param {number} [above]
 */
export function fit(map, above = 0) {
  map.invalidateSize();
  if (!map.own?.isValid()) return;
  const snap = map.options.zoomSnap;
  map.options.zoomSnap = 0;
  map.fitBounds(map.own, { animate: false, paddingTopLeft: [6, 6 + above], paddingBottomRight: [6, 6] });
  map.options.zoomSnap = snap;
  const { x: width, y: height } = map.getSize();
  const corner = map.latLngToContainerPoint(map.land.getNorthWest()), end = map.latLngToContainerPoint(map.land.getSouthEast());
  map.panBy([shift(corner.x, end.x, 6, width - 6), shift(corner.y, end.y, 6 + above, height - 6)], { animate: false });
}

/**
 * How far a view has to move to show as much as it can of what reaches from `start` to `end` (pure).
 * @param {number} start @param {number} end @param {number} first of the view @param {number} last of the view
 */
export function shift(start, end, first, last) {
  if (end - start <= last - first) return Math.round((start + end - first - last) / 2);
  return Math.round(start > first ? start - first : end < last ? end - last : 0);
}

/** The map that folium made, with its ground drawn in. @returns {Promise<any>} */
export async function startMap() {
  const map = /** @type {any} */ (globalThis).dispatch45Map;
  if (!map) throw new Error('the page has no map');
  map.getContainer().setAttribute('aria-label', t('Map'));
  for (const [what, text] of [['in', t('Zoom in')], ['out', t('Zoom out')]]) {
    const button = map.getContainer().querySelector(`.leaflet-control-zoom-${what}`);
    if (button) Object.assign(button, { title: text, ariaLabel: text });
  }
  map.setMinZoom(8);
  map.createPane('land').style.zIndex = '210';
  map.createPane('roads').style.zIndex = '220';
  const [territories, roads] = await Promise.all(['/api/territories', '/api/roads'].map((path) => get(path).catch(() => null)));
  /** @type {{restyle: () => void}[]} */
  const layers = [];
  if (territories?.features) layers.push(land(map, territories));
  if (roads?.features) {
    const layer = L.geoJSON(roads, { pane: 'roads', renderer: L.canvas({ pane: 'roads' }), style: roadStyle, interactive: false }).addTo(map);
    layers.push({ restyle: () => layer.setStyle(roadStyle) });
  }
  document.addEventListener('themechange', () => layers.forEach((one) => one.restyle()));
  return map;
}

/** Each name where all of it is seen, inside its land; none where there is no room. @param {any} map @param {{rings: any, marker: any, text: HTMLElement}[]} names */
function writeNames(map, names) {
  const { x: width, y: height } = map.getSize();
  for (const { rings, marker, text } of names) {
    marker.addTo(map);
    const half = Math.min(80, text.offsetWidth / 2) + 4;
    const low = map.containerPointToLatLng([half, height - 14]), high = map.containerPointToLatLng([width - half, 14]);
    const place = namePlace(rings, 16, [low.lng, low.lat, high.lng, high.lat]);
    if (place) marker.setLatLng([place[1], place[0]]);
    else marker.remove();
  }
}

/** @param {any} map @param {any} territories */
function land(map, territories) {
  const own = territories.features.filter((/** @type {any} */ f) => !page.person?.centre_id || f.properties.centre_id === page.person.centre_id);
  map.land = L.geoJSON(territories).getBounds();
  map.own = L.geoJSON({ type: 'FeatureCollection', features: own }).getBounds();
  const centres = [...new Set(territories.features.map((/** @type {any} */ f) => f.properties.centre_id))].sort();
  const style = (/** @type {any} */ feature) => {
    const own = !page.person?.centre_id || feature.properties.centre_id === page.person.centre_id;
    const look = LOOKS[centres.indexOf(feature.properties.centre_id) % LOOKS.length];
    return {
      color: colour(`--land-${look}`), fillColor: colour(`--land-${look}`), weight: own ? 2 : 1,
      fillOpacity: own ? 0.13 : 0.04, opacity: own ? 0.8 : 0.4, dashArray: own ? null : '4 4',
    };
  };
  const layer = L.geoJSON(territories, { pane: 'land', renderer: L.canvas({ pane: 'land' }), style, interactive: false }).addTo(map);
  const names = territories.features.map((/** @type {any} */ feature) => {
    const { type, coordinates } = feature.geometry;
    const text = document.createElement('span');
    text.textContent = named(feature.properties);
    const look = own.includes(feature) ? 'land-name' : 'land-name others';
    const marker = L.marker([0, 0], { pane: 'land', interactive: false, keyboard: false, icon: L.divIcon({ className: look, html: text, iconSize: [160, 16] }) });
    return { rings: type === 'Polygon' ? coordinates : coordinates[0], marker, text };
  });
  const write = () => writeNames(map, names);
  map.on('moveend resize', write);
  write();
  const near = () => map.getContainer().classList.toggle('far', map.getZoom() < 11);
  map.on('zoomend', near);
  near();
  return { restyle: () => layer.setStyle(style) };
}
