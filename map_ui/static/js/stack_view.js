// @ts-check
/** The orders of one crew in the sequence that it works them; another one by dragging, buttons or Alt and arrows. */
import { arrived, remaining } from './board_state.js';
import { figures, level } from './countdown.js';
import { h, say } from './dom.js';
import { t } from './page.js';
import { word } from './vocabulary.js';

/** The sequence with one order earlier (-1) or later (+1) (pure). @param {string[]} stack @param {string} id @param {number} by */
export function shifted(stack, id, by) {
  const at = stack.indexOf(id);
  const to = Math.max(0, Math.min(stack.length - 1, at + by));
  if (at < 0 || to === at) return [...stack];
  const after = stack.filter((one) => one !== id);
  after.splice(to, 0, id);
  return after;
}

/**
 * @param {import('./board_state.js').Crew} crew @param {import('./board_state.js').Board} board
 * @param {{open: (id: string) => void, reorder: (crewId: string, sequence: string[]) => void, act: boolean}} on `act`: whether this person may
 */
export function stackList(crew, board, on) {
  const crewId = crew.id; // no listener may keep the crew: it is told anew each minute
  const ids = crew.stack.map((one) => one.order_id);
  const many = on.act && ids.length > 1;
  /** @param {string} id @param {number} by */
  const move = (id, by) => on.reorder(crewId, shifted(ids, id, by));
  return h('ol', { class: 'aboard' }, crew.stack.map((one, i) => {
    const order = board.orders.get(one.order_id);
    return h('li', { data: { place: i + 1, ...(on.act ? { drag: one.order_id } : {}) } },
      h('span', { class: 'what' }, h('button', {
        type: 'button', class: 'link cut', id: `stack-${one.order_id}`, 'aria-keyshortcuts': many ? 'Alt+ArrowUp Alt+ArrowDown' : undefined,
        on: {
          click: () => on.open(one.order_id),
          keydown: (/** @type {KeyboardEvent} */ e) => {
            const by = e.altKey && many ? { ArrowUp: -1, ArrowDown: 1 }[e.key] : undefined;
            if (by) { e.preventDefault(); e.stopPropagation(); move(one.order_id, by); }
          },
        },
      }, order?.address ?? one.order_id), h('small', { class: 'cut', title: one.order_id }, h('b', { class: 'stack-left figures', data: { left: one.order_id } }), ' · ', order ? word('states', order.state) : one.acknowledged ? t('acknowledged') : t('not acknowledged'))),
      many ? h('span', { class: 'movers' },
        h('button', { type: 'button', class: 'icon-button', disabled: i === 0, 'aria-label': t('{order} earlier', { order: one.order_id }), on: { click: () => move(one.order_id, -1) } }, '▲'),
        h('button', { type: 'button', class: 'icon-button', disabled: i === ids.length - 1, 'aria-label': t('{order} later', { order: one.order_id }), on: { click: () => move(one.order_id, 1) } }, '▼')) : null);
  }));
}

/** Let the figures run on. @param {Element} root @param {import('./board_state.js').Board} board @param {number} now */
export function tickStacks(root, board, now) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll('[data-left]'))) {
    const order = board.orders.get(element.dataset.left ?? '');
    if (!order) continue;
    const left = remaining(order, now);
    say(element, arrived(order) ? '✓' : figures(left));
    const look = `stack-left figures ${arrived(order) ? 'scene' : level(left)}`;
    if (element.className !== look) element.className = look;
  }
}
