// @ts-check
/** Territories from a file of whatever program drew them: what it does not say is asked once, for all of them. */
import { t } from '../page.js';
import { ask } from '../shell.js';
import { areaName, options } from '../vocabulary.js';
import { AREAS, KINDS, kindName } from './land_words.js';

/** @typedef {import('./polygons.js').Feature} Feature */
/** What is asked: `how` the file's are put beside those that are there, which property holds the name, and what holds where a feature does not say it. @typedef {{how?: string, name_from?: string, centre_id?: string, area_class?: string, kind?: string}} Said */

/** The polygons of a file, and how many other shapes it holds (pure); null: it is no collection of features. @param {any} read @returns {{found: Feature[], others: number}|null} */
export function polygonsOf(read) {
  if (read?.type !== 'FeatureCollection' || !Array.isArray(read.features)) return null;
  const found = read.features.filter((/** @type {any} */ one) => ['Polygon', 'MultiPolygon'].includes(one?.geometry?.type));
  return { found, others: read.features.length - found.length };
}

/** @param {any} value */
const text = (value) => (typeof value === 'number' || (typeof value === 'string' && value.trim()) ? String(value).trim() : '');

/** Whether a property is missing somewhere, or holds none of the words that it may (pure). @param {Feature[]} found @param {string} name @param {string[]} [words] */
export const lacking = (found, name, words) => found.some(({ properties }) => { const value = text(properties?.[name]); return !value || (words !== undefined && !words.includes(value)); });

/** Properties whose values could be names: text or numbers in every feature (pure). @param {Feature[]} found */
export const nameable = (found) => Object.keys(found[0]?.properties ?? {}).filter((key) => found.every((one) => text(one.properties?.[key])));

/**
 * All territories once the file is read (pure): those of a known code are replaced, the others come behind.
 * @param {Feature[]} before @param {Feature[]} found @param {Said} said @param {{centres: string[]}} known @returns {Feature[]}
 */
export function together(before, found, said, { centres }) {
  const stay = said.how === 'add' ? before : [];
  const taken = new Set([...stay, ...found].map((one) => text(one.properties?.id)));
  let number = 0;
  const next = () => { do number += 1; while (taken.has(`territory-${number}`)); return `territory-${number}`; };
  const known = (/** @type {string} */ value, /** @type {string[]} */ words, /** @type {string|undefined} */ instead) => (words.includes(value) ? value : instead ?? '');
  const read = found.map((one) => {
    const of = (/** @type {string} */ key) => text(one.properties?.[key]);
    const id = of('id') || next();
    return { ...one, properties: { id, name: of('name') || of(said.name_from ?? '') || id, name_zh: of('name_zh'), centre_id: known(of('centre_id'), centres, said.centre_id), area_class: known(of('area_class'), AREAS, said.area_class), kind: known(of('kind'), KINDS, said.kind) } };
  });
  const newer = (/** @type {Feature} */ old) => read.filter((one) => one.properties.id === old.properties.id);
  return [...stay.flatMap((old) => (newer(old).length ? newer(old) : [old])), ...read.filter((one) => !stay.some((old) => old.properties.id === one.properties.id))];
}

/** Ask what the file does not say; null: given up. @param {string} file its name @param {Feature[]} before @param {Feature[]} found @returns {Promise<Said|null>} */
export async function askAbout(file, before, found) {
  const centres = options('centres');
  const names = nameable(found);
  /** @type {import('./forms.js').Field[]} */
  const fields = [];
  if (before.length) fields.push({ name: 'how', label: t('The {n} that are here', { n: before.length }), kind: 'select', options: [['add', t('stay; those of the same code are replaced')], ['replace', t('go: only the file\'s remain')]] });
  if (lacking(found, 'name') && names.length) fields.push({ name: 'name_from', label: t('Which property is the name?'), kind: 'select', options: [...names.map((one) => /** @type {[string, string]} */ ([one, `${one} (${text(found[0].properties[one])}, …)`])), ['', t('none: the code is the name')]], required: false });
  if (lacking(found, 'centre_id', centres.map(([id]) => id))) fields.push({ name: 'centre_id', label: t('Repair centre, where the file names none'), kind: 'select', options: centres });
  if (lacking(found, 'area_class', AREAS)) fields.push({ name: 'area_class', label: t('Area, where the file names none'), kind: 'select', options: AREAS.map((one) => [one, areaName(one)]) });
  if (lacking(found, 'kind', KINDS)) fields.push({ name: 'kind', label: t('Kind, where the file names none'), kind: 'select', options: KINDS.map((one) => [one, kindName(one)]) });
  return fields.length ? ask({ title: t('{n} territories in {file}', { n: found.length, file }), text: t('Nothing is in force before you save.'), confirm: t('Take over'), fields }) : {};
}
