// @ts-check
/** The order board: one row an order, the least time first, keyboard as well as mouse. */
import { arrangeOrders, arrived, FILTERS, handedBack, Late, over, remaining, stackPlace, unroutable } from './board_state.js';
import { mayAct } from './may_act.js';
import { clock } from './clock.js';
import { duration, figures, level } from './countdown.js';
import { folded, leftForAll } from './incident.js';
import { arrange, byId, fill, h, Running, say } from './dom.js';
import { named, page, shortName, t } from './page.js';
import { crewName, segmentName, watchName, word } from './vocabulary.js';

/** @returns {[string, string][]} */
const filterNames = () => [
  ['all', t('Open')], ['waiting', t('To dispatch')], ['unanswered', t('Unanswered')], ['moving', t('Under way')],
  ['scene', t('On scene')], ['late', t('Late')],
];
/** Queues of their own: what came back, what has not left a vehicle yet, what is nobody's. @returns {[string, string][]} */
const queueNames = () => [['rejected', t('Rejected')], ['recalling', t('Recall pending')], ...(page.person?.centre_id ? [] : [/** @type {[string, string]} */ (['unroutable', t('Nobody responsible')])])];
/** The id of a row is this and its order's. */
const ROW = 'row-';
const URGENT = ['late', 'rejected', 'recalling', 'unroutable'];

/** Why it came back. @param {import('./board_state.js').Order} order */
function why({ last }) {
  const reason = last?.reason ? word('reasons', last.reason) : '';
  if (last?.step === 'reject') return [t('Rejected by {crew}', { crew: crewName(last.crew_id) }), reason].filter(Boolean).join(': ');
  return [last?.step === 'recall' ? t('Recalled') : t('Handed back'), reason].filter(Boolean).join(': ');
}

