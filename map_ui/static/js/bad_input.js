// @ts-check
/** What is wrong with what was entered, in the page's language: by field and kind, not by the server's sentence. */
import { t } from './page.js';

/** @param {string} name of a field of a request */
function fieldName(name) {
  /** @type {Record<string, string>} */
  const names = {
    username: t('User name'), password: t('Password'), name: t('Name'), role: t('Role'), centre_id: t('Repair centre'), crew_id: t('Crew'), trade: t('Trade'), area_class: t('Area'),
    address: t('Address'), lat: t('Place on the map'), lon: t('Place on the map'), place: t('Place on the map'), fault_type: t('Fault'), voltage: t('Voltage'), channel: t('Channel'), customer_name: t('Customer\'s name'), customer_phone: t('Customer\'s phone'),
    description: t('What the customer says'), text: t('Remarks'), reason: t('Reason'), minutes: t('For how many minutes'), cause: t('Cause'), work_done: t('Work done'), material: t('Material used'), customers: t('Customers affected'), from: t('From'), to: t('to (included)'),
  };
  return names[name] ?? '';
}

/** Each kind of sentence that the server's validation has. @type {[RegExp, (n: string) => string][]} */
const KINDS = [
  [/required/i, () => t('is missing')],
  [/at least 1 (?:character|item)/, () => t('is missing')],
  [/at least (\d+) (?:character|item)/, (n) => t('at least {n} characters', { n })],
  [/at most (\d+) (?:character|item)/, (n) => t('at most {n} characters', { n })],
  [/greater than or equal to (-?\d+)/, (n) => t('at least {n}', { n })],
  [/less than or equal to (-?\d+)/, (n) => t('at most {n}', { n })],
  [/pattern|control character/, () => t('holds characters that are not allowed')],
  [/valid (?:integer|number)|unable to parse/i, () => t('is not a number')],
  [/valid (?:date|datetime)/, () => t('is not a date')],
];

/** One field and what is wrong with it; empty where the page has no words for it. @param {{field: string, message: string}} one */
function said({ field, message }) {
  const name = fieldName(field);
  const kind = KINDS.find(([pattern]) => pattern.test(message));
  if (!name) return '';
  return kind ? t('{field}: {problem}', { field: name, problem: kind[1](kind[0].exec(message)?.[1] ?? '') }) : t('{field}: please check it', { field: name });
}

/** @param {{message: string, facts: Record<string, any>}} error @returns {string} */
export function badInput({ message, facts }) {
  /** @type {Record<string, string>} */
  const known = {
    address: t('An address or a place on the map is needed.'), ended_at: t('The call cannot end in the future.'), place: t('The order has no place on the map.'),
    to: t('Choose days in order, 400 at most.'), reason: t('Choose a reason.'), channels: t('Choose at least one recipient for the letters.'),
  };
  if (facts?.field) return known[facts.field] ?? (said({ field: facts.field, message: '' }) || message);
  const errors = Array.isArray(facts?.errors) ? facts.errors : [];
  const words = errors.map(said);
  return words.length && words.every(Boolean) ? [...new Set(words)].join('; ') : message;
}
