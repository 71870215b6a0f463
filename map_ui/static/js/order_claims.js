// @ts-check
/** In an order's story: what the crew said beside what its vehicle's positions say, and the photos. */
import { get } from './api.js';
import { arrived } from './board_state.js';
import { clock } from './clock.js';
import { duration } from './countdown.js';
import { fill, h } from './dom.js';
import { fullTime, shortTime, t } from './page.js';
import { table } from './tables.js';
import { word } from './vocabulary.js';

/** Whether a phone's clock can be judged: not by a centre whose time runs faster than life, as a demonstration's does. */
export const comparable = () => clock.speed === 1;

/** By how much a phone's clock was off. @param {number|null} seconds */
export function offset(seconds) {
  if (seconds === null || seconds === undefined) return '–';
  if (Math.abs(seconds) < 2) return t('right');
  return seconds > 0 ? t('{time} slow', { time: duration(seconds) }) : t('{time} fast', { time: duration(seconds) });
}

/** @param {number} metres */
const far = (metres) => (metres < 1000 ? t('{n} m', { n: Math.round(metres) }) : t('{n} km', { n: (metres / 1000).toFixed(1) }));

/** What the crew pressed that its vehicle's positions do not bear out, in words. @param {any[]} claims as the order's story has them @returns {string[]} */
export function doubts(claims) {
  return claims.filter((c) => c.doubtful).map((c) => {
    const facts = { step: word('steps', c.step), time: shortTime(c.at), gps: shortTime(c.gps_at), far: c.to_fault_m === null ? '' : far(c.to_fault_m) };
    const pressed = facts.far && c.step !== 'depart' ? t('“{step}” was pressed at {time}, {far} from the fault', facts) : t('“{step}” was pressed at {time}', facts);
    return c.gps_at ? `${pressed}; ${t('by GPS it was {gps}', facts)}` : pressed;
  });
}

/** Beside an order that a crew says it has reached: what speaks against it, when the centre has answered. @param {any} order @returns {HTMLElement} */
export function doubtsBox(order) {
  const box = h('div', { class: 'doubts', role: 'status' });
  const show = async () => {
    const story = await get(`/api/orders/${encodeURIComponent(order.id)}`).catch(() => null);
    fill(box, doubts(story?.claims ?? []).map((text) => h('p', { class: 'panel warn' }, h('b', { 'aria-hidden': 'true' }, '▲ '), text)));
  };
  if (arrived(order)) show();
  return box;
}

/** @param {any} c one claim */
function agree(c) {
  if (c.doubtful) return h('b', { class: 'late' }, '▲ ', t('they do not agree'));
  return c.gps_at || c.to_fault_m !== null ? t('yes') : t('not known');
}

/** A claim as the cells of a line. @param {any} c */
export function claimCells(c) {
  const away = c.to_fault_m === null ? '–' : t('{n} m from the fault', { n: Math.round(c.to_fault_m) });
  const age = c.fix_age_s === null ? '' : ` (${t('{n} s before', { n: Math.round(c.fix_age_s) })})`;
  return [
    word('steps', c.step), c.via === 'gps' ? t('not pressed') : fullTime(c.at), fullTime(c.gps_at), `${away}${age}`,
    c.device_at && comparable() ? `${fullTime(c.device_at)} · ${offset(c.offset_s)}` : '–', fullTime(c.recorded_at), agree(c),
  ];
}

/** @param {any} s the order's story */
export function claimsOfStory(s) {
  return table({
    title: t('Said by the crew, and seen by GPS'), empty: t('No departure or arrival yet.'),
    columns: [[t('Step')], [t('Pressed')], [t('Seen by GPS')], [t('The vehicle then')], [t('The phone\'s own clock')], [t('Received')], [t('Do they agree?')]],
    rows: (s.claims ?? []).map(claimCells),
  });
}

/** @param {any} s the order's story */
export function photosOfStory(s) {
  const photos = s.events.filter((/** @type {any} */ e) => e.kind === 'photo');
  if (!photos.length) return null;
  return h('section', { class: 'panel' }, h('h2', {}, t('Photos')), h('div', { class: 'buttons' }, photos.map((/** @type {any} */ e) => {
    const address = `/api/orders/${encodeURIComponent(s.order.id)}/photos/${e.data.photo}`;
    return h('a', { href: address, target: '_blank', rel: 'noopener' }, h('img', { src: address, alt: t('Photo of {time}', { time: fullTime(e.at) }), width: 200, height: 150, loading: 'lazy', style: { 'object-fit': 'cover' } }));
  })));
}
