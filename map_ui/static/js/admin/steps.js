// @ts-check
/** The first steps of an installation, in words. */
import { t } from '../page.js';

/** @param {string} step */
export function stepName(step) {
  /** @type {Record<string, string>} */
  const names = {
    centre: t('A repair centre'), department: t('A department with both leaders'), territory: t('A territory'), crew: t('A crew'), vehicle: t('A vehicle with a terminal'),
    hotline: t('Somebody at the hotline'), dispatcher: t('A dispatcher'), crew_member: t('A member of a crew who may sign in'), channel: t('A channel for alerts outside the pages'),
  };
  return names[step] ?? step;
}

/** @param {string} step */
export function stepReason(step) {
  /** @type {Record<string, string>} */
  const why = {
    centre: t('It receives the orders of its land.'), department: t('It owns the crews of a trade; its leaders are rung where a crew does not answer.'), territory: t('It decides whose a fault is, and how many minutes there are.'),
    crew: t('It repairs.'), vehicle: t('Without one the crew has its phone only, and nobody sees where it drives.'), hotline: t('Takes the calls.'), dispatcher: t('Sends the crews.'), crew_member: t('Acknowledges on the phone.'),
    channel: t('Without one, alerts sound on open pages only.'),
  };
  return why[step] ?? '';
}
