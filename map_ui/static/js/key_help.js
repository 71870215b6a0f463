// @ts-check
/** Every key of the control room, shown by `?`. */
import { h } from './dom.js';
import { t } from './page.js';
import { modal } from './shell.js';

/** @returns {[string, [string, string][]][]} */
const groups = () => [
  [t('Board and map'), [['↑ ↓ · j k', t('move on the board')], ['Enter', t('open the order')], ['/', t('search')], ['1 … 9', t('choose a filter or queue')], ['b', t('to the board')], ['Esc', t('back to the board')]]],
  [t('This order'), [['a', t('accept')], ['d', t('dispatch: the list of crews')], ['x', t('reassign: the list of crews')], ['r', t('recall')], ['h', t('return to the hotline')], ['o', t('decide who is responsible')], ['p', t('its place: give or correct it')], ['u', t('undo the dispatch just made')]]],
  [t('The list of crews'), [['↑ ↓', t('another crew, with what it would do')], ['← →', t('earlier or later in its sequence')], ['Enter', t('send')], ['Esc', t('send nothing')]]],
  [t('Crews and alerts'), [['c', t('crews')], ['Alt ↑ · Alt ↓', t('in the stack of a crew: earlier, later')], ['l', t('alerts')], ['q', t('acknowledge the first alert')], ['?', t('this help')]]],
];

/** Show it, or put it away. */
export function toggleHelp() {
  const open = /** @type {HTMLDialogElement|null} */ (document.getElementById('key-help'));
  if (open) { open.close(); return; }
  const dialog = h('dialog', { id: 'key-help', class: 'wide', 'aria-labelledby': 'key-help-title' }, h('h2', { id: 'key-help-title' }, t('Everything by keyboard')),
    h('div', { class: 'key-groups' }, groups().map(([title, keys]) => h('section', {}, h('h3', {}, title), h('dl', { class: 'keys' }, keys.map(([key, what]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)]))))),
    h('p', { class: 'soft' }, t('With a mouse: drag an order from the board onto a crew, in the list or on the map. What the drop would do is shown before it.')),
    h('form', { method: 'dialog', class: 'buttons' }, h('button', { type: 'submit', class: 'primary' }, t('Close'))));
  dialog.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => { if (e.key === '?') dialog.close(); });
  modal(dialog);
}
