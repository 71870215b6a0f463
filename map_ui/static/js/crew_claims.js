// @ts-check
/** What the crew pressed beside what its vehicle's positions say, on the order's card. */
import { get } from './api.js';
import { h } from './dom.js';
import { shortTime, t } from './page.js';
import { word } from './vocabulary.js';

const AGAIN_MS = 60_000;

/** @typedef {{step: string, at: string|null, via: string, device_at: string|null, offset_s: number|null, recorded_at: string|null, gps_at: string|null, to_fault_m: number|null, fix_age_s: number|null, doubtful: boolean}} Claim */

export class Claims {
  /** @param {() => void} changed @param {() => number} [now] milliseconds that only grow */
  constructor(changed, now = () => performance.now()) {
    this.changed = changed;
    this.now = now;
    /** @type {Map<string, {version: number, asked: number, list: Claim[]}>} */
    this.known = new Map();
  }

  /** Ask for those whose story went on, or that are a minute old. @param {{id: string, version: number, state: string}[]} orders */
  async follow(orders) {
    for (const order of orders) {
      const before = this.known.get(order.id);
      if (!['en_route', 'on_scene', 'restored'].includes(order.state)) continue;
      if (before && before.version === order.version && this.now() - before.asked < AGAIN_MS) continue;
      this.known.set(order.id, { version: order.version, asked: this.now(), list: before?.list ?? [] });
      const list = await get(`/api/crew/orders/${encodeURIComponent(order.id)}/claims`).catch(() => null);
      if (!list) {
        this.known.delete(order.id);
        return;
      }
      this.known.set(order.id, { version: order.version, asked: this.now(), list });
      if (JSON.stringify(before?.list) !== JSON.stringify(list)) this.changed();
    }
  }

  /** @param {string} id */
  of(id) { return this.known.get(id)?.list ?? []; }
}

/** @param {Claim} c */
function seen(c) {
  const when = c.gps_at ? shortTime(c.gps_at) : t('not seen');
  return c.step !== 'depart' && c.to_fault_m !== null ? `${when} · ${t('{n} m from the fault', { n: Math.round(c.to_fault_m) })}` : when;
}

/** @param {Claim} c */
function said(c) {
  if (!c.at) return '–';
  return c.via === 'gps' ? t('not pressed') : shortTime(c.at);
}

/** @param {Claim[]} list @param {import('./outbox.js').Press[]} waiting presses of this order */
export function claimsTable(list, waiting) {
  const pressed = waiting.filter((one) => ['depart', 'arrive', 'restore'].includes(one.path.split('/').pop() ?? ''));
  if (!list.length && !pressed.length) return null;
  return h('table', { class: 'claims' }, h('thead', {}, h('tr', {}, h('th', {}), h('th', { scope: 'col' }, t('Pressed')), h('th', { scope: 'col' }, t('Vehicle\'s positions')))),
    h('tbody', {}, list.map((c) => h('tr', { class: c.doubtful ? 'doubtful' : '' }, h('th', { scope: 'row' }, word('steps', c.step)), h('td', {}, said(c)), h('td', {}, c.doubtful ? h('span', { 'aria-hidden': 'true' }, '▲ ') : null, seen(c), c.doubtful ? h('span', { class: 'unseen' }, ` (${t('they do not agree')})`) : null))),
      pressed.map((one) => h('tr', {}, h('th', { scope: 'row' }, one.label), h('td', {}, shortTime(one.at)), h('td', {}, t('not sent yet'))))));
}
