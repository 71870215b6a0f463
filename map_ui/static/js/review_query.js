// @ts-check
/** What the manager's page asks for: days and filter, in its address, in links to orders and in saved views (pure). */

/** @typedef {Record<string, string>} Query */

export const FILTERS = ['centre', 'crew', 'trade', 'area', 'fault', 'cause', 'hour', 'day', 'state'];
const DAY_MS = 86_400_000;

/** The days from `days - 1` before a day to itself. @param {string} today YYYY-MM-DD @param {number} days @returns {Query} */
export function lastDays(today, days) {
  const from = new Date(Date.parse(`${today}T00:00:00Z`) - (days - 1) * DAY_MS).toISOString().slice(0, 10);
  return { from, to: today };
}

/**
 * What an address asks for; without days, the last seven.
 * @param {string} search @param {string} today @returns {Query}
 */
export function asked(search, today) {
  const given = new URLSearchParams(search);
  const days = Number(given.get('days'));
  const query = days > 0 ? lastDays(today, days) : { ...lastDays(today, 7) };
  const from = given.get('from'), to = given.get('to');
  if (from && to) Object.assign(query, { from, to });
  for (const name of FILTERS) if (given.has(name)) query[name] = given.get(name) ?? '';
  return query;
}

/** @param {Query} query */
export const search = (query) => new URLSearchParams(query).toString();

/** The list of the orders that a number counts. @param {Query} query @param {string} of @param {Query} [more] */
export const ordersLink = (query, of, more = {}) => `/manager/orders?${search({ ...query, ...more, of })}`;

/**
 * A saved view: days that end today stay relative, so that next Monday shows next Monday's week.
 * @param {Query} query @param {string} today @returns {Query}
 */
export function toKeep(query, today) {
  const { from, to, ...rest } = query;
  if (to !== today) return query;
  return { ...rest, days: String((Date.parse(to) - Date.parse(from)) / DAY_MS + 1) };
}

/**
 * How a share moved: percentage points, rounded to one place; null where either is missing.
 * @param {number|null|undefined} now @param {number|null|undefined} before
 */
export function moved(now, before) {
  if (now === null || now === undefined || before === null || before === undefined) return null;
  return Math.round((now - before) * 10) / 10;
}
