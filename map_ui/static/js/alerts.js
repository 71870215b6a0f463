// @ts-check
/** Alerts: shown above everything and heard until somebody acknowledges them. */
import { isNews, ordered, QUIET, rank } from './alert_order.js';
import { alertAbout, alertTitle, titles, urgency } from './alert_words.js';
import { explain, post } from './api.js';
import { byId, fill, h, say } from './dom.js';
import { seenBy, settledBy } from './order_words.js';
import { shortTime, t } from './page.js';
import { ask, notice } from './shell.js';
import { audible, play } from './sound.js';
import { word } from './vocabulary.js';

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
    /** What the strip showed last, and since when it says that. @type {import('./alert_order.js').Line|undefined} */
    this.shown = undefined;
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
      const [{ alerts: [first] }] = ordered(fresh);
      say(byId('alert-voice'), [alertTitle(first), this.about(first)].filter(Boolean).join(' · '));
    }
    this.strip();
    const count = document.getElementById('alert-count');
    const panel = document.getElementById('alert-list');
    if (!count || !panel) return;
    count.hidden = !this.waiting.length;
    say(count, String(this.waiting.length));
    const done = all.filter((a) => a.acknowledged_at);
    fill(panel, all.length ? h('ul', { class: 'alerts' }, ordered(this.waiting).map((line) => this.row(line)), done.map((a) => this.over(a)))
      : h('p', { class: 'empty' }, t('No alerts. What nobody answers shows here.')));
  }

  /** Which order, where, and what. @param {import('./board_state.js').Alert} alert */
  about(alert) { return alertAbout(alert, this.on.address?.(alert.order_id)); }

  /** The most urgent line, the oldest of those. Where it says something new, nobody has read that yet. */
  first() {
    const first = ordered(this.waiting)[0];
    if (this.shown && isNews(this.shown, first)) this.since = performance.now();
    return this.shown = first;
  }

  /** Acknowledge what the strip shows, by its button or a key: those alerts and no others. */
  acknowledgeFirst() {
    const first = this.first();
    if (first && performance.now() - this.since > READ_MS) this.acknowledge(first.alerts);
  }

  strip() {
    const strip = byId('alert-strip');
    strip.hidden = !this.waiting.length;
    const first = this.first();
    if (!first) return fill(strip);
    const { alerts: [oldest], alerts } = first, more = this.waiting.length - alerts.length;
    return fill(strip, urgency(first.rank), h('strong', {}, titles(alerts)), h('span', { class: 'cut' }, this.aboutAll(alerts)),
      h('time', {}, shortTime(oldest.raised_at)),
      audible() ? null : h('span', { class: 'chip warn' }, t('Sound starts after the first key or click')),
      h('span', { class: 'grow' }),
      more ? h('span', { class: 'chip' }, t('{n} more', { n: more })) : null,
      oldest.order_id ? h('button', { type: 'button', on: { click: () => this.on.open(oldest.order_id) } }, t('Show order')) : null,
      h('button', { type: 'button', class: 'primary', on: { click: () => this.acknowledgeFirst() } }, t('Acknowledge')),
      more ? h('button', { type: 'button', on: { click: () => this.acknowledgeAll() } }, t('Acknowledge all')) : null);
  }

  /** One alert's facts, or of which order how many. @param {import('./board_state.js').Alert[]} alerts */
  aboutAll(alerts) {
    const [first] = alerts;
    if (alerts.length === 1) return this.about(first);
    return [t('{order}: {n} alerts', { order: first.order_id, n: alerts.length }), this.on.address?.(first.order_id)].filter(Boolean).join(' · ');
  }

  /** @param {import('./alert_order.js').Line} line */
  row({ rank: urgent, alerts }) {
    const [{ order_id: order }] = alerts;
    return h('li', { class: 'open' }, urgency(urgent), alerts.map((a) => [
      h('div', {}, h('strong', {}, alertTitle(a)), ' ', h('time', { class: 'soft' }, shortTime(a.raised_at))),
      h('div', { class: 'soft' }, this.about(a))]),
    advice(alerts[0]),
    h('div', { class: 'buttons' }, this.opener(order),
      h('button', { type: 'button', class: 'primary', on: { click: () => this.acknowledge(alerts) } }, alerts.length > 1 ? t('Acknowledge {n}', { n: alerts.length }) : t('Acknowledge'))));
  }

  /** One that was acknowledged, or whose cause has gone. @param {import('./board_state.js').Alert} alert */
  over(alert) {
    const who = seenBy(alert.acknowledged_by);
    return h('li', { class: 'done' },
      h('div', {}, h('strong', {}, alertTitle(alert)), ' ', h('time', { class: 'soft' }, shortTime(alert.raised_at))),
      h('div', { class: 'soft' }, this.about(alert)),
      h('div', { class: 'buttons' }, this.opener(alert.order_id),
        h('span', { class: 'soft' }, alert.settled ? t('Over: {step} ({who})', { step: settledBy(alert.settled), who }) : t('Acknowledged by {who}', { who }))));
  }

  /** @param {string} order */
  opener(order) {
    return order ? h('button', { type: 'button', on: { click: () => this.on.open(order) } }, t('Show order')) : null;
  }

  /** @param {import('./board_state.js').Alert[]} alerts */
  async acknowledge(alerts) {
    await Promise.all(alerts.map((one) => post(`/api/alerts/${encodeURIComponent(one.id)}/acknowledge`).then(this.on.changed, (error) => notice(explain(error), 'bad'))));
  }

  /** Those that are shown when it is asked: none that comes while somebody reads. */
  async acknowledgeAll() {
    const meant = [...this.waiting];
    const list = [...new Set(meant.map(alertTitle))].join(' · ');
    if (await ask({ title: t('Acknowledge {n} alerts?', { n: meant.length }), text: list, confirm: t('Acknowledge all'), danger: true })) await this.acknowledge(meant);
  }

  ring() {
    if (!this.waiting.length) return;
    play(this.waiting.some((a) => rank(a) < QUIET) ? [880, 660, 880, 660] : [660, 660]);
  }
}
