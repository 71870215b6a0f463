// @ts-check
/** Where the promise was missed, as heat on the map that folium made. */
import { get } from './api.js';
import { byId, say } from './dom.js';
import { startMap } from './ground.js';
import { t } from './page.js';
import { search } from './review_query.js';

const MINUTES_FULL = 45;

/** Its canvas cannot be drawn on while the map has no size: it is hidden where nothing was late, and the window changes. @param {any} heat */
function drawWhenSized(heat) {
  if (!heat) return; // no map came: the page is there without it
  const draw = heat._redraw.bind(heat);
  heat._redraw = () => {
    const { x, y } = heat._map.getSize();
    heat._frame = null;
    if (x && y) draw();
  };
}

/**
 * The returned function shows a period's late orders; the map is made when it first comes into view.
 * @returns {(query: import('./review_query.js').Query, late: number) => void}
 */
export function startLateMap() {
  const box = byId('late-map'), note = byId('late-note');
  /** @type {Promise<any>|null} */
  let ready = null;
  let wanted = '', shown = '';
  let seen = false;
  drawWhenSized(/** @type {any} */ (globalThis).dispatch45Heat);
  const bring = async () => {
    if (!seen || !box.offsetWidth) return; // nothing was late: there is no map to see
    ready?.then((map) => map.invalidateSize()).catch(() => {}); // the window may have changed meanwhile
    if (wanted === shown) return;
    const mine = (shown = wanted);
    try {
      const map = await (ready ??= startMap());
      const { points } = await get(`/api/manager/late?${mine}`);
      if (mine !== wanted) return;
      map.invalidateSize();
      const heat = /** @type {any} */ (globalThis).dispatch45Heat;
      const places = points.map((/** @type {number[]} */ [lat, lon, over]) => [lat, lon, Math.min(0.6, 0.12 + over / MINUTES_FULL / 4)]);
      heat.setLatLngs(places);
      if (places.length) map.fitBounds(/** @type {any} */ (globalThis).L.latLngBounds(places).pad(0.1), { animate: false, maxZoom: 14 });
      say(note, points.length ? t('{n} late orders with a known place; the warmer, the more of them and the later.', { n: points.length }) : t('No late orders with a known place.'));
      box.dataset.points = String(points.length);
    } catch {
      shown = '';
      say(note, t('The map cannot be shown now.'));
    }
  };
  new IntersectionObserver(([entry]) => { seen ||= entry.isIntersecting; bring(); }).observe(box);
  return (query) => { wanted = search(query); bring(); };
}
