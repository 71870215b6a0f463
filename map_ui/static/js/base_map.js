// @ts-check
/** What the settings put under everything on a map: a file of our own, the utility's tiles, or nothing (docs/base-map.md). */
import { rules } from './base_look.js';
import { gcj02, wgs84 } from './navigation.js';
import { page, t } from './page.js';
import { world } from './positions.js';

/** @typedef {{kind: 'none'|'pmtiles'|'xyz', url: string, datum: 'wgs84'|'gcj02', attribution: string}} Basemap */

const MAGIC = 'PMTiles';
const LAST_DATA_ZOOM = 15;
/** So many tiles of the utility in a row that do not come: there is no base map. */
const LOST = 4;

/**
 * Web Mercator of a map whose tiles are GCJ-02: places stay WGS-84 everywhere, and fall on the pixel where those tiles
 * show them; what is clicked on is WGS-84 again.
 * @param {any} L Leaflet
 */
export function gcj02Crs(L) {
  const plain = L.Projection.SphericalMercator;
  const projection = L.extend({}, plain, {
    project: (/** @type {any} */ at) => plain.project(L.latLng(gcj02(at.lat, at.lng))),
    unproject: (/** @type {any} */ point) => { const { lat, lng } = plain.unproject(point); return L.latLng(wgs84(lat, lng)); },
  });
  return L.extend({}, L.CRS.EPSG3857, { projection, place: (/** @type {number} */ lat, /** @type {number} */ lon) => world(...gcj02(lat, lon)) });
}

/** @param {string} name */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = () => getComputedStyle(document.documentElement).colorScheme.includes('dark');

/**
 * Put the base map under a map that folium made. Answers whether there is one; `lost` is called when it turns out later
 * that it does not come. From its first line on, the map's places fall where its tiles show them.
 * @param {any} map @param {() => void} lost @returns {Promise<boolean>}
 */
export async function addBaseMap(map, lost) {
  const L = /** @type {any} */ (globalThis).L;
  /** @type {Basemap|undefined} */
  const base = /** @type {any} */ (globalThis).dispatch45Basemap;
  if (!base || base.kind === 'none') return false;
  const note = credit(L, map, base.attribution);
  const gone = () => { note.textContent = t('The base map does not come. The roads are our own.'); };
  if (base.kind === 'xyz') {
    if (base.datum === 'gcj02') shift(L, map);
    pictures(L, base.url, () => { gone(); lost(); }).addTo(map);
    return true;
  }
  if (await readable(base.url)) {
    vectors(base.url).addTo(map);
    return true;
  }
  gone();
  return false;
}

/** @param {any} L @param {any} map */
function shift(L, map) {
  const centre = map.getCenter(), zoom = map.getZoom();
  map.options.crs = gcj02Crs(L);
  map.setView(centre, zoom, { reset: true, animate: false });
}

/** Whose map it is, as text. @param {any} L @param {any} map @param {string} attribution */
function credit(L, map, attribution) {
  const box = document.createElement('div');
  box.className = 'base-credit';
  box.setAttribute('role', 'status');
  box.textContent = attribution;
  const Corner = L.Control.extend({ onAdd: () => box });
  new Corner({ position: 'bottomright' }).addTo(map);
  return box;
}

/** @param {string} url */
async function readable(url) {
  const answer = await fetch(url, { headers: { range: `bytes=0-${MAGIC.length - 1}` } }).catch(() => null);
  return !!answer?.ok && (await answer.text()).startsWith(MAGIC);
}

/** Vector tiles of the file, on canvas. @param {string} url */
function vectors(url) {
  const P = /** @type {any} */ (globalThis).protomapsL;
  const look = () => rules(P, colour, page.language);
  const layer = P.leafletLayer({
    ...look(), url, lang: page.language, maxDataZoom: LAST_DATA_ZOOM, attribution: '', noWrap: true,
    devicePixelRatio: Math.min(globalThis.devicePixelRatio || 1, 2), updateWhenZooming: false,
  });
  document.addEventListener('themechange', () => {
    Object.assign(layer, look());
    layer.clearLayout();
    layer.rerenderTiles();
  });
  return layer;
}

/**
 * The utility's pictures. In the dark their lightness is turned over once, when they come; their hues stay.
 * @param {any} L @param {string} url @param {() => void} lost
 */
function pictures(L, url, lost) {
  let missing = 0;
  const Pictures = L.TileLayer.extend({
    createTile(/** @type {any} */ coords, /** @type {any} */ done) {
      if (!dark()) return L.TileLayer.prototype.createTile.call(this, coords, done);
      const { x: width, y: height } = this.getTileSize();
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const picture = new Image();
      picture.onload = () => { turnOver(canvas, picture); done(null, canvas); };
      picture.onerror = () => done(new Error('no tile'), canvas);
      picture.src = this.getTileUrl(coords);
      return canvas;
    },
  });
  const layer = new Pictures(url, { maxNativeZoom: 18, maxZoom: 18, noWrap: true, updateWhenZooming: false });
  layer.on('tileload', () => { missing = 0; });
  layer.on('tileerror', () => { if (++missing === LOST) lost(); });
  document.addEventListener('themechange', () => layer.redraw());
  return layer;
}

/** @param {HTMLCanvasElement} canvas @param {HTMLImageElement} picture */
function turnOver(canvas, picture) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const { width, height } = canvas;
  context.drawImage(picture, 0, 0, width, height);
  for (const [operation, fill] of /** @type {[GlobalCompositeOperation, string][]} */ ([['difference', '#fff'], ['color', ''], ['multiply', '#aebac4']])) {
    context.globalCompositeOperation = operation;
    context.fillStyle = fill || '#000';
    if (fill) context.fillRect(0, 0, width, height);
    else context.drawImage(picture, 0, 0, width, height);
  }
}
