// @ts-check
/** The call form: usable by keyboard while talking. Address search, place on the map, repeat calls found at once. */
import { explain, get, newKey, request } from './api.js';
import { fill, h } from './dom.js';
import { page, t } from './page.js';
import { options, word } from './vocabulary.js';

const L = /** @type {any} */ (globalThis).L;
const NEAR_M = 50;

/** Metres between two places, near enough (pure). @param {number} lat1 @param {number} lon1 @param {number} lat2 @param {number} lon2 */
export function metres(lat1, lon1, lat2, lon2) {
  const k = Math.PI / 180;
  const x = (lon2 - lon1) * k * Math.cos(((lat1 + lat2) / 2) * k);
  return 6_371_009 * Math.hypot(x, (lat2 - lat1) * k);
}

/** Open orders of the same place (pure). @param {any[]} orders @param {{lat: number|null, lon: number|null, address: string}} at */
export function repeats(orders, { lat, lon, address }) {
  const same = address.trim().toLowerCase();
  return orders.filter((o) => !['restored', 'recorded', 'closed', 'cancelled'].includes(o.state)
    && ((lat !== null && lon !== null && o.lat !== null && metres(lat, lon, o.lat, o.lon) <= NEAR_M) || (same && o.address.trim().toLowerCase() === same)));
}

export class CallForm {
  /** @param {any} form @param {any} map @param {{taken: (answer: any) => void, known: () => any[], open: (id: string) => void}} on */
  constructor(form, map, on) {
    this.form = form;
    this.map = map;
    this.on = on;
    this.key = newKey();
    /** @type {{lat: number|null, lon: number|null}} */
    this.place = { lat: null, lon: null };
    this.marker = null;
    this.found = h('div', { role: 'listbox', id: 'addresses', class: 'suggestions', hidden: true });
    this.repeat = h('div', { class: 'repeat', role: 'status', 'aria-live': 'polite' });
    this.placed = h('p', { class: 'soft', id: 'placed' });
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.build();
    map.on('click', (/** @type {any} */ e) => this.put(e.latlng.lat, e.latlng.lng, true));
    form.addEventListener('submit', (/** @type {SubmitEvent} */ e) => { e.preventDefault(); this.send(); });
    this.clear();
  }

