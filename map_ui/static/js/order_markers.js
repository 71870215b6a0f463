// @ts-check
/**
 * Orders on the map: the minutes that are left, in a shape and colour of their urgency. They lie in one layer of their
 * own and are placed without transforms: five hundred of Leaflet's markers are five hundred layers for the browser to
 * put together at every frame of a drag. By keyboard, and by who does not see them, orders are reached on the board.
 */
import { arrived, over, remaining } from './board_state.js';
import { clock } from './clock.js';
import { amount, level, minutes } from './countdown.js';
import { h, Running } from './dom.js';
import { t } from './page.js';

const MINUTE_MS = 60_000;

/** So many marks change their minutes in one second. */
const AT_ONCE = 20;

/** `until`: server time in ms until which it says the same. @typedef {{id: string, holder: HTMLElement, badge: HTMLElement, left: Running, lat: number, lon: number, said: string, kind: string, until: number}} Mark */

/** What a mark says to who points at it (pure but for words). @param {import('./board_state.js').Order} order @param {number} left ms */
export function spoken(order, left) {
  const { address } = order;
  if (arrived(order)) return t('{address}: crew on scene', { address });
  const { n, hours } = amount(left);
  if (left >= 0) return t('{address}: {minutes} min left', { address, minutes: n });
  return hours ? t('{address}: {hours} h overdue', { address, hours: n }) : t('{address}: {minutes} min overdue', { address, minutes: n });
}

export class OrderMarkers {
  /** @param {any} map @param {(id: string) => void} pick */
  constructor(map, pick) {
    this.map = map;
    this.pick = pick;
    /** @type {Map<string, Mark>} */
    this.all = new Map();
    this.selected = '';
    /** @type {Map<string, import('./board_state.js').Order>} */
    this.orders = new Map();
    /** Who says something else first stands last. @type {Mark[]} */
    this.next = [];
    this.layer = h('div', { class: 'leaflet-zoom-hide order-layer', 'aria-hidden': 'true' });
    map.getPane('markerPane').append(this.layer);
    map.on('zoomend viewreset', () => { for (const one of this.all.values()) this.place(one); });
  }

  /** @param {Map<string, import('./board_state.js').Order>} orders @param {number} now */
  show(orders, now) {
    this.orders = orders;
    for (const [id, { holder }] of this.all) {
      const order = orders.get(id);
      if (order && !over(order)) continue;
      holder.remove();
      this.all.delete(id);
    }
    for (const order of orders.values()) {
      if (over(order) || order.lat === null || order.lon === null || order.lat === undefined) continue;
      const one = this.all.get(order.id) ?? this.add(order.id);
      if (one.lat !== order.lat || one.lon !== order.lon) {
        Object.assign(one, { lat: order.lat, lon: order.lon });
        this.place(one);
      }
      this.draw(one, order, now);
    }
    this.next = [...this.all.values()].sort((a, b) => b.until - a.until);
  }

  /**
   * Let their minutes run on. Those of many orders change in the same second where a storm has brought them: each has
   * its turn within half a minute, and the board counts the seconds.
   * @param {number} now
   */
  run(now) {
    for (let turns = Math.max(AT_ONCE, this.all.size / 30); turns > 0 && now > (this.next.at(-1)?.until ?? Infinity); turns--) {
      const one = /** @type {Mark} */ (this.next.pop()), order = this.orders.get(one.id);
      if (!order) continue;
      this.draw(one, order, now);
      const at = this.next.findIndex((other) => other.until <= one.until); // in a minute: near the begin
      this.next.splice(at < 0 ? this.next.length : at, 0, one);
    }
  }

  /** @param {Mark} one @param {import('./board_state.js').Order} order @param {number} now */
  draw(one, order, now) {
    const left = remaining(order, now);
    one.until = now + ((left % MINUTE_MS) + MINUTE_MS) % MINUTE_MS;
    const kind = arrived(order) ? 'scene' : level(left);
    const text = arrived(order) ? '✓' : minutes(left);
    const said = `${kind} ${text} ${order.address}`;
    if (one.said === said) return;
    one.said = said;
    one.left.say(text);
    if (one.kind !== kind) { // rarely: the minutes change a thousand times a minute
      one.kind = kind;
      one.badge.className = `order-mark ${kind}`;
      one.holder.setAttribute('data-level', kind);
    }
  }

  /** @param {string} id @returns {Mark} */
  add(id) {
    const left = new Running(), badge = h('span', { class: 'order-mark' }, left.node);
    const holder = h('div', { class: 'order-holder', on: { pointerenter: () => this.tell(id, holder), click: (/** @type {Event} */ e) => {
      e.stopPropagation();
      if (!this.map.dragging.moved()) this.pick(id);
    } } }, badge);
    holder.classList.toggle('selected', id === this.selected);
    this.layer.append(holder);
    const one = { id, holder, badge, left, lat: NaN, lon: NaN, said: '', kind: '', until: 0 };
    this.all.set(id, one);
    return one;
  }

  /** What it means, to who points at it: a thousand of them are not written anew each minute for nobody. @param {string} id @param {HTMLElement} holder */
  tell(id, holder) {
    const order = this.orders.get(id);
    if (order) holder.title = spoken(order, remaining(order, clock.now()));
  }

  /** Its point stands on the place. @param {Mark} one */
  place({ holder, lat, lon }) {
    const { x, y } = this.map.latLngToLayerPoint([lat, lon]);
    Object.assign(holder.style, { left: `${x}px`, top: `${y}px` });
  }

  /** @param {string} id */
  select(id) {
    this.selected = id;
    for (const [one, { holder }] of this.all) holder.classList.toggle('selected', one === id);
  }
}
