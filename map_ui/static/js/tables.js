// @ts-check
/** Tables and bars of the desks. */
import { h } from './dom.js';
import { t } from './page.js';

/**
 * @param {{title: string, columns: [string, ('number'|'when'|'')?][], rows: any[][], empty?: string, note?: string}} what
 */
export function table({ title, columns, rows, empty = t('Nothing in this period.'), note }) {
  return h('section', { class: 'panel' }, h('h2', {}, title), note ? h('p', { class: 'soft' }, note) : null,
    rows.length ? h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': title }, h('table', {},
      h('thead', {}, h('tr', {}, columns.map(([name, kind]) => h('th', { scope: 'col', class: kind ?? '' }, name)))),
      h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, i) => (i === 0 ? h('th', { scope: 'row' }, cell ?? '–') : h('td', { class: columns[i][1] ?? '', data: nothing(cell) ? { column: columns[i][0], nothing: '' } : { column: columns[i][0] } }, cell ?? '–'))))))))
      : h('p', { class: 'empty' }, empty));
}

/** Whether a cell says nothing: left out where a table becomes a list, on a phone. @param {any} cell */
const nothing = (cell) => cell === null || cell === undefined || cell === '' || cell === '–';

/** A share as a figure with a bar. @param {number|null|undefined} percent */
export function share(percent) {
  if (percent === null || percent === undefined) return '–';
  return h('span', { class: 'share' }, h('span', { class: 'bar' }, h('i', { style: { width: `${Math.max(0, Math.min(100, percent))}%` }, class: percent >= 90 ? '' : percent >= 60 ? 'soon' : 'late' })), h('b', {}, `${Math.round(percent * 10) / 10} %`));
}