  build() {
    const input = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ more = {}) => h('div', { class: 'field' }, h('label', { htmlFor: name }, label), h('input', { id: name, name, ...more }));
    const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ choices) => h('div', { class: 'field' }, h('label', { htmlFor: name }, label), h('select', { id: name, name, required: true }, choices.map(([value, text]) => h('option', { value }, text))));
    this.address = h('input', { id: 'address', name: 'address', required: true, role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'addresses', 'aria-autocomplete': 'list', maxLength: 200 });
    fill(this.form,
      h('div', { class: 'field wide' }, h('label', { htmlFor: 'address' }, t('Address (type to search, or pick on the map)')), this.address, this.found, this.placed),
      this.repeat,
      select('fault_type', t('Fault'), options('fault_types')), select('voltage', t('Voltage'), options('voltages')),
      input('customer_phone', t('Customer\'s phone'), { type: 'tel', maxLength: 40 }), input('customer_name', t('Customer\'s name'), { maxLength: 200 }),
      h('div', { class: 'field wide' }, h('label', { htmlFor: 'description' }, t('What the customer says')), h('textarea', { id: 'description', name: 'description', rows: 2, maxLength: 2000 })),
      select('channel', t('Channel'), options('channels')),
      h('div', { class: 'field buttons' }, h('button', { type: 'submit', class: 'primary', id: 'take', title: 'Alt+Enter' }, t('Call ended: take it'), ' ', h('kbd', {}, 'Alt+Enter')), h('button', { type: 'button', on: { click: () => this.clear() } }, t('Clear'))),
      this.problem);
    this.address.addEventListener('input', () => this.search());
    this.address.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => this.keys(e));
    this.address.addEventListener('blur', () => setTimeout(() => this.hide(), 150));
    this.form.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => { if (e.key === 'Enter' && e.altKey) { e.preventDefault(); this.form.requestSubmit(); } });
  }

  search() {
    this.place = { lat: null, lon: null };
    this.shown();
    clearTimeout(this.timer);
    const q = this.address.value.trim();
    if (!q) { this.hide(); return; }
    this.timer = setTimeout(async () => {
      const answers = await get(`/api/addresses?q=${encodeURIComponent(q)}`).catch(() => []);
      if (this.address.value.trim() !== q) return;
      this.answers = answers;
      this.at = -1;
      fill(this.found, answers.map((/** @type {any} */ one, /** @type {number} */ i) => h('div', { role: 'option', id: `address-${i}`, 'aria-selected': 'false', on: { mousedown: (/** @type {Event} */ e) => { e.preventDefault(); this.choose(i); } } }, this.named(one))));
      this.found.hidden = !answers.length;
      this.address.setAttribute('aria-expanded', String(answers.length > 0));
    }, 120);
  }

  /** @param {any} one */
  named(one) { return page.language.startsWith('zh') ? one.address_zh || one.address : one.address; }

  /** @param {KeyboardEvent} e */
  keys(e) {
    const n = this.answers?.length ?? 0;
    if (this.found.hidden || !n) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      this.at = ((this.at ?? -1) + (e.key === 'ArrowDown' ? 1 : n - 1) + (this.at === -1 && e.key === 'ArrowUp' ? 1 : 0)) % n;
      [...this.found.children].forEach((c, i) => c.setAttribute('aria-selected', String(i === this.at)));
      this.address.setAttribute('aria-activedescendant', `address-${this.at}`);
    } else if (e.key === 'Enter' && !e.altKey) {
      e.preventDefault();
      this.choose(Math.max(0, this.at ?? 0));
    } else if (e.key === 'Escape') this.hide();
  }

  hide() {
    this.found.hidden = true;
    this.address.setAttribute('aria-expanded', 'false');
    this.address.removeAttribute('aria-activedescendant');
  }

  /** @param {number} i */
  choose(i) {
    const one = this.answers[i];
    this.address.value = this.named(one);
    this.hide();
    this.put(one.lat, one.lon, false);
    this.form.fault_type.focus();
  }

  /** @param {number} lat @param {number} lon @param {boolean} picked */
  put(lat, lon, picked) {
    this.place = { lat, lon };
    if (picked && !this.address.value) this.address.value = t('Place on the map {lat}, {lon}', { lat: lat.toFixed(5), lon: lon.toFixed(5) });
    this.marker?.remove();
    this.marker = L.marker([lat, lon], { keyboard: false, icon: L.divIcon({ className: 'pin', html: h('span', { 'aria-hidden': 'true' }, '✚'), iconSize: [28, 28] }) }).addTo(this.map);
    if (!picked) this.map.setView([lat, lon], Math.max(this.map.getZoom(), 14));
    this.shown();
  }

  shown() {
    const { lat, lon } = this.place;
    fill(this.placed, lat === null || lon === null ? t('No place yet: choose an address, or click on the map. Without a place a person has to decide who is responsible.') : t('Place: {lat}, {lon}', { lat: lat.toFixed(5), lon: lon.toFixed(5) }));
    const found = repeats(this.on.known(), { lat, lon, address: this.address?.value ?? '' });
    fill(this.repeat, found.map((o) => h('div', { class: 'panel warn' }, h('strong', {}, t('This place has an open order: {order}', { order: o.id })), ' ', word('states', o.state), '. ', t('The call will join it; tell the customer how far it is.'), ' ', h('button', { type: 'button', on: { click: () => this.on.open(o.id) } }, t('Show order')))));
  }

  async send() {
    const values = /** @type {Record<string, any>} */ (Object.fromEntries(new FormData(this.form)));
    if (this.place.lat !== null) Object.assign(values, this.place);
    this.problem.hidden = true;
    this.form.querySelector('#take').disabled = true;
    try {
      const answer = await request('POST', '/api/calls', values, { key: this.key });
      this.clear();
      this.on.taken(answer);
    } catch (error) {
      fill(this.problem, explain(error));
      this.problem.hidden = false;
      if (/** @type {any} */ (error).facts?.why === 'key_reused') this.key = newKey(); // pressed once more, it is a call of its own
    } finally {
      this.form.querySelector('#take').disabled = false;
    }
  }

  clear() {
    this.form.reset();
    this.key = newKey();
    this.marker?.remove();
    this.place = { lat: null, lon: null };
    this.problem.hidden = true;
    this.hide();
    this.shown();
    this.address.focus();
  }
}
