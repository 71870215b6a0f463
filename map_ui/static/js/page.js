// @ts-check
/** What the server told this page about itself: language, person, texts. */

/** @typedef {{username: string, name: string, role: string, centre_id: string|null, crew_id: string|null}} Person */
/** @typedef {{language: string, timezone: string, person: Person|null, orderId: string, trackingPort: number, navigation: {link: string, datum: string}, texts: Record<string, string>}} PageData */

/** @returns {PageData} */
function read() {
  const element = typeof document === 'undefined' ? null : document.getElementById('page-data');
  if (element?.textContent) return JSON.parse(element.textContent);
  return { language: 'en', timezone: 'UTC', person: null, orderId: '', trackingPort: 0, navigation: { link: '', datum: 'wgs84' }, texts: {} };
}

export const page = read();

/** Of `{n} [order waits|orders wait]` what fits the number before it: languages without a plural have no brackets. @param {string} text @param {Record<string, string|number>} values */
const counted = (text, values) => text.replace(/(\{(\w+)\}[^{}[\]]*)\[([^|\]]*)\|([^\]]*)\]/g, (_, before, name, one, many) => before + (Number(values[name]) === 1 ? one : many));

/**
 * The text in the page's language; `{name}` is filled from `values`, and of `[one|many]` stays what fits the number before.
 * @param {string} text
 * @param {Record<string, string|number>} [values]
 */
export function t(text, values) {
  const found = page.texts[text] ?? text;
  return values ? counted(found, values).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : found;
}

/**
 * A `{zh, en}` title in the page's language.
 * @param {any} titles
 * @param {string} [otherwise]
 * @returns {string}
 */
export function titled(titles, otherwise = '') {
  if (!titles) return otherwise;
  if (typeof titles === 'string') return titles;
  return titles[page.language.startsWith('zh') ? 'zh' : 'en'] ?? titles.en ?? otherwise;
}

/**
 * The name of something that has `name` and `name_zh`.
 * @param {{name?: string, name_zh?: string, id?: string}|undefined|null} thing
 */
export function named(thing) {
  if (!thing) return '';
  return (page.language.startsWith('zh') && thing.name_zh) || thing.name || thing.id || '';
}

/**
 * A name without what stands in brackets behind it: "Crew 06 (North low voltage)" is "Crew 06" where room is short.
 * @param {{name?: string, name_zh?: string, id?: string}|undefined|null} thing
 */
export const shortName = (thing) => named(thing).replace(/\s*[(（][^)）]*[)）]$/, '') || named(thing);

/** @param {Intl.DateTimeFormatOptions} options */
const format = (options) => new Intl.DateTimeFormat(page.language, { timeZone: page.timezone, ...options });
const CLOCK = format({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const SHORT = format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const FULL = format({ month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat('sv-SE', { timeZone: page.timezone, year: 'numeric', month: '2-digit', day: '2-digit' });

/** @param {string|number|Date|null|undefined} at */
const date = (at) => (at === null || at === undefined || at === '' ? null : new Date(at));

/** HH:MM:SS in the utility's zone. @param {string|number|Date|null|undefined} at */
export const clockTime = (at) => { const d = date(at); return d ? CLOCK.format(d) : '–'; };
/** HH:MM. @param {string|number|Date|null|undefined} at */
export const shortTime = (at) => { const d = date(at); return d ? SHORT.format(d) : '–'; };
/** Month, day and time. @param {string|number|Date|null|undefined} at */
export const fullTime = (at) => { const d = date(at); return d ? FULL.format(d).replace(',', '') : '–'; };
/** YYYY-MM-DD in the utility's zone. @param {number|Date} at */
export const localDay = (at) => DAY.format(at);
