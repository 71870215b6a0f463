// @ts-check
/** Positions as they come over the wire: 16 bytes a vehicle, little endian (pure). */

export const STATUSES = ['standby', 'assigned', 'en_route', 'on_scene', 'away', 'off_shift'];
const RECORD = 16;
const UNKNOWN_COURSE = 65535;
const OLDEST = 255;
/** A fix older than this is drawn faded, in seconds. */
export const STALE_S = 300;

/**
 * @typedef {{no: number, lat: number, lon: number, course: number|null, status: number, age: number}} Position
 * `age` in seconds; Infinity: older than can be said.
 */

/** @param {ArrayBuffer} buffer @returns {Position[]} */
export function decode(buffer) {
  const view = new DataView(buffer);
  const found = [];
  for (let at = 0; at + RECORD <= buffer.byteLength; at += RECORD) {
    const course = view.getUint16(at + 12, true);
    const age = view.getUint8(at + 15);
    found.push({
      no: view.getUint32(at, true), lat: view.getInt32(at + 4, true) / 1e7, lon: view.getInt32(at + 8, true) / 1e7,
      course: course === UNKNOWN_COURSE ? null : course / 100, status: view.getUint8(at + 14),
      age: age === OLDEST ? Infinity : age * 5,
    });
  }
  return found;
}

/** Which of 32 pre-cut headings; 32: no heading known. @param {number|null} course degrees */
export function heading(course) {
  return course === null ? 32 : Math.round(course / 11.25) % 32;
}