export class BoardView {
  /** @param {import('./board_state.js').Board} board @param {{pick: (id: string, act?: boolean) => void}} on */
  constructor(board, on) {
    this.board = board;
    this.on = on;
    this.filter = 'all';
    this.selected = '';
    /** @type {string[]} */
    this.ids = [];
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    /** @type {any[]} orders with a row of their own, whatever the filter */
    this.listed = [];
    this.late = new Late([]);
    /** How many are shown as late. */
    this.lateShown = 0;
    /** @type {Map<string, any[]>} by the order that leads an incident: those that follow it */
    this.behind = new Map();
    this.root = byId('board');
    this.search = byId('search');
    this.search.addEventListener('input', () => this.show(this.now));
    this.search.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => {
      if (e.key === 'Escape') { this.search.value = ''; this.show(this.now); this.root.focus(); }
      if (e.key === 'Enter' || e.key === 'ArrowDown') { e.preventDefault(); this.root.focus(); this.move(0); }
    });
    this.root.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.now = 0;
    this.makeFilters();
    /** The orders whose rows are seen. @type {Set<string>} */
    this.inSight = new Set();
    this.seen = new IntersectionObserver((entries) => this.look(entries), { root: this.root, rootMargin: '0px' });
  }

  /** Only the rows that are seen run on. @param {IntersectionObserverEntry[]} entries */
  look(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = target.id.slice(ROW.length);
      this.inSight.delete(id);
      if (!isIntersecting) continue;
      this.inSight.add(id);
      this.tick(id, clock.now());
    }
  }

  makeFilters() {
    this.buttons = new Map([...filterNames(), ...queueNames()].map(([code, name], i) => [code, h('button', {
      type: 'button', 'aria-pressed': String(code === this.filter), 'aria-keyshortcuts': String(i + 1), data: { filter: code }, on: { click: () => this.choose(code) },
    }, name, ' ', h('b', {}))]));
    fill(byId('filters'), filterNames().map(([code]) => this.buttons?.get(code)));
    fill(byId('queues'), queueNames().map(([code]) => this.buttons?.get(code)));
  }

  /** @param {string} filter */
  choose(filter) {
    this.filter = filter;
    this.show(this.now);
  }

  /** The n-th filter or queue, from 1. @param {number} n */
  nth(n) {
    const code = [...(this.buttons?.keys() ?? [])][n - 1];
    if (code) this.choose(code);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    /** @type {Record<string, number>} */
    const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 8, PageUp: -8, Home: -1e6, End: 1e6 };
    if (by[e.key] && !e.ctrlKey && !e.metaKey) { e.preventDefault(); this.move(by[e.key]); }
    if (e.key === 'Enter' && !this.ids.includes(this.selected)) this.move(0);
    if (e.key === 'Enter' && this.selected) { e.preventDefault(); this.on.pick(this.selected, true); }
  }

  /** @param {number} by */
  move(by) {
    if (!this.ids.length) return;
    const at = this.ids.indexOf(this.selected);
    const next = this.ids[Math.max(0, Math.min(this.ids.length - 1, at < 0 ? 0 : at + by))];
    this.on.pick(next);
    this.rows.get(next)?.scrollIntoView({ block: 'nearest' });
  }

  /** @param {import('./board_state.js').Order} order */
  words(order) {
    const crew = this.board.crews.get(order.crew_id);
    return [order.id, order.address, order.customer_name, order.customer_phone, order.crew_id, named(crew), order.description,
      word('fault_types', order.fault_type), word('trades', order.trade), word('states', order.state)].join(' ');
  }

  /** Show everything as of `now` (server time, ms). @param {number} now */
  show(now) {
    this.sort(now);
    for (const id of this.ids) this.draw(id, now);
  }

  /** Which rows, in which order, and the numbers at the filters. @param {number} now */
  sort(now) {
    this.now = now;
    const all = [...this.board.orders.values()];
    const { rows: orders, behind } = this.search.value.trim() ? { rows: all, behind: new Map() } : folded(all);
    this.behind = behind;
    this.ids = arrangeOrders(orders, { filter: this.filter, text: this.search.value, now, words: (o) => this.words(o), behind });
    this.listed = orders;
    this.late = new Late(orders, behind);
    this.lateShown = this.late.by(now);
    for (const code of this.buttons?.keys() ?? []) this.count(code, now);
    arrange(this.root, this.ids, this.rows, (id) => {
      const row = h('div', { class: 'row', role: 'option', id: `${ROW}${id}`, data: mayAct() ? { drag: id } : {}, on: { click: () => { this.root.focus(); this.on.pick(id); }, dblclick: () => this.on.pick(id, true) } });
      this.seen.observe(row);
      return row;
    });
    const empty = byId('board-empty');
    empty.hidden = this.ids.length > 0;
    this.root.classList.toggle('none', !this.ids.length);
    say(empty, orders.length ? t('No order fits this filter.') : t('No orders. A new one shows here by itself.'));
  }

  /** The number at a filter. @param {string} code @param {number} now */
  count(code, now) {
    const button = /** @type {any} */ (this.buttons?.get(code));
    const n = code === 'late' ? this.lateShown : this.listed.filter((o) => FILTERS[code](o, now)).length;
    say(button.lastElementChild, String(n));
    if (button.getAttribute('aria-pressed') !== String(code === this.filter)) button.setAttribute('aria-pressed', String(code === this.filter));
    button.classList.toggle('urgent', n > 0 && URGENT.includes(code));
  }

  /**
   * Let the figures of the rows that are seen run on: what else a second changes is who is late.
   * @param {number} now
   */
  run(now) {
    if (this.late.by(now) !== this.lateShown) {
      if (this.filter === 'late') return this.show(now);
      this.lateShown = this.late.by(now);
      this.count('late', now);
    }
    this.now = now;
    for (const id of this.inSight) this.tick(id, now);
  }

  /** Rebuild a row only where its order changed; else only its figures run on. @param {string} id @param {number} now */
  draw(id, now) {
    const row = /** @type {any} */ (this.rows.get(id));
    const order = /** @type {import('./board_state.js').Order} */ (this.board.orders.get(id));
    const crew = this.board.crews.get(order.crew_id);
    const place = stackPlace(order, this.board.crews);
    const key = `${order.version}/${order.state}/${crew?.id}/${place}/${order.watch?.fired}/${order.removing?.length}/${order.running?.label}/${order.priority}/${order.joined}/${order.incident_id}/${this.behind.get(id)?.length}`;
    const anew = row.key !== key;
    if (anew) {
      row.key = key;
      this.build(row, order, crew, place);
    }
    const chosen = id === this.selected;
    if ((row.getAttribute('aria-selected') === 'true') !== chosen) row.setAttribute('aria-selected', String(chosen));
    if (anew || this.inSight.has(id)) this.tick(id, now);
  }

  /** @param {any} row @param {import('./board_state.js').Order} order @param {import('./board_state.js').Crew|undefined} crew @param {number[]|null} place */
  build(row, order, crew, place) {
    const chips = [];
    if (unroutable(order)) chips.push(h('span', { class: 'chip bad' }, t('Nobody responsible')));
    if (handedBack(order)) chips.push(h('span', { class: 'chip bad' }, why(order)));
    if (order.state === 'returned') chips.push(h('span', { class: 'chip bad' }, t('Returned to the hotline')));
    if (order.removing?.length) chips.push(h('span', { class: 'chip warn' }, t('Recall pending on {n} [device|devices]', { n: order.removing.length })));
    if (order.watch?.fired) chips.push(h('span', { class: 'chip bad' }, t('Escalated {n} [time|times]', { n: order.watch.fired })));
    const members = this.behind.get(order.id)?.length;
    if (members) chips.push(h('span', { class: 'chip warn' }, t('Incident: {n} orders', { n: members + 1 })));
    else if (order.incident_id && order.incident_id !== order.id) chips.push(h('span', { class: 'chip' }, t('Belongs to {order}', { order: order.incident_id })));
    if (order.joined) chips.push(h('span', { class: 'chip' }, t('{n} more [call|calls]', { n: order.joined })));
    if (order.priority > 0) chips.push(h('span', { class: 'chip warn' }, t('Priority {n}', { n: order.priority })));
    [row.left, row.spent, row.due] = [new Running(), new Running(), new Running()];
    row.big = h('span', { class: 'figures' }, row.left.node);
    row.word = h('span', { class: 'figures-word' });
    row.bar = h('i', {});
    row.rung = h('span', { class: 'soft' }, row.due.node);
    row.kind = row.width = row.used = row.counted = '';
    row.long = false;
    fill(row,
      h('div', { class: 'left' }, row.big, row.word, h('span', { class: 'id' }, order.id)),
      h('div', { class: 'what' },
        h('div', { class: 'place' }, order.address),
        h('div', { class: 'by' }, crew ? h('span', { class: 'crew-chip', title: named(crew) }, shortName(crew)) : null, crew && place && place[1] > 1 ? h('span', { class: 'chip', title: t('Order {n} of {all} on this vehicle', { n: place[0], all: place[1] }) }, t('{n} of {all}', { n: place[0], all: place[1] })) : null,
          h('span', { class: 'soft cut' }, word('fault_types', order.fault_type), crew || !order.trade ? '' : ` · ${word('trades', order.trade)}`)),
        h('div', { class: 'run' }, h('span', { class: 'state' }, word('states', order.state)),
          order.running ? h('span', { class: 'segment' }, h('span', { class: 'seg', title: segmentName(order.running.label) }, order.running.label.length === 2 ? order.running.label : segmentName(order.running.label)), order.running.limit_s ? h('span', { class: 'meter' }, row.bar) : null, h('span', {}, row.spent.node)) : null),
        chips.length || order.watch ? h('div', { class: 'chips' }, chips, order.watch ? row.rung : null) : null));
  }

  /** Its figures, each written where it says something else than it did. @param {string} id @param {number} now */
  tick(id, now) {
    const row = /** @type {any} */ (this.rows.get(id)), order = this.board.orders.get(id);
    if (!row?.key || !order) return;
    if (row.counted !== order) {
      row.counted = order;
      row.since = Date.parse(order.running?.since ?? '');
      row.next = Date.parse(order.watch?.next_due ?? '');
      if (order.watch) row.rung.title = watchName(order.watch.name);
    }
    const members = this.behind.get(id);
    const left = members ? leftForAll(order, members, now) : remaining(order, now);
    const there = arrived(order);
    const kind = over(order) ? 'over' : there ? (left < 0 ? 'late' : 'scene') : level(left);
    if (row.kind !== kind) {
      row.kind = kind;
      row.className = `row ${kind}`;
      say(row.word, there ? (left < 0 ? t('arrived late') : t('arrived')) : { ok: t('in time'), soon: t('soon due'), late: t('overdue') }[level(left)]);
    }
    const text = there ? duration((Date.parse(order.points.H) - Date.parse(order.reported_at)) / 1000) : figures(left);
    row.left.say(text);
    if (row.long !== text.length > 7) row.big.classList.toggle('long', row.long = text.length > 7);
    if (order.running) {
      const spent = (now - row.since) / 1000;
      const limit = order.running.limit_s;
      row.spent.say(limit ? `${figures(1000 * spent)} / ${figures(1000 * limit)}` : figures(1000 * spent));
      const width = `${limit ? Math.min(100, Math.round((100 * spent) / limit)) : 100}%`;
      if (row.width !== width) row.bar.style.width = row.width = width;
      const used = limit && spent > limit ? 'late' : limit && spent > 0.75 * limit ? 'soon' : '';
      if (row.used !== used) row.bar.className = row.used = used;
    }
    if (order.watch) {
      const due = row.next - now;
      row.due.say(due < 0 ? t('next rung due') : t('next rung in {time}', { time: Number.isNaN(due) ? '–' : figures(due) }));
    }
  }
}
