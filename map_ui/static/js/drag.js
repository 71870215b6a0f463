// @ts-check
/**
 * Drag an order from the board, or from a crew's stack, onto a crew in the list or on the map. While it hangs over one,
 * what the drop would do stands beside it. A mouse or a pen; fingers and keys go by the list of crews.
 */
import { look } from './assign.js';
import { explain } from './api.js';
import { effectsBox, placed } from './effects.js';
import { fill, h } from './dom.js';
import { named, t } from './page.js';

const FAR_PX = 6;
const CALM_MS = 150;

/** @typedef {{crew: string, place: number|null}} Target */

/** The crew, and the place in its stack, that an element stands for. @param {Element|null} element @returns {Target|null} */
export function targetOf(element) {
  const crew = /** @type {HTMLElement|null} */ (element?.closest('[data-crew]'));
  if (!crew?.dataset.crew) return null;
  const place = /** @type {HTMLElement|null} */ (element?.closest('[data-place]'))?.dataset.place;
  return { crew: crew.dataset.crew, place: place ? Number(place) : null };
}

export class Drag {
  /** @param {import('./assign.js').Assigner} assigner @param {{begin: () => void, crewAt: (x: number, y: number) => string}} on */
  constructor(assigner, on) {
    this.assigner = assigner;
    this.on = on;
    this.id = '';
    this.key = '?';
    this.ghost = h('div', { class: 'ghost', hidden: true, 'aria-hidden': 'true' });
    document.body.append(this.ghost);
    addEventListener('pointerdown', (e) => this.press(e));
    addEventListener('pointermove', (e) => this.move(e));
    addEventListener('pointerup', (e) => this.drop(e));
    addEventListener('pointercancel', () => this.end());
    addEventListener('keydown', (e) => { if (e.key === 'Escape' && this.dragging) { e.preventDefault(); e.stopPropagation(); this.end(); } }, true);
    addEventListener('dragstart', (e) => { if (this.id) e.preventDefault(); });
    addEventListener('click', (e) => { if (this.dropped) { e.stopPropagation(); e.preventDefault(); this.dropped = false; } }, true);
  }

  /** @param {PointerEvent} e */
  press(e) {
    this.dropped = false;
    const from = /** @type {HTMLElement|null} */ (/** @type {Element} */ (e.target).closest?.('[data-drag]'));
    if (!from || e.button !== 0 || e.pointerType === 'touch') return;
    this.id = from.dataset.drag ?? '';
    this.start = { x: e.clientX, y: e.clientY };
  }

  /** @param {PointerEvent} e */
  move(e) {
    if (!this.id || !this.start) return;
    if (!this.dragging) {
      if (Math.hypot(e.clientX - this.start.x, e.clientY - this.start.y) < FAR_PX) return;
      this.dragging = true;
      document.body.classList.add('dragging');
      getSelection()?.removeAllRanges();
      this.on.begin();
      fill(this.ghost, h('b', {}, this.assigner.name(this.id)), this.said = h('div', {}, t('Drop it on a crew')));
      this.ghost.hidden = false;
    }
    e.preventDefault();
    const beside = e.clientX > innerWidth / 2 ? e.clientX - this.ghost.offsetWidth - 14 : e.clientX + 14;
    this.ghost.style.transform = `translate(${Math.max(4, beside)}px, ${Math.max(4, Math.min(innerHeight - this.ghost.offsetHeight - 8, e.clientY + 12))}px)`;
    this.over(this.under(e));
  }

  /** @param {PointerEvent} e @returns {Target|null} */
  under(e) {
    const element = document.elementFromPoint(e.clientX, e.clientY);
    const found = targetOf(element);
    if (found || !element?.closest('.map-pane')) return found;
    const crew = this.on.crewAt(e.clientX, e.clientY);
    return crew ? { crew, place: null } : null;
  }

  /** @param {Target|null} target */
  over(target) {
    const key = target ? `${target.crew}/${target.place}` : '';
    if (key === this.key) return;
    this.key = key;
    this.target = target;
    for (const old of document.querySelectorAll('.drop-here')) old.classList.remove('drop-here');
    clearTimeout(this.calm);
    if (!target) { fill(this.said, t('Drop it on a crew')); return; }
    const row = document.querySelector(`[data-crew="${CSS.escape(target.crew)}"]`);
    (target.place ? row?.querySelector(`[data-place="${target.place}"]`) : row)?.classList.add('drop-here');
    fill(this.said, `→ ${named(this.assigner.board.crews.get(target.crew)) || target.crew}`);
    this.calm = setTimeout(() => this.show(target, key), CALM_MS);
  }

  /** @param {Target} target @param {string} key */
  async show(target, key) {
    const sequence = placed(this.assigner.stack(target.crew), this.id, target.place);
    try {
      const preview = await look(target.crew, sequence);
      if (this.dragging && key === this.key) fill(this.said, `→ ${named(this.assigner.board.crews.get(target.crew)) || target.crew}`, effectsBox(preview, (id) => this.assigner.name(id)));
    } catch (error) {
      if (key === this.key) fill(this.said, explain(error));
    }
  }

  /** @param {PointerEvent} e */
  drop(e) {
    const { id, dragging } = this;
    const target = dragging ? this.under(e) : null;
    this.end();
    if (!dragging) return;
    this.dropped = true;
    setTimeout(() => { this.dropped = false; });
    if (target) this.assigner.give(id, target.crew, target.place);
  }

  end() {
    this.id = '';
    this.dragging = false;
    this.key = '?';
    clearTimeout(this.calm);
    this.ghost.hidden = true;
    document.body.classList.remove('dragging');
    for (const old of document.querySelectorAll('.drop-here')) old.classList.remove('drop-here');
  }
}
