// @ts-check
/** What the device pages say: ages, reasons, bytes, and what a frame means. */
import { h } from './dom.js';
import { fullTime, t } from './page.js';

/** How long ago, roughly. @param {number|null} ms */
export function age(ms) {
  if (ms === null || Number.isNaN(ms)) return '–';
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return t('{n} s', { n: s });
  if (s < 5400) return t('{n} min', { n: Math.round(s / 60) });
  if (s < 172800) return t('{n} h', { n: Math.round(s / 3600) });
  return t('{n} days', { n: Math.round(s / 86400) });
}

/** @param {boolean} online @param {boolean} [known] whether it was ever here */
export const onlineChip = (online, known = true) => (online ? h('span', { class: 'chip good' }, '● ', t('online'))
  : h('span', { class: known ? 'chip warn' : 'chip' }, '○ ', known ? t('offline') : t('never seen')));

/** Why somebody is not let in. @param {string} why */
export function whyStranger(why) {
  const known = /** @type {Record<string, string>} */ ({
    'unknown device': t('Not registered: refused'), quarantined: t('Not registered: kept waiting, unanswered'), 'bad code': t('Wrong authentication code'),
    'not authenticated': t('Speaks without having authenticated'), rejected: t('Nothing that it sends can be read'), 'unknown protocol': t('Begins like no protocol that is known here'),
  });
  return known[why] ?? why;
}

/** State of an order on a terminal. @param {string} state */
export function shownState(state) {
  const known = /** @type {Record<string, string>} */ ({ sent: t('sent, not receipted'), delivered: t('receipted'), removing: t('being removed'), removed: t('removed, receipted') });
  return known[state] ?? state;
}

/** What kind of message a value is. @param {string} type */
export function kind(type) {
  const known = /** @type {Record<string, string>} */ ({
    Register: t('Registration'), Login: t('Login'), Heartbeat: t('Heartbeat'), Status: t('Status'), Logout: t('Logout'), Report: t('Position'),
    Receipt: t('Receipt'), Answer: t('Answer'), Button: t('Button'), Unsupported: t('Not supported'), Rejected: t('Rejected'),
  });
  return known[type] ?? type;
}

/** Hex in pairs. @param {string} hex */
export const pairs = (hex) => (hex.match(/../g) ?? []).join(' ');

/** The text, where it is one (ASCII); else null. @param {string} hex */
export function asText(hex) {
  const bytes = (hex.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
  if (!bytes.length || bytes.some((b) => (b < 32 || b > 126) && b !== 9 && b !== 10 && b !== 13)) return null;
  return bytes.map((b) => String.fromCharCode(b)).join('');
}

/** The facts of a decoded value in one line, without what is empty. @param {any} value */
export function facts(value) {
  return Object.entries(value).filter(([name, one]) => name !== 'type' && one !== null && one !== '' && !(Array.isArray(one) && !one.length))
    .map(([name, one]) => `${name} ${said(name, one)}`).join(' · ');
}

/** @param {string} name @param {any} value @returns {string} */
const said = (name, value) => (name === 'time' && typeof value === 'number' ? fullTime(value * 1000) : flat(value));

/** @param {any} value @returns {string} */
function flat(value) {
  if (Array.isArray(value)) return value.map((one) => (one !== null && typeof one === 'object' ? flat(one) : String(one))).join(', ');
  if (value === null || typeof value !== 'object') return String(value);
  return `(${Object.entries(value).filter(([, one]) => one !== null).map(([name, one]) => `${name} ${said(name, one)}`).join(', ')})`;
}
