// @ts-check
/** Who could go: ranked crews with arrival time, chance to keep the promise and the reason; keys or mouse. */
import { explain, get } from './api.js';
import { fill, h } from './dom.js';
import { named, shortTime, t } from './page.js';
import { look } from './assign.js';
import { effectsBox, placed } from './effects.js';
import { statusName } from './vocabulary.js';
import { whyNot } from './why_not.js';

/** How old arrivals and effects may become while nobody decides. */
const AGAIN_MS = 30_000;

/** Why a crew stands where it stands. @param {any} one a ranked crew @returns {string} */
export function because(one) {
  const terms = one.terms ?? {};
  const parts = [one.behind ? t('after {n} [order|orders] aboard', { n: one.behind }) : t('free at once')];
  if (terms.kept_bonus_s) parts.push(t('already meant for it'));
  return parts.join(' · ');
}

/** When it would be there, and the chance that this is in time; of an order without a place nothing. @param {any} one */
function numbers(one) {
  if (one.eta_seconds === undefined) return h('div', { class: 'numbers soft' }, t('arrival unknown'));
  const chance = Math.round(100 * one.chance_to_keep);
  return h('div', { class: 'numbers' }, h('div', { class: 'eta' }, t('{n} min', { n: Math.round(one.eta_seconds / 60) })), h('div', { class: 'soft' }, shortTime(one.arrival)), h('div', { class: chance >= 80 ? 'good' : chance >= 40 ? 'soon' : 'late' }, t('{n} % in time', { n: chance })));
}

/** The list of crews for one dispatch of an order: one element, whatever becomes of the page around it. */
export class CandidateList {
  /**
   * @param {import('./board_state.js').Order} order @param {string} step dispatch or reassign @param {import('./board_state.js').Board} board
   * @param {{choose: (crewId: string, place: number|null) => void, cancel: () => void, place: () => void, without: string, name: (orderId: string) => string}} on `without`: the crew that has it; `place`: the order has none, pick one first
   */
  constructor(order, step, board, on) {
    this.order = order;
    this.step = step;
    this.board = board;
    this.on = on;
    /** @type {any[]} */
    this.ranked = [];
    /** @type {HTMLElement[]} */
    this.items = [];
    /** Where crews stood when they were ranked, or were not considered. @type {Map<string, string>} */
    this.stood = new Map();
    /** The crew that Enter means; empty: none, it is not in the list any more. */
    this.crew = '';
    /** @type {number|null} in the sequence of the crew, from 1; null: last */
    this.place = null;
    this.asked = this.told = 0;
    this.since = performance.now();
    this.ready = this.behind = false;
    this.from = document.activeElement;
    this.effects = h('div', { class: 'effects-here', 'aria-live': 'polite' });
    this.list = h('div', { role: 'listbox', 'aria-label': t('Crews for {order}', { order: order.id }), tabindex: '0', class: 'ranked', on: { keydown: (/** @type {KeyboardEvent} */ e) => this.key(e), pointerleave: () => { if (this.behind) this.refresh(); } } });
    this.box = h('div', { class: 'candidates', 'aria-busy': 'true' }, h('p', { class: 'soft' }, t('Looking for crews…')));
    this.load();
  }

  /** Where crews stand. @param {Iterable<string>} ids of them @returns {Map<string, string>} */
  standing(ids) {
    return new Map([...ids].map((id) => {
      const crew = this.board.crews.get(id);
      return [id, `${crew?.status}/${crew?.stack?.map((s) => s.order_id)}`];
    }));
  }

  /** Whether what is shown has grown old, and nobody is dragging or has the focus on something else here. */
  old() {
    const at = document.activeElement;
    return performance.now() - this.since > AGAIN_MS && (at === this.list || !this.box.contains(at)) && !document.body.matches('.dragging');
  }

  /** Rank anew what has grown old, and where a crew stands otherwise than when it was ranked, or was not considered; a place in another sequence is none. */
  look() {
    const now = this.standing(this.stood.keys());
    const moved = [...now].filter(([id, where]) => this.stood.get(id) !== where).map(([id]) => id);
    const old = this.old();
    if (!this.ready || !(moved.length || this.behind || old)) return;
    this.stood = now;
    if (old) this.since = performance.now();
    if (moved.includes(this.crew)) this.place = null;
    if (old || moved.includes(this.crew)) this.tell();
    this.refresh();
  }

  /** The order or its crews have changed: rank anew, but not while somebody points at one of them. */
  refresh() {
    this.behind = this.list.matches(':hover');
    if (this.ready && !this.behind) this.load();
  }

  async load() {
    const turn = this.asked += 1;
    try {
      const answer = await get(`/api/orders/${encodeURIComponent(this.order.id)}/candidates`);
      if (turn !== this.asked) return;
      this.behind = this.ready && this.list.matches(':hover');
      if (!this.behind) this.show(answer);
    } catch (error) {
      if (this.ready && turn === this.asked) this.behind = true; // the next look asks again
      if (!this.ready) fill(this.box, h('p', { class: 'problem' }, explain(error)), h('button', { type: 'button', on: { click: this.on.cancel } }, t('Close')));
    }
  }

