// @ts-check
/** What a territory can be, and the words for it. */
import { t } from '../page.js';

export const AREAS = ['urban', 'rural', 'remote'];
export const KINDS = ['city', 'suburb', 'rural'];

/** @param {string} code */
export function kindName(code) {
  /** @type {Record<string, string>} */
  const names = { city: t('City'), suburb: t('Suburb'), rural: t('Country') };
  return names[code] ?? code;
}
