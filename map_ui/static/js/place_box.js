// @ts-check
/** Where an order is, given or corrected after the call: an address or a place on the map, and what follows from it. */
import { get } from './api.js';
import { told } from './assign.js';
import { latePlaceWords } from './call_words.js';
import { fill, h, say } from './dom.js';
import { Once } from './once.js';
import { t } from './page.js';
import { PlaceField } from './place_field.js';
import { areaName, centreName } from './vocabulary.js';

/** @typedef {{id: string, address: string, lat: number|null, lon: number|null, centre_id: string, area_class: string, state?: string}} Placed */
/** @typedef {{order: Placed, land: {centre_id: string, area_class: string}}} Answer */

/** What came of a new place, and whether somebody has to act on it: nothing jumps by itself. @param {Answer} answer @returns {{text: string, act: boolean}} */
export function placeSaid({ order, land }) {
  const { id } = order, centre = centreName(order.centre_id);
  if (!order.centre_id) return { text: t('{order}: its place lies in no territory, in several, or no rule fits. Decide who is responsible.', { order: id }), act: true };
  if (!land.centre_id) return { text: t('{order}: its place lies in no territory, or in several. It stays with {centre}.', { order: id, centre }), act: true };
  if (land.centre_id !== order.centre_id) return { text: t('{order}: its place is on the land of {other}. It stays with {centre} until somebody returns it or decides otherwise.', { order: id, other: centreName(land.centre_id), centre }), act: true };
  if (land.area_class !== order.area_class) return { text: t('{order}: its place is {there}. The promise stays the one of the call: {promised}.', { order: id, there: areaName(land.area_class), promised: areaName(order.area_class) }), act: true };
  return { text: t('{order}: its place is kept. Responsible: {centre}.', { order: id, centre }), act: false };
}

/**
 * Whether it is open if what stands in the field is the address: there is a place, and the text was neither chosen from the
 * list nor is what the order has already (pure).
 * @param {string} address of the order @param {string} typed @param {{place: {lat: number|null}, listed: boolean}} field
 */
export const placeTyped = (address, typed, { place, listed }) => place.lat !== null && !listed && !!address && typed !== address;

export class PlaceBox {
  /**
   * @param {any} map @param {Placed} order @param {{done: (answer: Answer|null) => void, look: (at: 'map'|'box') => void}} on `done`: with null nothing was changed; `look`: on a
   *   narrow screen the map and the box are not in view together
   */
  constructor(map, order, on) {
    this.map = map;
    this.order = order;
    this.on = on;
    this.once = new Once();
    this.field = new PlaceField(map, 'new-', { changed: () => this.changed(), chosen: () => this.chosen(), picked: () => this.chosen() }, latePlaceWords);
    this.typed = h('input', { type: 'checkbox', id: 'new-typed', on: { change: () => this.sayAddress() } });
    this.typedWord = h('span', {});
    this.becomes = h('p', { class: 'soft', role: 'status' });
    this.unsure = h('div', { class: 'field typed', hidden: true }, h('label', {}, this.typed, ' ', this.typedWord), this.becomes);
    this.problem = h('p', { class: 'problem', role: 'alert', hidden: true });
    this.now = h('p', { class: 'soft' });
    this.save = h('button', { type: 'submit', class: 'primary', 'aria-keyshortcuts': 'Alt+Enter' }, t('Keep this place'), ' ', h('kbd', {}, 'Alt+Enter'));
    this.box = h('form', { class: 'place-box form', data: { place: order.id }, 'aria-label': t('Place of {order}', { order: order.id }), autocomplete: 'off', on: { focusin: () => this.field.hold(), submit: (/** @type {Event} */ e) => { e.preventDefault(); this.send(); }, keydown: (/** @type {KeyboardEvent} */ e) => this.keys(e) } },
      h('h3', {}, t('Where is {order}?', { order: order.id })), this.now, this.field.box, this.unsure, this.problem,
      h('div', { class: 'buttons' }, this.save, h('button', { type: 'button', 'aria-keyshortcuts': 'Alt+M', on: { click: () => this.toMap() } }, t('On the map'), ' ', h('kbd', {}, 'Alt+M')), h('button', { type: 'button', on: { click: () => this.on.done(null) } }, t('Back'), ' ', h('kbd', {}, 'Esc'))));
    this.begin();
  }

  /** From what is known: the address to be searched for, and the place to move away from. */
  begin() {
    const { address, lat, lon } = this.order;
    fill(this.now, lat === null ? t('It has no place yet. The crew cannot be led there, and nobody knows when it would arrive.') : t('Now: {address}', { address }));
    this.field.input.value = address;
    if (lat !== null && lon !== null) this.field.put(lat, lon, false);
  }

  /** It is in the page now. */
  focus() {
    this.box.scrollIntoView({ block: 'center' }); // what is found stands beneath the field
    this.field.input.focus();
    this.field.input.select();
    if (this.order.lat === null) this.field.search();
  }

  toMap() {
    this.on.look('map');
    this.map.getContainer().focus();
  }

  /** There is a place: what is left is to keep it. */
  chosen() {
    this.on.look('box');
    this.box.scrollIntoView({ block: 'nearest' });
    this.save.focus();
  }

  /** Another place, or none yet. */
  changed() {
    this.problem.hidden = true;
    this.typed.checked = false;
    this.sayAddress();
  }

  /** What was typed and not chosen may have been a search only: with a place from the map it is the address when the person says so. */
  sayAddress() {
    const typed = this.field.input.value.trim();
    this.unsure.hidden = !placeTyped(this.order.address, typed, this.field);
    say(this.typedWord, t('“{typed}” is the address', { typed }));
    say(this.becomes, this.unsure.hidden ? '' : t('The address will be: {address}', { address: this.address() }));
  }

  /** What the order's address will be. */
  address() { return this.unsure.hidden || this.typed.checked ? this.field.input.value.trim() : this.order.address; }

  /** Keys of this box go to nothing around it. @param {KeyboardEvent} e */
  keys(e) {
    if (e.key === 'Escape') this.on.done(null);
    else if (e.altKey && e.code === 'KeyM') this.toMap();
    else if (e.altKey && e.key === 'Enter') this.send();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  /** @param {string} text */
  complain(text) {
    fill(this.problem, text);
    this.problem.hidden = false;
  }

  async send() {
    const { address, lat, lon } = this.order, { place, input } = this.field;
    if (place.lat === null) { this.complain(t('Choose an address from the list, or the place on the map (Alt+M, arrows, Enter).')); input.focus(); return; }
    try {
      const answer = await this.once.post(`/api/orders/${encodeURIComponent(this.order.id)}/place`, { ...place, address: this.address(), seen: { address, lat, lon } });
      if (answer) this.on.done(answer);
    } catch (error) {
      this.complain(told(error));
      if (/** @type {any} */ (error).facts?.why === 'decided') await this.again();
    }
  }

  /** Somebody was first: what stands now, with what is chosen here still in the field. */
  async again() {
    const fresh = await get(`/api/orders/${encodeURIComponent(this.order.id)}`).catch(() => null);
    if (!fresh) return;
    this.order = fresh.order;
    fill(this.now, t('Now: {address}', { address: this.order.address }));
    this.sayAddress();
  }

  /** Gone. */
  leave() {
    this.field.leave();
    this.box.remove();
  }
}
