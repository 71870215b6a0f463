// @ts-check
/** The process' words in the page's language, from the API; what the pages themselves call things, from the catalogue. */
import { get } from './api.js';
import { t, titled } from './page.js';

/** @type {Record<string, any>} */
let words = {};

/** Load once; pages work without it, showing codes. */
export async function loadWords() {
  words = (await get('/api/vocabulary').catch(() => null)) ?? {};
  return words;
}

/** @param {string} kind @returns {[string, any][]} code and `{zh, en}` of everything of a kind */
export const entries = (kind) => Object.entries(words[kind] ?? {});

/** Code and name of everything of a kind, as a select's options. @param {string} kind @returns {[string, string][]} */
export const options = (kind) => entries(kind).map(([code, title]) => [code, titled(title, code)]);

const NO_ORDER_OF_A_CREW = ['cannot_leave', 'vehicle_breakdown', 'nearer_crew', 'no_answer'];
/** Reasons that only another side gives. One that a telephone tells of a crew is a dispatcher's too: whose minutes were lost follows from it. @type {Record<string, string[]>} */
const NOT_FOR = { recall: ['cannot_leave'], return: NO_ORDER_OF_A_CREW, cancel: NO_ORDER_OF_A_CREW, reject: ['nearer_crew', 'no_answer'] };

/** The field of a dialog that asks why: none is chosen beforehand, and those of a utility's own process are offered for each step. @param {'recall'|'return'|'reject'|'cancel'} step */
export const reasonField = (step) => choice('reason', t('Reason'), options('reasons').filter(([code]) => !NOT_FOR[step].includes(code)), t('Choose a reason'));

/** A field of a dialog in which something must be chosen: a second press decides nothing. @param {string} name @param {string} label @param {[string, string][]} among @param {string} [first] @returns {{name: string, label: string, kind: 'select', options: [string, string][]}} */
export const choice = (name, label, among, first = t('Choose')) => ({ name, label, kind: 'select', options: [['', first], ...among] });

/** @param {string} kind @param {string|null|undefined} code @returns {string} */
export function word(kind, code) {
  if (!code) return '–';
  return titled(words[kind]?.[code], code);
}

/** @returns {{name: string, limit_s: number, owner: string, title: any}[]} */
export const segments = () => words.segments ?? [];

/** @param {string} label */
export function segmentName(label) {
  if (label === 'stacked') return t('Waiting behind another order');
  if (label === 'withdrawn') return t('Lost on a withdrawn attempt');
  const found = segments().find((one) => one.name === label);
  return found ? titled(found.title, label) : label;
}

/** @param {string|null|undefined} id */
export const centreName = (id) => word('centres', id);

/** @param {string|null|undefined} id */
export const departmentName = (id) => word('departments', id);

/** @param {string|null|undefined} id */
export const crewName = (id) => word('crews', id);

/** @param {string} code */
export function statusName(code) {
  /** @type {Record<string, string>} */
  const names = {
    standby: t('Standby'), assigned: t('Assigned'), en_route: t('En route'),
    on_scene: t('On scene'), away: t('Away'), off_shift: t('Off shift'),
  };
  return names[code] ?? code;
}

/** @param {string} code */
export function areaName(code) {
  /** @type {Record<string, string>} */
  const names = { urban: t('Urban'), rural: t('Rural'), remote: t('Remote') };
  return names[code] ?? code;
}

/** @param {string} code */
export function watchName(code) {
  /** @type {Record<string, string>} */
  const names = { hotline: t('Watch on the hotline'), centre: t('Watch on the repair centre'), hand: t('Watch on the dispatcher'), crew: t('Watch on the crew') };
  return names[code] ?? code;
}

/** @param {string} code */
export function roleName(code) {
  /** @type {Record<string, string>} */
  const names = {
    hotline: t('Hotline'), dispatcher: t('Dispatcher'), crew: t('Crew'), manager: t('Manager'), admin: t('Administrator'),
    system: t('System'), device: t('Device'), customer: t('Customer'),
  };
  return names[code] ?? code;
}

/** @param {string} code responsible party */
export function ownerName(code) {
  return word('owners', code);
}
