// @ts-check
/** Alerts in the order in which they are shown and heard, those that say the same kind of thing of one order together (pure). */

/** @typedef {import('./board_state.js').Alert} Alert */
/** @typedef {{key: string, rank: number, alerts: Alert[]}} Line `alerts`: the oldest first */

/** How urgent by rank: what it is called, and its shape, which needs no colour. The last one is for all that follow. */
export const SHAPES = ['▲', '▲', '◆', '●', '○'];
/** From here on an alert does not sound as if somebody had to run. */
export const QUIET = 3;
const UNKNOWN = 2;

/** @param {Alert} one */
export const rank = (one) => one.rank ?? UNKNOWN;

/** Which line an alert stands in: what people wrote stands by itself, for each has to be read. @param {Alert} one */
export function lineOf(one) {
  const said = one.code.endsWith('_message') || !one.order_id;
  return said ? `alert ${one.id}` : `${one.order_id} ${one.code.split('_')[0]}`;
}

/** @param {Alert} a @param {Alert} b */
const older = (a, b) => Date.parse(a.raised_at) - Date.parse(b.raised_at) || Number(a.id) - Number(b.id);

/** The most urgent line first, then the oldest. @param {Iterable<Alert>} alerts @returns {Line[]} */
export function ordered(alerts) {
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const one of [...alerts].sort(older)) {
    const key = lineOf(one), line = lines.get(key);
    lines.set(key, { key, rank: Math.min(rank(one), line?.rank ?? Infinity), alerts: [...line?.alerts ?? [], one] });
  }
  return [...lines.values()].sort((a, b) => a.rank - b.rank || older(a.alerts[0], b.alerts[0]));
}

/** Whether a line says something that the one before it did not: then nobody has read it yet. @param {Line|undefined} before @param {Line|undefined} now */
export function isNews(before, now) {
  const read = new Set(before?.alerts.map((one) => String(one.id)));
  return !!now?.alerts.some((one) => !read.has(String(one.id)));
}
