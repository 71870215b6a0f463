// @ts-check
/** Alerts: shown above everything and heard until somebody acknowledges them. */
import { alertAbout, alertTitle } from './alert_words.js';
import { explain, post } from './api.js';
import { byId, fill, h, say } from './dom.js';
import { shortTime, t } from './page.js';
import { ask, notice } from './shell.js';
import { audible, play } from './sound.js';
import { word } from './vocabulary.js';

const LOUD = /unanswered|promise|expedited|supervised|reject|unroutable|unreceipted/;
const REPEAT_MS = 6000;
/** Nobody reads an alert faster: a press that comes sooner was meant for the one whose place it took. */
const READ_MS = 400;

/** What can be done about it, or nothing. @param {import('./board_state.js').Alert} alert */
function advice(alert) {
  const said = word('alert_advice', alert.code);
  return said === alert.code ? null : h('div', {}, said);
}

export class Alerts {
  /** @param {{open: (orderId: string) => void, changed: (alert: any) => void, address?: (orderId: string) => string|undefined}} on `address`: of an order, where the page has it */
  constructor(on) {
    this.on = on;
    this.key = '';
    /** @type {import('./board_state.js').Alert[]} */
    this.waiting = [];
    /** The one in the strip, and when it took the place of another. */
    this.shown = 0;
    this.since = -Infinity;
    setInterval(() => this.ring(), REPEAT_MS);
    for (const type of ['pointerdown', 'keydown']) addEventListener(type, () => setTimeout(() => this.strip(), 500), { once: true });
  }

  /** @param {Map<string, import('./board_state.js').Alert>} alerts */
  show(alerts) {
    const before = new Set(this.waiting.map((a) => a.id));
    const all = [...alerts.values()].sort((a, b) => Date.parse(b.raised_at) - Date.parse(a.raised_at));
    this.waiting = all.filter((a) => !a.acknowledged_at);
    const key = JSON.stringify(all.map((a) => [a.id, a.acknowledged_at]));
    if (key === this.key) return;
    this.key = key;
    const fresh = this.waiting.filter((a) => !before.has(a.id));
    if (fresh.length) {
      this.ring();
      say(byId('alert-voice'), [alertTitle(fresh[0]), this.about(fresh[0])].filter(Boolean).join(' · '));
    }
    this.strip();
    const count = document.getElementById('alert-count');
    const panel = document.getElementById('alert-list');
    if (!count || !panel) return;
    count.hidden = !this.waiting.length;
    say(count, String(this.waiting.length));
    fill(panel, all.length ? h('ul', { class: 'alerts' }, all.map((a) => this.row(a)))
      : h('p', { class: 'empty' }, t('No alerts. What nobody answers shows here.')));
  }

  /** Which order, where, and what. @param {import('./board_state.js').Alert} alert */
  about(alert) { return alertAbout(alert, this.on.address?.(alert.order_id)); }

  /** The one in the strip: it stays until somebody has acknowledged it, whatever comes meanwhile. */
  first() {
    const first = this.waiting.find((a) => Number(a.id) === this.shown) ?? this.waiting[0];
    const id = Number(first?.id ?? 0);
    if (id !== this.shown) {
      if (this.shown) this.since = performance.now();
      this.shown = id;
    }
    return first;
  }

  /** Acknowledge the one in the strip, by its button or a key. */
  acknowledgeFirst() {
    const first = this.first();
    if (first && performance.now() - this.since > READ_MS) this.acknowledge(first);
  }

  strip() {
    const strip = byId('alert-strip');
    strip.hidden = !this.waiting.length;
    const first = this.first();
    if (!first) return fill(strip);
    return fill(strip, h('span', { class: 'sign', 'aria-hidden': 'true' }, '▲'),
      h('strong', {}, alertTitle(first)), h('span', { class: 'cut' }, this.about(first)),
      h('time', {}, shortTime(first.raised_at)),
      audible() ? null : h('span', { class: 'chip warn' }, t('Sound starts after the first key or click')),
      h('span', { class: 'grow' }),
      this.waiting.length > 1 ? h('span', { class: 'chip' }, t('{n} more', { n: this.waiting.length - 1 })) : null,
      first.order_id ? h('button', { type: 'button', on: { click: () => this.on.open(first.order_id) } }, t('Show order')) : null,
      h('button', { type: 'button', class: 'primary', on: { click: () => this.acknowledgeFirst() } }, t('Acknowledge')),
      this.waiting.length > 1 ? h('button', { type: 'button', on: { click: () => this.acknowledgeAll() } }, t('Acknowledge all')) : null);
  }

  /** @param {import('./board_state.js').Alert} alert */
  row(alert) {
    return h('li', { class: alert.acknowledged_at ? 'done' : 'open' },
      h('div', {}, h('strong', {}, alertTitle(alert)), ' ', h('time', { class: 'soft' }, shortTime(alert.raised_at))),
      h('div', { class: 'soft' }, this.about(alert)),
      advice(alert),
      h('div', { class: 'buttons' },
        alert.order_id ? h('button', { type: 'button', on: { click: () => this.on.open(alert.order_id) } }, t('Show order')) : null,
        alert.acknowledged_at ? h('span', { class: 'soft' }, t('Acknowledged by {who}', { who: alert.acknowledged_by ?? '–' }))
          : h('button', { type: 'button', class: 'primary', on: { click: () => this.acknowledge(alert) } }, t('Acknowledge'))));
  }

  /** @param {import('./board_state.js').Alert} alert */
  async acknowledge(alert) {
    try {
      this.on.changed(await post(`/api/alerts/${encodeURIComponent(alert.id)}/acknowledge`));
    } catch (error) {
      notice(explain(error), 'bad');
    }
  }

  /** Those that are shown when it is asked: none that comes while somebody reads. */
  async acknowledgeAll() {
    const meant = [...this.waiting];
    const list = [...new Set(meant.map(alertTitle))].join(' · ');
    if (await ask({ title: t('Acknowledge {n} alerts?', { n: meant.length }), text: list, confirm: t('Acknowledge all'), danger: true })) meant.forEach((a) => this.acknowledge(a));
  }

  ring() {
    if (!this.waiting.length) return;
    play(this.waiting.some((a) => LOUD.test(a.code)) ? [880, 660, 880, 660] : [660, 660]);
  }
}
