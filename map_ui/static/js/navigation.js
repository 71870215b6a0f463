// @ts-check
/**
 * Links that open a map with the way to a place (pure). Places are WGS-84; maps of China want their own coordinates:
 * Amap GCJ-02, Baidu BD-09 (or GCJ-02, if told so). Outside China GCJ-02 is WGS-84.
 */

const AXIS = 6378245.0;
const ECCENTRICITY = 0.00669342162296594323;
const TURN = (Math.PI * 3000) / 180;
const { PI, sin, cos, sqrt, abs, atan2 } = Math;

/** Whether the shift applies: the usual bounding box, without Taiwan's, Korea's and India's finer borders. @param {number} lat @param {number} lon */
export const shifted = (lat, lon) => lon > 73.66 && lon < 135.05 && lat > 3.86 && lat < 53.55;


/** WGS-84 to GCJ-02. @param {number} lat @param {number} lon @returns {[number, number]} lat, lon */
export function gcj02(lat, lon) {
  if (!shifted(lat, lon)) return [lat, lon];
  const x = lon - 105, y = lat - 35;
  const ripple = ((20 * sin(6 * x * PI) + 20 * sin(2 * x * PI)) * 2) / 3;
  const north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + ripple
    + ((20 * sin(y * PI) + 40 * sin((y / 3) * PI)) * 2) / 3 + ((160 * sin((y / 12) * PI) + 320 * sin((y * PI) / 30)) * 2) / 3;
  const east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + ripple
    + ((20 * sin(x * PI) + 40 * sin((x / 3) * PI)) * 2) / 3 + ((150 * sin((x / 12) * PI) + 300 * sin((x / 30) * PI)) * 2) / 3;
  const phi = (lat / 180) * PI;
  const magic = 1 - ECCENTRICITY * sin(phi) ** 2;
  return [
    lat + (north * 180) / (((AXIS * (1 - ECCENTRICITY)) / (magic * sqrt(magic))) * PI),
    lon + (east * 180) / ((AXIS / sqrt(magic)) * cos(phi) * PI),
  ];
}

/** GCJ-02 to WGS-84: what is shifted there, to well below a millimetre. @param {number} lat @param {number} lon @returns {[number, number]} lat, lon */
export function wgs84(lat, lon) {
  let [y, x] = [lat, lon];
  for (let round = 0; round < 5; round++) {
    const [north, east] = gcj02(y, x);
    y += lat - north;
    x += lon - east;
  }
  return [y, x];
}

/** WGS-84 to Baidu's BD-09. @param {number} lat @param {number} lon @returns {[number, number]} lat, lon */
export function bd09(lat, lon) {
  if (!shifted(lat, lon)) return [lat, lon];
  const [y, x] = gcj02(lat, lon);
  const radius = sqrt(x * x + y * y) + 0.00002 * sin(y * TURN);
  const angle = atan2(y, x) + 0.000003 * cos(x * TURN);
  return [radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065];
}

/** @type {Record<string, (lat: number, lon: number) => [number, number]>} */
const DATUMS = { wgs84: (lat, lon) => [lat, lon], gcj02, bd09 };

/**
 * The address that opens the way there.
 * @param {{link: string, datum: string}} map as the centre was set up @param {number} lat @param {number} lon @param {string} name of the place
 */
export function navigate({ link, datum }, lat, lon, name) {
  const [y, x] = DATUMS[datum](lat, lon);
  const values = { lat: y.toFixed(6), lon: x.toFixed(6), name: encodeURIComponent(name) };
  return link.replace(/\{(lat|lon|name)\}/g, (_, part) => values[/** @type {'lat'|'lon'|'name'} */ (part)]);
}
