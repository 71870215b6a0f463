// @ts-check
/** An address with its place: searched for in the utility's own addresses, or picked on the map; all by keys. */
import { get } from './api.js';
import { fill, h, say } from './dom.js';
import { page, t } from './page.js';
import { areaName, centreName } from './vocabulary.js';

const L = /** @type {any} */ (globalThis).L;
const SEARCH_MS = 120;
/** Who takes what is picked on a map: the last one that holds it. @type {WeakMap<any, PlaceField[]>} */
const holders = new WeakMap();

/** Whether what is picked on this map is somebody's place now. @param {any} map */
export const isHeld = (map) => !!holders.get(map)?.length;

/** @param {any} map */
function listen(map) {
  holders.set(map, []);
  const holder = () => holders.get(map)?.at(-1);
  map.on('click', (/** @type {any} */ e) => { const field = holder(); if (field) { field.put(e.latlng.lat, e.latlng.lng, true); field.on.picked(); } });
  map.getContainer().addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => holder()?.mapKeys(e));
}

export class PlaceField {
  /**
   * @param {any} map @param {string} prefix of the ids of its elements
   * @param {{changed: () => void, chosen: (onMap: boolean) => void, picked: () => void}} on `changed`: it is another place, or none yet; `chosen`: from the list or by the map's
   *   keys, what comes next has the focus; `picked`: with a click or a touch on the map
   * @param {typeof import('./call_words.js').placeWords} words what is said of it beneath the address
   */
  constructor(map, prefix, on, words) {
    this.words = words;
    this.map = map;
    this.on = on;
    /** @type {{lat: number|null, lon: number|null}} */
    this.place = { lat: null, lon: null };
    this.marker = null;
    /** Whether the address was chosen from the list, not typed. */
    this.listed = false;
    /** On whose land it is; null: not known (yet). @type {{centre_id: string, area_class: string}|null} */
    this.land = null;
    /** What became of the search for what is typed now. @type {''|'none'|'silent'} */
    this.searched = '';
    this.prefix = prefix;
    this.found = h('div', { role: 'listbox', id: `${prefix}addresses`, class: 'suggestions', 'aria-label': t('Addresses'), hidden: true });
    this.placed = h('p', { class: 'soft placed', id: `${prefix}placed`, role: 'status' });
    this.input = h('input', { id: `${prefix}address`, name: 'address', required: true, role: 'combobox', 'aria-expanded': 'false', 'aria-controls': `${prefix}addresses`, 'aria-autocomplete': 'list', 'aria-describedby': `${prefix}placed`, maxLength: 200 });
    this.box = h('div', { class: 'field' }, h('label', { htmlFor: `${prefix}address` }, t('Address (type to search, or Alt+M for the map)')), h('div', { class: 'search-box' }, this.input, this.found), this.placed);
    this.input.addEventListener('input', () => this.search());
    this.input.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => this.keys(e));
    this.input.addEventListener('blur', () => setTimeout(() => this.hide(), 150));
    if (!holders.has(map)) listen(map);
    this.hold();
  }

  /** What is picked on the map is this field's, until another one takes it or this one leaves. */
  hold() { this.held(this); }

  /** @param {PlaceField[]} last */
  held(...last) {
    const now = [...(holders.get(this.map) ?? []).filter((one) => one !== this), ...last];
    holders.set(this.map, now);
    this.map.getContainer().closest('.map-pane')?.classList.toggle('held', now.length > 0); // a cross in its middle for the keys
  }

  /** Gone, with its mark on the map. */
  leave() {
    clearTimeout(this.timer);
    this.marker?.remove();
    this.held();
  }

  clear() {
    this.marker?.remove();
    this.place = { lat: null, lon: null };
    this.searched = '';
    this.listed = false;
    this.hide();
    this.changed();
  }

  search() {
    this.place = { lat: null, lon: null };
    this.searched = '';
    this.listed = false;
    this.marker?.remove();
    this.changed();
    clearTimeout(this.timer);
    const q = this.input.value.trim();
    if (!q) { this.hide(); return; }
    this.timer = setTimeout(async () => {
      const found = await get(`/api/addresses?q=${encodeURIComponent(q)}`).catch(() => null);
      if (this.input.value.trim() !== q) return;
      const answers = this.answers = found ?? [];
      this.searched = !found ? 'silent' : answers.length ? '' : 'none';
      this.say();
      this.at = -1;
      fill(this.found, answers.map((/** @type {any} */ one, /** @type {number} */ i) => h('div', { role: 'option', id: `${this.prefix}address-${i}`, 'aria-selected': 'false', on: { mousedown: (/** @type {Event} */ e) => { e.preventDefault(); this.choose(i); } } }, this.named(one), this.otherName(one))));
      this.found.hidden = !answers.length || document.activeElement !== this.input;
      this.input.setAttribute('aria-expanded', String(!this.found.hidden));
    }, SEARCH_MS);
  }

  /** @param {any} one */
  named(one) { return page.language.startsWith('zh') ? one.address_zh || one.address : one.address; }

  /** @param {any} one */
  otherName(one) {
    const other = page.language.startsWith('zh') ? one.address : one.address_zh;
    return other && other !== this.named(one) ? h('small', { class: 'soft' }, ' ', other) : null;
  }

  /** @param {KeyboardEvent} e */
  keys(e) {
    const n = this.answers?.length ?? 0;
    if (this.found.hidden || !n) return;
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      e.preventDefault();
      this.at = ((this.at ?? -1) + (e.key === 'ArrowDown' ? 1 : n - 1) + (this.at === -1 && e.key === 'ArrowUp' ? 1 : 0)) % n;
      [...this.found.children].forEach((c, i) => { c.setAttribute('aria-selected', String(i === this.at)); if (i === this.at) c.scrollIntoView({ block: 'nearest' }); });
      this.input.setAttribute('aria-activedescendant', `${this.prefix}address-${this.at}`);
    } else if (e.key === 'Enter' && !e.altKey) {
      e.preventDefault();
      this.choose(Math.max(0, this.at ?? 0));
    } else if (e.key === 'Escape') {
      e.stopPropagation(); // the list is put away, and nothing else
      this.hide();
    }
  }

  /** The map's own keys move it; Enter takes the place under the cross. @param {KeyboardEvent} e */
  mapKeys(e) {
    if (e.altKey || !['Enter', 'Escape'].includes(e.key)) return;
    e.preventDefault();
    e.stopPropagation();
    if (e.key === 'Enter') { const { lat, lng } = this.map.getCenter(); this.put(lat, lng, true); }
    this.on.chosen(true);
  }

  hide() {
    this.found.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
    this.input.removeAttribute('aria-activedescendant');
  }

  /** @param {number} i */
  choose(i) {
    const one = this.answers[i];
    this.input.value = this.named(one);
    this.listed = true;
    this.hide();
    this.put(one.lat, one.lon, false);
    this.on.chosen(false);
  }

  /** @param {number} lat @param {number} lon @param {boolean} picked */
  put(lat, lon, picked) {
    this.place = { lat, lon };
    if (picked && !this.input.value) this.input.value = t('Place on the map {lat}, {lon}', { lat: lat.toFixed(5), lon: lon.toFixed(5) });
    this.marker?.remove();
    this.marker = L.marker([lat, lon], { keyboard: false, interactive: false, icon: L.divIcon({ className: 'pin', html: h('span', { 'aria-hidden': 'true' }, '✚'), iconSize: [28, 28] }) }).addTo(this.map);
    if (!picked) this.map.setView([lat, lon], Math.max(this.map.getZoom(), 14), { animate: false });
    this.changed();
  }

  changed() {
    this.land = null; // that of another place
    this.say();
    this.on.changed();
  }

  say() {
    const { lat, lon } = this.place, { land } = this;
    say(this.placed, this.words(lat === null || lon === null ? null : { lat, lon }, land && { centre: land.centre_id && centreName(land.centre_id), area: areaName(land.area_class) }, this.searched));
    this.placed.classList.toggle('settled', !!land?.centre_id);
    this.placed.classList.toggle('soon', lat === null ? !!this.searched : !!land && !land.centre_id);
  }
}
