// @ts-check
/** Remaining time in figures and words (pure). */

const SOON_MS = 10 * 60_000;

/** "12:05", "1:02:05", "+0:40" when past. @param {number} ms @returns {string} */
export function figures(ms) {
  const late = ms < 0;
  const whole = Math.floor(Math.abs(ms) / 1000);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const seconds = String(whole % 60).padStart(2, '0');
  const text = hours ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
  return late ? `+${text}` : text;
}

/** Whole minutes left, "+3" when late. @param {number} ms */
export function minutes(ms) {
  return ms < 0 ? `+${Math.ceil(-ms / 60_000)}` : String(Math.floor(ms / 60_000));
}

/** @param {number} ms left @param {number} [soon] @returns {'ok'|'soon'|'late'} */
export function level(ms, soon = SOON_MS) {
  return ms < 0 ? 'late' : ms < soon ? 'soon' : 'ok';
}

/** Seconds as m:ss or h:mm:ss. @param {number|null|undefined} seconds */
export function duration(seconds) {
  return seconds === null || seconds === undefined ? '–' : figures(Math.round(Math.abs(seconds)) * 1000);
}
