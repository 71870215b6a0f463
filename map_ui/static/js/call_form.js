// @ts-check
/** The call form: usable by keyboard while talking. Address search, place on the map, and what is known of the call. */
import { explain } from './api.js';
import { CallKnown } from './call_known.js';
import { placeWords, undecided } from './call_words.js';
import { fill, h } from './dom.js';
import { Once } from './once.js';
import { t } from './page.js';
import { PlaceField } from './place_field.js';
import { notice } from './shell.js';
import { options } from './vocabulary.js';

export class CallForm {
  /** @param {any} form @param {any} map @param {{taken: (answer: any) => void, open: (id: string) => void, told: (order: any) => void}} on */
  constructor(form, map, on) {
    this.form = form;
    this.map = map;
    this.on = on;
    this.once = new Once();
    this.field = new PlaceField(map, '', {
      changed: () => { this.known.land = null; this.known.changed(() => this.said()); }, picked: () => {},
      chosen: (onMap) => { (onMap && (this.phone.value || this.withheld) ? this.form.fault_type : this.phone).focus(); },
    }, placeWords);
    this.field.box.classList.add('wide');
    this.address = this.field.input;
    this.withheld = false;
    this.repeat = h('div', { class: 'repeat', role: 'status', 'aria-live': 'polite', id: 'known' });
    this.problem = h('p', { class: 'problem', role: 'alert', id: 'call-problem', hidden: true });
    this.known = new CallKnown(this.repeat, { open: on.open, changed: () => { this.problem.hidden = true; this.sayLand(); }, told: (order) => this.told(order), answered: () => this.answered() });
    this.build();
    form.addEventListener('focusin', () => this.field.hold());
    form.addEventListener('submit', (/** @type {SubmitEvent} */ e) => { e.preventDefault(); this.send(); });
    this.clear();
  }

