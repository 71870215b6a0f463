// @ts-check
/** The fault record: what was found, on what, what was done. What is being written is kept with every letter. */
import { countPhotos, photoButton } from './crew_photos.js';
import { fill, h } from './dom.js';
import { expected } from './outbox.js';
import { t } from './page.js';
import { options, word } from './vocabulary.js';

/** @typedef {import('./board_state.js').Order} Order */
/** @typedef {import('./outbox.js').Press} Press */

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
function recordForm(order, done, photos) {
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

/** Whether a record is on its way to the centre. @param {string} id of an order @param {Press[]} waiting */
const onItsWay = (id, waiting) => waiting.some((one) => one.order === id && one.path.endsWith('/record'));

/**
 * Restored orders of the stack: those whose record is still to be written, and those whose record waits to be sent (pure).
 * @param {{orders: Order[], to_record: Order[]}} stack @param {Press[]} waiting @returns {{open: Order[], kept: Order[]}}
 */
export function toRecord({ orders, to_record: restored }, waiting) {
  const all = [...restored, ...orders];
  return {
    open: all.filter((one) => expected(one.state, one.id, waiting) === 'restored'),
    kept: all.filter((one) => onItsWay(one.id, waiting)),
  };
}

/** The records below the orders. A form keeps what is being written: it is made once an order, with its photos' button. */
export class Records {
  /** @param {HTMLElement} box @param {{write: (order: Order, values: any) => void, add: (press: Press) => Promise<void>}} on */
  constructor(box, on) {
    this.on = on;
    this.kept = h('div', { class: 'stack' });
    this.box = box;
    box.append(this.kept);
    /** @type {Map<string, {form: HTMLElement, photo: HTMLElement}>} */
    this.forms = new Map();
  }

  /** @param {{open: Order[], kept: Order[]}} orders @param {Record<string, number>} photos that the centre has @param {Press[]} waiting */
  draw({ open, kept }, photos, waiting) {
    fill(this.kept, kept.map((one) => h('article', { class: 'card kept' }, h('h2', {}, one.address), h('p', {}, t('Fault record'), ' ', h('span', { class: 'chip warn' }, t('not sent yet'))))));
    this.keep(new Set(open.map((one) => one.id)));
    for (const order of open) {
      const sent = photos[order.id] ?? 0, here = waiting.filter((one) => one.order === order.id && one.lane === 'photo').length;
      const known = this.forms.get(order.id);
      if (known) countPhotos(known.photo, sent, here);
      else this.make(order, photoButton(order, sent, here, this.on.add));
    }
  }

  /** @param {Order} order @param {HTMLElement} photo */
  make(order, photo) {
    const form = recordForm(order, (values) => this.on.write(order, values), photo);
    this.forms.set(order.id, { form, photo });
    this.box.append(form);
  }

  /** Only the forms of these orders. @param {Set<string>} ids */
  keep(ids) {
    for (const [id, { form }] of this.forms) if (!ids.has(id)) { form.remove(); this.forms.delete(id); }
  }
}