  /** @param {any} answer */
  show(answer) {
    this.ranked = [...answer.ranked ?? [], ...answer.able ?? []].filter((/** @type {any} */ one) => one.crew_id !== this.on.without);
    this.stood = this.standing([...this.ranked, ...answer.excluded ?? []].map((one) => one.crew_id));
    this.items = this.ranked.map((one, i) => this.item(one, i));
    const { scrollTop } = this.list;
    fill(this.list, this.items);
    const excluded = answer.excluded ?? [];
    const held = this.box.contains(document.activeElement), open = !!this.box.querySelector('details')?.open;
    fill(this.box, h('div', { class: 'row-head' }, h('h3', {}, t('Crews for this order')), h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Close'), on: { click: this.on.cancel } }, '✕')),
      answer.able?.length ? h('div', { class: 'unplaced' }, h('p', { class: 'chip warn' }, '▲ ', t('Arrival unknown: the order has no place.')), h('button', { type: 'button', class: 'small', data: { step: 'place' }, 'aria-keyshortcuts': 'p', on: { click: this.on.place } }, t('Pick the place'), ' ', h('kbd', {}, 'p'))) : straight(answer.travel_source) ? h('p', { class: 'chip warn' }, t('Travel times are straight-line estimates: no road data.')) : null,
      this.ranked.length ? [this.list, this.effects, h('p', { class: 'soft' }, t('Enter sends the order; ← → changes its place in the sequence; Esc closes.'))] : h('p', { class: 'empty' }, t('No crew can take it now.')),
      excluded.length ? h('details', { open }, h('summary', {}, t('{n} [crew|crews] not considered', { n: excluded.length })), h('ul', { class: 'excluded' }, excluded.map((/** @type {any} */ one) => h('li', {}, named(this.board.crews.get(one.crew_id)) || one.crew_id, ': ', whyNot(one))))) : null);
    const first = !this.ready;
    this.ready = true;
    this.box.removeAttribute('aria-busy');
    if (held || (first && ([this.from, document.body].includes(document.activeElement) || document.activeElement?.matches('.actions [data-step]')))) this.list.focus({ preventScroll: !first });
    this.list.scrollTop = scrollTop;
    if (first) this.select(0);
    else this.mark();
  }

  /** @param {any} one @param {number} i */
  item(one, i) {
    const crew = this.board.crews.get(one.crew_id);
    return h('div', { role: 'option', id: `cand-${i}`, class: 'candidate', 'aria-selected': 'false', data: { crew: one.crew_id }, on: { click: () => { if (this.crew !== one.crew_id) this.select(i); this.on.choose(one.crew_id, this.place); } } },
      h('b', { class: 'rank' }, i + 1), h('div', { class: 'what' }, h('div', {}, h('strong', {}, named(crew) || one.crew_id), ' ', crew ? h('span', { class: 'soft' }, statusName(crew.status), ` · ${crew.stack?.length ?? 0}/${crew.capacity}`) : null), h('div', { class: 'soft' }, because(one))),
      numbers(one));
  }

  /** Where the selected crew stands; -1: nowhere. */
  at() { return this.ranked.findIndex((one) => one.crew_id === this.crew); }

  /** @param {number} i */
  select(i) {
    this.crew = this.ranked[Math.max(0, Math.min(this.ranked.length - 1, i))]?.crew_id ?? '';
    this.place = null;
    this.mark().then(() => this.reveal());
  }

  /** Bring into view what is meant and what it would do; the crew goes before the effects where both have no room. */
  reveal() {
    for (const one of [this.effects, this.items[this.at()]]) one?.scrollIntoView({ block: 'nearest' });
  }

  /** Scroll the list alone to its item: the page around it stays where somebody reads. @param {HTMLElement} item */
  scrollTo(item) {
    const top = item.offsetTop - this.list.offsetTop;
    this.list.scrollTop = Math.min(top, Math.max(this.list.scrollTop, top + item.offsetHeight - this.list.clientHeight));
  }

  /** Show which crew is meant: still the same one, wherever it ranks now. @returns {Promise<void>} when its effects are told */
  mark() {
    const at = this.at(), lost = at < 0 && !!this.crew;
    if (at < 0) this.crew = '';
    this.items.forEach((item, n) => item.setAttribute('aria-selected', String(n === at)));
    if (at < 0) this.list.removeAttribute('aria-activedescendant'); else this.list.setAttribute('aria-activedescendant', `cand-${at}`);
    if (at >= 0) this.scrollTo(this.items[at]);
    const told = this.tell();
    if (lost) fill(this.effects, h('p', { class: 'chip warn' }, t('The crew that was chosen cannot take it any more: choose another.')));
    return told;
  }

  /** What it would do, asked of the centre. */
  async tell() {
    const { crew, place } = this;
    const turn = this.told += 1;
    if (!crew) { fill(this.effects); return; }
    const stack = (this.board.crews.get(crew)?.stack ?? []).map((s) => s.order_id);
    const preview = await look(crew, placed(stack, this.order.id, place)).catch(() => null);
    if (turn !== this.told || !preview) return;
    fill(this.effects, stack.length ? h('p', { class: 'soft' }, t('Place {n} of {all} in its sequence', { n: place ?? stack.length + 1, all: stack.length + 1 })) : null, effectsBox(preview, this.on.name));
  }

  /** @param {number} by */
  shift(by) {
    const last = (this.board.crews.get(this.crew)?.stack.length ?? 0) + 1;
    const next = Math.max(1, Math.min(last, (this.place ?? last) + by));
    this.place = next === last ? null : next;
    this.tell().then(() => this.reveal());
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    if (e.key === 'ArrowDown' || e.key === 'j') this.select(this.at() + 1);
    else if (e.key === 'ArrowUp' || e.key === 'k') this.select(this.at() - 1);
    else if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') this.shift(e.key === 'ArrowLeft' ? -1 : 1);
    else if (e.key === 'Enter' && this.crew) this.on.choose(this.crew, this.place);
    else if (e.key === 'Escape') this.on.cancel();
    else return;
    e.preventDefault();
    e.stopPropagation();
  }
}

/** @param {string|undefined} source */
export const straight = (source) => !!source && /straight|crow/.test(source);
