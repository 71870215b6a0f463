// @ts-check
/** Who is on call: rung before a department's leaders and a centre's duty phone. */
import { get } from '../api.js';
import { fill } from '../dom.js';
import { named, page, t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { addButton, button, buttons, confirmed, edit, problem, putEntry } from './forms.js';

const MONDAY = Date.UTC(2024, 0, 1), DAY = 86_400_000;
/** @param {number} day ISO, Monday is 1 */
const dayName = (day) => new Intl.DateTimeFormat(page.language, { weekday: 'short', timeZone: 'UTC' }).format(MONDAY + (day - 1) * DAY);
/** @type {[string, string][]} */
const DAYS = [['1,2,3,4,5,6,7', ''], ['1,2,3,4,5', ''], ['6,7', ''], ...[1, 2, 3, 4, 5, 6, 7].map((d) => /** @type {[string, string]} */ ([String(d), '']))];

/** @param {number[]} days */
function daysName(days) {
  const key = days.join(',');
  if (key === DAYS[0][0]) return t('every day');
  if (key === DAYS[1][0]) return t('Monday to Friday');
  return key === DAYS[2][0] ? t('Saturday and Sunday') : days.map(dayName).join(' ');
}

/** @param {any} org @returns {[string, string][]} */
const units = (org) => [['hotline', t('Hotline')], ...[...org.centres, ...org.departments].map((one) => /** @type {[string, string]} */ ([one.id, `${named(one)} (${one.id})`]))];

/** @param {any} org @param {number} number from 1 @param {any} [was] */
function dutyForm(org, number, was) {
  const known = DAYS.some(([key]) => key === was?.days.join(',')) || !was ? DAYS : [...DAYS, /** @type {[string, string]} */ ([was.days.join(','), ''])];
  return edit({ title: was ? t('Change {name}', { name: was.name }) : t('New duty'), fields: [
    { name: 'unit', label: t('Of whom'), kind: 'select', options: units(org), value: was?.unit }, { name: 'name', label: t('Name'), value: was?.name ?? '' }, { name: 'phone', label: t('Telephone'), value: was?.phone ?? '' },
    { name: 'start', label: t('From (HH:MM)'), value: was?.start ?? '00:00' }, { name: 'end', label: t('Until (HH:MM; the same: round the clock)'), value: was?.end ?? '00:00' },
    { name: 'days', label: t('Days'), kind: 'select', options: known.map(([key]) => [key, daysName(key.split(',').map(Number))]), value: was?.days.join(',') ?? DAYS[0][0] },
    { name: 'first_day', label: t('First day (YYYY-MM-DD; empty: at once)'), required: false, value: was?.first_day ?? '' }, { name: 'last_day', label: t('Last day (empty: until it is changed)'), required: false, value: was?.last_day ?? '' }] },
  ({ days, ...said }) => putEntry('on_call', String(number), was ?? null, { ...said, days: days.split(',').map(Number) }));
}

/** @param {HTMLElement} box */
export async function show(box) {
  const org = await get('/api/admin/organisation');
  const again = () => show(box).catch((error) => notice(problem(error), 'bad'));
  const of = new Map(units(org));
  /** @param {any} d @param {number} i */
  const row = (d, i) => [of.get(d.unit) ?? d.unit, d.name, d.phone, d.start === d.end ? t('round the clock') : `${d.start}–${d.end}`, daysName(d.days), [d.first_day, d.last_day].some(Boolean) ? `${d.first_day || '…'} – ${d.last_day || '…'}` : t('always'),
    buttons(button(t('Change'), async () => { await dutyForm(org, i + 1, d); await again(); }, { of: d.name }), button(t('Remove'), async () => { await confirmed({ title: t('Remove {name}?', { name: d.name }), confirm: t('Remove') }, () => putEntry('on_call', String(i + 1), d, null)); await again(); }, { danger: true, of: d.name }))];
  fill(box, table({ title: t('Who is on call'), note: t('Who is named here is rung in place of the duty phone or leader 1. A duty for certain days goes before the standing one; of two that fit, the upper one.'), empty: t('Nobody is named: duty phones and leaders are rung.'), columns: [[t('Of whom')], [t('Name')], [t('Telephone')], [t('Hours')], [t('Days')], [t('Dates')], ['']], rows: org.on_call.map(row) }),
    addButton(t('Add a duty'), async () => { if (await dutyForm(org, org.on_call.length + 1)) await again(); }, 'add-duty'));
}
