// @ts-check
/** What is known of a call that is being taken: orders that it may repeat, planned outages; and what the call taker decided. */
import { request } from './api.js';
import { because, outageWords, progress } from './call_words.js';
import { fill, h } from './dom.js';
import { t } from './page.js';
import { word } from './vocabulary.js';

const WAIT_MS = 250;

export class CallKnown {
  /** @param {HTMLElement} root @param {{open: (id: string) => void, changed: () => void, told: (order: any) => void, answered: () => void}} on */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.asked = 0;
    this.now = 0;
    /** On whose land the place lies; null: no place, or not known yet. @type {{centre_id: string, area_class: string}|null} */
    this.land = null;
    /** @type {any[]} */
    this.repeats = [];
    /** @type {any[]} */
    this.outages = [];
    this.apart = this.insists = this.dropped = false;
    this.clear();
  }

  clear() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.land = null;
    this.repeats = [];
    this.outages = [];
    this.join = '';
    this.apart = false;
    this.insists = false;
    this.byHand = false;
    this.dropped = false;
    this.said = '';
    this.draw();
  }

  /** Ask again soon: something of the call has changed. @param {() => any} said what is asked with */
  changed(said) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(said()), WAIT_MS);
  }

  /** @param {{phone: string, address: string, lat: number|null, lon: number|null}} call @returns {Promise<boolean>} whether it could be asked */
  async look(call) {
    clearTimeout(this.timer);
    const asked = ++this.asked;
    const said = JSON.stringify(call);
    if (said === this.said) return true;
    if (!call.phone && !call.address && call.lat === null) { this.take({ repeats: [], outages: [], now: '' }, said); return true; }
    const answer = await request('POST', '/api/calls/look', call, { timeout: 4000 }).catch(() => null);
    if (asked !== this.asked || !answer) return asked === this.asked && !!answer;
    this.take(answer, said);
    return true;
  }

  /** @param {any} answer @param {string} said */
  take(answer, said) {
    this.said = said;
    this.now = Date.parse(answer.now) || 0;
    const before = this.named();
    this.land = answer.land ?? null;
    this.repeats = answer.repeats;
    this.outages = answer.outages;
    this.decideAnew(before);
    const same = this.open().find((one) => one.why.includes('same_place'));
    const stays = this.open().some((one) => one.order.id === this.join && (this.byHand || one.why.includes('same_place')));
    if (!stays) { this.join = same && !this.apart && !this.dropped ? same.order.id : ''; this.byHand = false; }
    this.draw();
    this.on.changed();
  }

  /** What there is to decide about. */
  named() { return { orders: this.open().map((one) => one.order.id).sort().join(), outages: this.outages.map((one) => one.id).sort().join() }; }

  /** What was decided of other orders, or of another outage, was not decided of these. @param {{orders: string, outages: string}} before */
  decideAnew(before) {
    const now = this.named();
    const apart = this.apart && now.orders !== before.orders, insists = this.insists && now.outages !== before.outages;
    if (apart) this.apart = false;
    if (insists) this.insists = false;
    this.dropped = (apart && !!now.orders) || (insists && !!now.outages) || (this.dropped && !!(now.orders || now.outages));
  }

  /** The orders that the call can join. */
  open() { return this.repeats.filter((one) => one.is_open); }

  /** Join the first one; pressed again, the next. */
  joinNext() {
    const open = this.open();
    if (!open.length) return;
    const at = open.findIndex((one) => one.order.id === this.join);
    this.joins(open[(at + 1) % open.length].order.id);
  }

  /** @param {string} id */
  joins(id) {
    this.join = id;
    this.byHand = true;
    this.apart = this.dropped = false;
    this.draw();
  }

  /** It is another fault. */
  setApart() {
    if (!this.open().length) return;
    this.join = '';
    this.byHand = false;
    this.apart = true;
    this.dropped = false;
    this.draw();
  }

  setInsists() {
    if (!this.outages.length) return;
    this.insists = true;
    this.dropped = false;
    this.draw();
  }

  /** The order whose progress is read out: the one to join, else the likeliest. */
  first() { return (this.repeats.find((one) => one.order.id === this.join) ?? this.repeats[0])?.order; }

  draw() {
    const held = /** @type {HTMLElement|null} */ (document.activeElement)?.dataset?.deed;
    fill(this.root, this.dropped ? h('p', { class: 'chip warn' }, t('What is known here has changed: decide again.')) : null, this.outages.map((one) => this.outage(one)), this.repeats.map((one, n) => this.repeat(one, n)));
    if (held) /** @type {HTMLElement|null} */ (this.root.querySelector(`[data-deed="${CSS.escape(held)}"]`))?.focus();
  }

  /** @param {any} one */
  outage(one) {
    return h('div', { class: 'panel warn known', data: { outage: one.id } }, h('strong', {}, outageWords(one)), h('p', {}, t('Tell the caller. Does it have to do with something else, or is somebody in danger?')),
      h('div', { class: 'buttons' }, this.button('answered', t('Told; no order'), 'Alt+O', () => this.on.answered(), false),
        this.button('insists', t('Make an order all the same'), 'Alt+I', () => this.setInsists(), this.insists)));
  }

  /** @param {any} one @param {number} n */
  repeat(one, n) {
    const o = one.order;
    const joins = this.join === o.id;
    return h('div', { class: `panel known${joins ? ' chosen' : ''}`, data: { repeat: o.id } },
      h('div', {}, h('strong', {}, o.id), ' ', h('span', { class: 'chip' }, word('states', o.state)), ' ', h('span', { class: 'soft' }, because(one))),
      h('div', {}, o.address),
      h('p', { class: 'aloud' }, '“', progress(o, this.now), '”'),
      h('div', { class: 'buttons' },
        one.is_open ? this.button(`join-${o.id}`, joins ? t('The call joins this order') : t('Join this order'), n === 0 ? 'Alt+J' : '', () => this.joins(o.id), joins) : null,
        one.is_open && n === 0 ? this.button('apart', t('Another fault'), 'Alt+A', () => this.setApart(), this.apart) : null,
        this.button(`told-${o.id}`, t('Told the progress'), n === 0 ? 'Alt+P' : '', () => this.on.told(o), false),
        h('button', { type: 'button', on: { click: () => this.on.open(o.id) } }, t('Show order'))));
  }

  /** @param {string} deed @param {string} label @param {string} keys @param {() => void} act @param {boolean} pressed */
  button(deed, label, keys, act, pressed) {
    return h('button', { type: 'button', data: { deed }, 'aria-pressed': String(pressed), 'aria-keyshortcuts': keys || null, on: { click: act } }, pressed ? '✓ ' : '', label, keys ? [' ', h('kbd', {}, keys)] : null);
  }
}
