// @ts-check
/** Who could go: ranked crews with arrival time, chance to keep the promise and the reason; keys or mouse. */
import { explain, get } from './api.js';
import { fill, h } from './dom.js';
import { named, shortTime, t } from './page.js';
import { look } from './assign.js';
import { effectsBox, placed } from './effects.js';
import { statusName } from './vocabulary.js';
import { whyNot } from './why_not.js';

/** Why a crew stands where it stands. @param {any} one a ranked crew @returns {string} */
export function because(one) {
  const terms = one.terms ?? {};
  const parts = [one.behind ? t('after {n} order(s) aboard', { n: one.behind }) : t('free at once')];
  if (terms.kept_bonus_s) parts.push(t('already meant for it'));
  return parts.join(' · ');
}

/**
 * @param {import('./board_state.js').Order} order @param {import('./board_state.js').Board} board
 * @param {{choose: (crewId: string, place: number|null) => void, cancel: () => void, without: string, name: (orderId: string) => string}} on `without`: the crew that has it
 */
export function candidateList(order, board, on) {
  const box = h('div', { class: 'candidates', 'aria-busy': 'true' }, h('p', { class: 'soft' }, t('Looking for crews…')));
  get(`/api/orders/${encodeURIComponent(order.id)}/candidates`).then((answer) => {
    box.removeAttribute('aria-busy');
    const ranked = (answer.ranked ?? []).filter((/** @type {any} */ one) => one.crew_id !== on.without);
    const list = h('div', { role: 'listbox', 'aria-label': t('Crews for {order}', { order: order.id }), tabindex: '0', class: 'ranked' });
    const effects = h('div', { class: 'effects-here', 'aria-live': 'polite' });
    let at = 0;
    /** @type {number|null} in the sequence of the crew, from 1; null: last */
    let place = null;
    let asked = 0;
    /** What it would do, asked of the centre. */
    const tell = async () => {
      const crewId = ranked[at]?.crew_id;
      if (!crewId) return;
      const turn = asked += 1;
      const stack = (board.crews.get(crewId)?.stack ?? []).map((s) => s.order_id);
      const preview = await look(crewId, placed(stack, order.id, place)).catch(() => null);
      if (turn !== asked || !preview) return;
      fill(effects, stack.length ? h('p', { class: 'soft' }, t('Place {n} of {all} in its sequence', { n: place ?? stack.length + 1, all: stack.length + 1 })) : null, effectsBox(preview, on.name));
    };
    const items = ranked.map((/** @type {any} */ one, /** @type {number} */ i) => {
      const crew = board.crews.get(one.crew_id);
      const chance = Math.round(100 * Number(one.chance_to_keep ?? 0));
      return h('div', { role: 'option', id: `cand-${i}`, class: 'candidate', 'aria-selected': String(i === 0), data: { crew: one.crew_id }, on: { click: () => { if (at !== i) select(i); on.choose(one.crew_id, place); } } },
        h('b', { class: 'rank' }, i + 1), h('div', { class: 'what' }, h('div', {}, h('strong', {}, named(crew) || one.crew_id), ' ', crew ? h('span', { class: 'soft' }, statusName(crew.status), ` · ${crew.stack?.length ?? 0}/${crew.capacity}`) : null), h('div', { class: 'soft' }, because(one))),
        h('div', { class: 'numbers' }, h('div', { class: 'eta' }, t('{n} min', { n: Math.round(one.eta_seconds / 60) })), h('div', { class: 'soft' }, shortTime(one.arrival)), h('div', { class: chance >= 80 ? 'good' : chance >= 40 ? 'soon' : 'late' }, t('{n} % in time', { n: chance }))));
    });
    /** @param {number} i */
    const select = (i) => {
      at = Math.max(0, Math.min(items.length - 1, i));
      place = null;
      items.forEach((/** @type {HTMLElement} */ item, /** @type {number} */ n) => item.setAttribute('aria-selected', String(n === at)));
      list.setAttribute('aria-activedescendant', `cand-${at}`);
      items[at]?.scrollIntoView({ block: 'nearest' });
      tell();
    };
    /** @param {number} by */
    const shift = (by) => {
      const last = (board.crews.get(ranked[at]?.crew_id)?.stack.length ?? 0) + 1;
      const next = Math.max(1, Math.min(last, (place ?? last) + by));
      place = next === last ? null : next;
      tell();
    };
    list.append(...items);
    list.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => {
      if (e.key === 'ArrowDown' || e.key === 'j') select(at + 1);
      else if (e.key === 'ArrowUp' || e.key === 'k') select(at - 1);
      else if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') shift(e.key === 'ArrowLeft' ? -1 : 1);
      else if (e.key === 'Enter' && ranked[at]) on.choose(ranked[at].crew_id, place);
      else if (e.key === 'Escape') on.cancel();
      else return;
      e.preventDefault();
      e.stopPropagation();
    });
    const excluded = answer.excluded ?? [];
    fill(box, h('div', { class: 'row-head' }, h('h3', {}, t('Crews for this order')), h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Close'), on: { click: on.cancel } }, '✕')),
      straight(answer.travel_source) ? h('p', { class: 'chip warn' }, t('Travel times are straight-line estimates: no road data.')) : null,
      ranked.length ? [list, effects, h('p', { class: 'soft' }, t('Enter sends the order; ← → changes its place in the sequence; Esc closes.'))] : h('p', { class: 'empty' }, t('No crew can take it now.')),
      excluded.length ? h('details', {}, h('summary', {}, t('{n} crew(s) not considered', { n: excluded.length })), h('ul', { class: 'excluded' }, excluded.map((/** @type {any} */ one) => h('li', {}, named(board.crews.get(one.crew_id)) || one.crew_id, ': ', whyNot(one))))) : null);
    list.focus();
    select(0);
  }).catch((error) => fill(box, h('p', { class: 'problem' }, explain(error)), h('button', { type: 'button', on: { click: on.cancel } }, t('Close'))));
  return box;
}

/** @param {string|undefined} source */
export const straight = (source) => !!source && /straight|crow/.test(source);
