// @ts-check
/** The fault record: what was found, on what, what was done. What is being written is kept with every letter. */
import { h } from './dom.js';
import { t } from './page.js';
import { options, word } from './vocabulary.js';

/** @typedef {import('./board_state.js').Order} Order */

/** What is sent of what was written (pure). @param {Record<string, string>} written @param {(kind: string, code: string) => string} [name] */
export function recordOf({ customers, cause, ...rest }, name = word) {
  const found = cause?.trim() || (rest.cause_code ? name('causes', rest.cause_code) : '');
  const number = (customers ?? '').trim();
  return { ...rest, cause: found, ...(number === '' ? {} : { customers: Number(number) }) };
}

/** Where the draft of an order's record is kept. @param {string} id */
const draftOf = (id) => `dispatch45/record/${id}`;

/** The centre has the record. @param {string} id its order */
export const forgetDraft = (id) => localStorage.removeItem(draftOf(id));

/** @typedef {[name: string, label: string, kind: string, required: boolean]} Field */

/** @returns {Field[]} */
const fields = () => [
  ['cause_code', t('Cause'), 'causes', true], ['equipment', t('Equipment'), 'equipment', true], ['cause', t('What was found'), 'text', false],
  ['work_done', t('Work done'), 'area', true], ['material', t('Material used'), 'text', false],
  ['customers', t('Customers affected'), 'number', false], ['text', t('Remarks'), 'area', false],
];

/** Kinds that are chosen; without the words (never heard of the centre) nothing can be, and the text beside says it. */
const CHOICES = { causes: 1, equipment: 1 };

/** @param {string} kind @param {any} common */
function input(kind, common) {
  if (kind === 'area') return h('textarea', { ...common, rows: 2 });
  if (kind === 'number') return h('input', { ...common, type: 'number', min: '0', inputMode: 'numeric' });
  if (kind === 'text') return h('input', { ...common, type: 'text' });
  return h('select', common, [['', t('Choose')], ...options(kind)].map(([value, label]) => h('option', { value }, label)));
}

/**
 * A form for the record of one order; its draft stays until the centre has taken it. @param {Order} order @param {(values: any) => void} done
 * @param {HTMLElement|null} photos its button
 */
export function recordForm(order, done, photos) {
  const draft = draftOf(order.id);
  const kept = JSON.parse(localStorage.getItem(draft) ?? '{}');
  const form = h('form', { class: 'form', method: 'post', action: '/crew' }, fields().map(([name, label, kind, required]) => {
    const id = `${order.id}-${name}`;
    const field = input(kind, { id, name, required: required && !(kind in CHOICES && !options(kind).length) });
    field.value = kept[name] ?? '';
    return [h('label', { htmlFor: id }, label, required ? ' *' : ''), field];
  }), h('p', { class: 'links' }, photos), h('button', { type: 'submit', class: 'big primary' }, t('Send the fault record')));
  form.addEventListener('input', () => localStorage.setItem(draft, JSON.stringify(Object.fromEntries(new FormData(form)))));
  form.addEventListener('submit', (/** @type {SubmitEvent} */ e) => {
    e.preventDefault();
    done(recordOf(/** @type {any} */ (Object.fromEntries(new FormData(form)))));
  });
  return h('article', { class: 'card record' }, h('h2', {}, order.address), h('p', { class: 'soft' }, order.id, ' · ', word('fault_types', order.fault_type)), form);
}
