// @ts-check
/** Orders on the map: the minutes that are left, in a shape and colour of their urgency. */
import { arrived, over, remaining } from './board_state.js';
import { level, minutes } from './countdown.js';
import { enlarged, h, say } from './dom.js';
import { t } from './page.js';

const L = /** @type {any} */ (globalThis).L;

export class OrderMarkers {
  /** @param {any} map @param {(id: string) => void} pick */
  constructor(map, pick) {
    this.map = map;
    this.pick = pick;
    /** @type {Map<string, {marker: any, badge: HTMLElement, key: string}>} */
    this.all = new Map();
    this.selected = '';
  }

  /** @param {Map<string, import('./board_state.js').Order>} orders @param {number} now */
  show(orders, now) {
    for (const [id, { marker }] of this.all) {
      const order = orders.get(id);
      if (order && !over(order)) continue;
      marker.remove();
      this.all.delete(id);
    }
    for (const order of orders.values()) {
      if (over(order) || order.lat === null || order.lon === null || order.lat === undefined) continue;
      const one = this.all.get(order.id) ?? this.add(order);
      const left = remaining(order, now);
      const kind = arrived(order) ? 'scene' : level(left);
      const text = arrived(order) ? '✓' : minutes(left);
      say(one.badge, text);
      const look = `order-mark ${kind}${order.id === this.selected ? ' selected' : ''}`;
      if (one.badge.className !== look) one.badge.className = look;
      const label = arrived(order) ? t('{address}: crew on scene', { address: order.address })
        : t('{address}: {minutes} min left', { address: order.address, minutes: text });
      if (one.key !== label) {
        one.key = label;
        one.marker.getElement()?.setAttribute('aria-label', label);
        one.marker.getElement()?.setAttribute('title', label);
      }
    }
  }

  /** @param {import('./board_state.js').Order} order */
  add(order) {
    const badge = h('span', { class: 'order-mark' });
    const unit = enlarged();
    const icon = L.divIcon({ className: 'order-holder', html: badge, iconSize: [34 * unit, 26 * unit], iconAnchor: [17 * unit, 30 * unit] });
    const marker = L.marker([order.lat, order.lon], { icon, riseOnHover: true }).addTo(this.map);
    marker.on('click', () => this.pick(order.id));
    marker.on('keypress', (/** @type {any} */ e) => { if (e.originalEvent.key === 'Enter') this.pick(order.id); });
    const one = { marker, badge, key: '' };
    this.all.set(order.id, one);
    return one;
  }

  /** @param {string} id */
  select(id) {
    this.selected = id;
    for (const [one, { marker }] of this.all) marker.setZIndexOffset(one === id ? 1000 : 0);
  }
}
