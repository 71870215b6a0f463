// @ts-check
/** Polygons of GeoJSON features, changed without changing what was there (pure). Places are [lon, lat]. */

/** @typedef {[number, number]} Place */
/** @typedef {{type: 'Feature', properties: Record<string, any>, geometry: {type: 'Polygon'|'MultiPolygon', coordinates: any}}} Feature */

/** All rings without their closing place, outer ones and holes, in order. @param {Feature} feature @returns {Place[][]} */
export function rings(feature) {
  const { type, coordinates } = feature.geometry;
  return (type === 'Polygon' ? [coordinates] : coordinates).flat().map((/** @type {Place[]} */ ring) => ring.slice(0, -1));
}

/** The feature with one ring otherwise; a ring of fewer than three places is refused. @param {Feature} feature @param {number} number @param {Place[]} ring @returns {Feature} */
export function withRing(feature, number, ring) {
  if (ring.length < 3) return feature;
  let n = -1;
  const closed = [...ring, ring[0]];
  const polygon = (/** @type {Place[][]} */ one) => one.map((old) => { n += 1; return n === number ? closed : old; });
  const { type, coordinates } = feature.geometry;
  return { ...feature, geometry: { type, coordinates: type === 'Polygon' ? polygon(coordinates) : coordinates.map(polygon) } };
}

/** @param {Place[]} ring @param {number} at @param {Place} place */
export const moved = (ring, at, place) => ring.map((one, n) => (n === at ? place : one));
/** @param {Place[]} ring @param {number} at behind which @param {Place} place */
export const inserted = (ring, at, place) => [...ring.slice(0, at + 1), place, ...ring.slice(at + 1)];
/** @param {Place[]} ring @param {number} at */
export const removed = (ring, at) => (ring.length > 3 ? ring.filter((_, n) => n !== at) : ring);
/** @param {Place[]} ring @param {number} at of the side from there to the next @returns {Place} */
export const middle = (ring, at) => { const next = ring[(at + 1) % ring.length]; return [(ring[at][0] + next[0]) / 2, (ring[at][1] + next[1]) / 2]; };

/** A new territory. @param {Place[]} ring @param {Record<string, any>} properties @returns {Feature} */
export const polygon = (ring, properties) => ({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] } });

/** A square about a place. @param {number} lat @param {number} lon @param {number} km from the middle to each side @returns {Place[]} */
export function square(lat, lon, km) {
  const high = km / 111.195, wide = high / Math.cos(lat * Math.PI / 180), round = (/** @type {number} */ n) => Math.round(n * 1e6) / 1e6;
  return [[lon - wide, lat - high], [lon + wide, lat - high], [lon + wide, lat + high], [lon - wide, lat + high]].map(([x, y]) => /** @type {Place} */ ([round(x), round(y)]));
}

/** The nearest corner within `pixels`, so that neighbours share it; else the place itself. @param {Place} place @param {Place[]} corners @param {(place: Place) => {x: number, y: number}} toPixel @param {number} [pixels] @returns {Place} */
export function snapped(place, corners, toPixel, pixels = 9) {
  const here = toPixel(place);
  let best = place, least = pixels;
  for (const corner of corners) {
    const there = toPixel(corner), apart = Math.hypot(there.x - here.x, there.y - here.y);
    if (apart < least) { best = corner; least = apart; }
  }
  return best;
}

/** A ring as text, `latitude, longitude` a line. @param {Place[]} ring */
export const asText = (ring) => ring.map(([lon, lat]) => `${lat.toFixed(6)}, ${lon.toFixed(6)}`).join('\n');

/** A ring from such text; the number of the line that cannot be read, or 0 of too few. @param {string} text @returns {Place[]|number} */
export function fromText(text) {
  /** @type {Place[]} */
  const ring = [];
  for (const [n, line] of text.split('\n').entries()) {
    if (!line.trim()) continue;
    const [lat, lon] = line.split(/[,;\s]+/).filter(Boolean).map(Number);
    if (!(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) return n + 1;
    ring.push([lon, lat]);
  }
  return ring.length < 3 ? 0 : ring;
}

/** An area for people: square metres, hectares or square kilometres. @param {number} m2 */
export function area(m2) {
  if (m2 >= 1e6) return `${(m2 / 1e6).toFixed(m2 >= 1e8 ? 0 : 1)} km²`;
  return m2 >= 1e4 ? `${(m2 / 1e4).toFixed(1)} ha` : `${Math.round(m2)} m²`;
}
