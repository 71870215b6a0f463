// @ts-check
/** Remaining time in figures and words (pure). */

const SOON_MS = 10 * 60_000;
const LONG_H = 10;

/** "12:05", "1:02:05", "+0:40" when past; from ten hours on "26 h 05", whose seconds nobody counts. @param {number} ms @returns {string} */
export function figures(ms) {
  const whole = Math.floor(Math.abs(ms) / 1000);
  const hours = Math.floor(whole / 3600);
  const text = hours >= LONG_H ? `${hours} h ${two((whole % 3600) / 60)}` : exact(whole);
  return ms < 0 ? `+${text}` : text;
}

/** @param {number} n */
const two = (n) => String(Math.floor(n)).padStart(2, '0');

/** @param {number} whole seconds */
function exact(whole) {
  const hours = Math.floor(whole / 3600), minutes = (whole % 3600) / 60, seconds = two(whole % 60);
  return hours ? `${hours}:${two(minutes)}:${seconds}` : `${Math.floor(minutes)}:${seconds}`;
}

/** Whole minutes left or late; hours when late for hours on end. @param {number} ms @returns {{n: number, hours: boolean}} */
export function amount(ms) {
  if (ms <= -LONG_H * 3_600_000) return { n: Math.floor(-ms / 3_600_000), hours: true };
  return { n: ms < 0 ? Math.ceil(-ms / 60_000) : Math.floor(ms / 60_000), hours: false };
}

/** Its figure: "12", "+3" when late, "+28 h". @param {number} ms */
export function minutes(ms) {
  const { n, hours } = amount(ms);
  return `${ms < 0 ? '+' : ''}${n}${hours ? ' h' : ''}`;
}

/** @param {number} ms left @param {number} [soon] @returns {'ok'|'soon'|'late'} */
export function level(ms, soon = SOON_MS) {
  return ms < 0 ? 'late' : ms < soon ? 'soon' : 'ok';
}

/** Seconds as m:ss or h:mm:ss, to the second however long. @param {number|null|undefined} seconds */
export function duration(seconds) {
  return seconds === null || seconds === undefined ? '–' : exact(Math.round(Math.abs(seconds)));
}