  build() {
    const input = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ more = {}, /** @type {any} */ beside = null) => h('div', { class: 'field' }, h('label', { htmlFor: name }, label), h('input', { id: name, name, ...more }), beside);
    const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ choices) => h('div', { class: 'field' }, h('label', { htmlFor: name }, label), h('select', { id: name, name, required: true }, choices.map(([value, text]) => h('option', { value }, text))));
    this.ended = h('button', { type: 'submit', class: 'primary', id: 'take', 'aria-keyshortcuts': 'Alt+Enter' }, t('Call ended: take it'), ' ', h('kbd', {}, 'Alt+Enter'));
    this.noPhone = h('button', { type: 'button', class: 'small', id: 'withheld', 'aria-pressed': 'false', 'aria-keyshortcuts': 'Alt+W', on: { click: () => this.withhold(!this.withheld) } }, t('Withheld'), ' ', h('kbd', {}, 'Alt+W'));
    fill(this.form,
      this.field.box,
      input('customer_phone', t('Customer\'s phone'), { type: 'tel', maxLength: 40 }, this.noPhone), input('customer_name', t('Customer\'s name'), { maxLength: 200 }),
      this.repeat,
      select('fault_type', t('Fault'), options('fault_types')), select('voltage', t('Voltage'), options('voltages')),
      h('div', { class: 'field wide' }, h('label', { htmlFor: 'description' }, t('What the customer says')), h('textarea', { id: 'description', name: 'description', rows: 2, maxLength: 2000 })),
      select('channel', t('Channel'), options('channels')),
      this.problem,
      h('div', { class: 'field buttons' }, this.ended, h('button', { type: 'button', 'aria-keyshortcuts': 'Alt+N', on: { click: () => this.clear() } }, t('Clear'), ' ', h('kbd', {}, 'Alt+N'))));
    this.phone = this.form.customer_phone;
    this.phone.addEventListener('input', () => { if (this.phone.value) this.withhold(false); this.known.changed(() => this.said()); });
    this.form.channel.addEventListener('change', () => { this.problem.hidden = true; });
  }

  /** Keys of the whole page; whether this was one. @param {KeyboardEvent} e */
  shortcut(e) {
    if (!e.altKey || e.ctrlKey || e.metaKey) return false;
    /** @type {Record<string, () => void>} */
    const keys = {
      Enter: () => this.form.requestSubmit(), KeyN: () => this.clear(), KeyW: () => this.withhold(!this.withheld), KeyJ: () => this.known.joinNext(), KeyA: () => this.known.setApart(),
      KeyI: () => this.known.setInsists(), KeyO: () => this.answered(), KeyP: () => { const order = this.known.first(); if (order) this.told(order); }, KeyM: () => this.map.getContainer().focus(),
    };
    const act = keys[e.code];
    if (!act) return false;
    e.preventDefault();
    act();
    return true;
  }

  /** What a look is asked with. */
  said() { return { phone: this.phone.value.trim(), address: this.address.value.trim(), ...this.field.place }; }

  /** An outage was changed, ended or called off: who is on the line is not told what was. */
  lookAgain() {
    this.known.said = '';
    this.known.changed(() => this.said());
  }

  /** The caller was asked and gives no number, or does. @param {boolean} on */
  withhold(on) {
    this.withheld = on;
    this.noPhone.setAttribute('aria-pressed', String(on));
    this.noPhone.classList.toggle('pressed', on);
    this.phone.placeholder = on ? t('withheld') : '';
    if (on) this.phone.value = '';
    this.problem.hidden = true;
  }

  /** Whose land it is, as the centre has just said. */
  sayLand() {
    this.field.land = this.known.land;
    this.field.say();
  }

  /** @param {string} text */
  complain(text) {
    fill(this.problem, text);
    this.problem.hidden = false;
  }

  /** What stands against taking it, said and where to decide it; whether anything does. */
  stopped() {
    const { repeats, outages, join, apart, insists } = this.known;
    const open = undecided({ phone: this.phone.value.trim(), withheld: this.withheld, channel: this.form.channel.value, repeats, outages, join, apart, insists });
    if (open === 'outage') this.complain(t('The place lies in a planned outage: Alt+O when the caller is told, Alt+I for an order all the same.'));
    else if (open === 'repeat') this.complain(t('It may be known already: Alt+J joins the order, Alt+A makes another one.'));
    else if (open === 'phone') { this.complain(t('Ask for the telephone number, for the call-back; Alt+W when the caller gives none.')); this.phone.focus(); }
    return !!open;
  }

  values() {
    const values = /** @type {Record<string, any>} */ (Object.fromEntries(new FormData(this.form)));
    if (this.field.place.lat !== null) Object.assign(values, this.field.place);
    return { ...values, phone_withheld: this.withheld };
  }

  /** The call with what was decided about it. */
  decided() {
    const { join, apart, insists } = this.known;
    return { ...this.values(), join, apart, insists };
  }

  async send() {
    const { once } = this;
    if (this.ended.disabled) return;
    this.ended.disabled = true;
    this.problem.hidden = true;
    try {
      const typed = this.decided();
      await this.known.look(this.said());  // without an answer the centre itself still refuses what must not be
      if (once !== this.once) await this.take(typed, once); // cleared meanwhile for the next caller, who is not asked about this one
      else if (!this.stopped()) await this.take(this.decided());
    } finally {
      if (once === this.once) this.ended.disabled = false;
    }
  }

  /** The caller was told of the planned outage: the call is kept, no order is made. */
  async answered() {
    const outage = this.known.outages[0];
    if (outage && this.form.reportValidity()) await this.take({ ...this.values(), outage: outage.id });
  }

  /** @param {Record<string, any>} values @param {Once} once of the call */
  async take(values, once = this.once) {
    try {
      const answer = await once.post('/api/calls', values);
      if (!answer) return;
      if (once === this.once) this.clear(); // else the next call is being typed
      this.on.taken(answer);
    } catch (error) {
      if (once !== this.once) { this.missed(values, once, error); return; }
      this.complain(explain(error));
      const { why } = /** @type {any} */ (error).facts ?? {};
      if (why !== 'planned_outage' && why !== 'no_outage') return;
      this.known.said = '';
      await this.known.look(this.said());
      if (once === this.once && !this.stopped() && why === 'no_outage') this.complain(explain(error));
    }
  }

  /** A call that is not in the form any more was not taken: which one, and the way to take it, until somebody answers. @param {Record<string, any>} values @param {Once} once @param {any} error */
  missed(values, once, error) {
    const { why } = error.facts ?? {};
    /** @type {Record<string, [string, string, Record<string, any>]>} the keys that `explain` names would act on the next call */
    const otherwise = {
      planned_outage: [t('The place lies in a planned outage.'), t('Make an order all the same'), { insists: true }],
      no_outage: [t('No planned outage runs at this place now.'), t('Take it once more'), { outage: undefined }],
    };
    const [text, label, more] = otherwise[why] ?? [explain(error), t('Take it once more'), {}];
    notice(`${values.address}: ${text}`, 'bad', { label, stays: true, act: () => this.take({ ...values, ...more }, once) });
  }

  /** The caller only asked how far it is. @param {any} order */
  async told(order) {
    const { once } = this;
    try {
      const answer = await once.post(`/api/orders/${encodeURIComponent(order.id)}/progress`, { text: this.form.description.value });
      if (!answer) return;
      if (once === this.once) this.clear(); // else the next call is being typed
      this.on.told(order);
    } catch (error) {
      if (once === this.once) this.complain(explain(error));
      else notice(`${order.id}: ${explain(error)}`, 'bad', { about: order.id });
    }
  }

  clear() {
    this.form.reset();
    this.once = new Once();
    this.ended.disabled = false;
    this.withhold(false);
    this.known.clear();
    this.field.clear();
    this.address.focus();
  }
}
