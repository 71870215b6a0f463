import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrangeOrders, cover, emptyBoard, FILTERS, Late, put, remaining, stackPlace, stepsFor, take } from '../js/board_state.js';
import { BoardView } from '../js/board_view.js';
import { OrderMarkers } from '../js/order_markers.js';

const NOW = Date.parse('2026-03-02T10:00:00Z');
const order = (id, more = {}) => ({
  id, state: 'at_centre', centre_id: 'east', crew_id: '', generation: 0, points: {}, removing: [], deadline: '2026-03-02T10:30:00Z', address: id, ...more,
});
const how = (more) => ({ filter: 'all', text: '', now: NOW, words: (o) => `${o.id} ${o.address}`, ...more });

test('a board, then changes, then a gap', () => {
  const board = emptyBoard();
  assert.equal(take(board, { type: 'board', seq: 5, orders: [order('a')], crews: [], alerts: [] }), 'board');
  assert.equal(take(board, { type: 'changes', seq: 6, prev: 5, orders: [order('b')], gone: ['a'] }), 'changes');
  assert.deepEqual([...board.orders.keys()], ['b']);
  assert.equal(take(board, { type: 'changes', seq: 9, prev: 8, orders: [order('c')] }), 'resync');
  assert.deepEqual([...board.orders.keys()], ['b'], 'a frame after a gap changes nothing');
  assert.equal(take(board, { type: 'tick', seq: 6 }), 'tick');
  assert.equal(take(board, { type: 'tick', seq: 7 }), 'resync');
});

test('what is over does not come back to the board, and an older answer changes nothing', () => {
  const board = emptyBoard();
  put(board, order('a', { version: 3, state: 'restored' }));
  assert.equal(board.orders.size, 0);
  put(board, order('a', { version: 3 }));
  put(board, order('a', { version: 2, address: 'before' }));
  assert.equal(board.orders.get('a').address, 'a');
  put(board, order('a', { version: 4, state: 'cancelled' }));
  assert.deepEqual(arrangeOrders(board.orders.values(), how()), []);
  assert.ok(!Object.keys(FILTERS).includes('over'), 'the centre takes it off the board when it is restored');
});

test('of acknowledged alerts the last hundred stay, of others every one', () => {
  const board = emptyBoard();
  const alert = (id, done) => ({ id, raised_at: new Date(NOW + id).toISOString(), acknowledged_at: done ? new Date(NOW + id).toISOString() : null });
  take(board, { type: 'board', seq: 0, alerts: [alert(1, false), alert(2, true)] });
  for (let n = 0; n < 150; n++) take(board, { type: 'changes', seq: n + 1, prev: n, alerts: [alert(10 + n, true), alert(1000 + n, false)] });
  const all = [...board.alerts.values()];
  assert.equal(all.filter((one) => !one.acknowledged_at).length, 151);
  assert.deepEqual(all.filter((one) => one.acknowledged_at).map((one) => one.id), Array.from({ length: 100 }, (_, n) => 60 + n));
});

test('the least time comes first, arrived orders last', () => {
  const orders = [
    order('later'), order('there', { points: { H: '2026-03-02T09:50:00Z' }, deadline: '2026-03-02T09:55:00Z' }),
    order('soon', { deadline: '2026-03-02T10:05:00Z' }), order('late', { deadline: '2026-03-02T09:59:00Z' }),
  ];
  assert.deepEqual(arrangeOrders(orders, how()), ['late', 'soon', 'later', 'there']);
  assert.deepEqual(arrangeOrders(orders, how({ filter: 'late' })), ['late']);
  assert.deepEqual(arrangeOrders(orders, how({ text: ' SOO ' })), ['soon']);
});

test('who is late by time alone: not at the very deadline, and never one whose crew was there in time', () => {
  const at = Date.parse('2026-03-02T10:30:00Z'), orders = [order('there', { points: { H: '2026-03-02T09:50:00Z' }, deadline: '2026-03-02T10:05:00Z' }), order('a')];
  orders.push(order('b', { deadline: '2026-03-02T10:40:00Z' }), order('was late', { points: { H: '2026-03-02T10:10:00Z' }, deadline: '2026-03-02T10:05:00Z' }), order('done', { state: 'closed', deadline: '2026-03-02T09:00:00Z' }));
  const late = new Late(orders), moments = [NOW, at, at + 1, at + 11 * 60_000, at + 11 * 60_000];
  assert.deepEqual(moments.map((now) => late.by(now)), [1, 1, 2, 3, 3]);
  assert.deepEqual(moments.map((now) => orders.filter((one) => FILTERS.late(one, now)).length), [1, 1, 2, 3, 3], 'the same as the filter shows');
  assert.deepEqual([NOW, at, at + 1].map((now) => arrangeOrders(orders, how({ filter: 'late', now }))), [['was late'], ['was late'], ['a', 'was late']]);
});

test('an incident is late, and stands on the board, by the promise of it that ends first', () => {
  const orders = [order('lead', { crew_id: 'c1', deadline: '2026-03-02T10:50:00Z' }), order('older', { deadline: '2026-03-02T10:05:00Z' }), order('other', { deadline: '2026-03-02T10:20:00Z' })];
  const there = [order('there', { points: { H: '2026-03-02T10:10:00Z' } }), order('was late', { points: { H: '2026-03-02T10:10:00Z' }, deadline: '2026-03-02T10:05:00Z' })];
  const behind = new Map([['lead', [orders[1]]], ['there', [there[1]]]]), rows = [orders[0], orders[2], there[0]];
  const at = Date.parse('2026-03-02T10:05:00Z'), late = new Late(rows, behind);
  assert.deepEqual([NOW, at, at + 1].map((now) => late.by(now)), [1, 1, 2]);
  assert.deepEqual(arrangeOrders(rows, how({ filter: 'late', now: at + 1, behind })), ['lead', 'there'], 'its row says that it is overdue');
  assert.deepEqual(arrangeOrders(rows, how({ now: at, behind })), ['lead', 'other', 'there']);
});

test('a row that is drawn anew has its figures at once, seen or not: a reader of the screen may stand on it before it is', () => {
  const built = [], counted = [], row = { getAttribute: () => 'false' };
  const view = Object.assign(Object.create(BoardView.prototype), { board: emptyBoard(), behind: new Map(), rows: new Map([['a', row]]), inSight: new Set(), build: () => built.push(1), tick: () => counted.push(1) });
  const draws = (more) => { view.board.orders.set('a', order('a', more)); view.draw('a', NOW); return [built.length, counted.length]; };
  assert.deepEqual([{ version: 1 }, { version: 1 }, { version: 2 }].map(draws), [[1, 1], [1, 1], [2, 2]]);
});

const figures = () => ({ text: '', say(text) { this.text = text; } });

test('a mark on the map says the same until the next minute begins, before and after the deadline', () => {
  const one = { holder: { setAttribute() {} }, badge: {}, left: figures(), said: '', until: 0 };
  const text = (now) => { one.said = ''; OrderMarkers.prototype.draw(one, order('a'), now); return one.left.text; };
  for (const now of [NOW, NOW + 1, NOW + 29.5 * 60_000, NOW + 30 * 60_000 + 1, NOW + 31.5 * 60_000, NOW + 41.2 * 60_000]) {
    const said = text(now), { until } = one;
    assert.ok(until >= now && until - now < 60_000, `${said} until ${until - now}`);
    assert.equal(text(until), said);
    assert.notEqual(text(until + 1), said, `${said} stands on after ${until - now} ms`);
  }
});

test('many marks whose minute ends at once change a few a second, each within half a minute, none forgotten', () => {
  const orders = new Map(Array.from({ length: 120 }, (_, i) => [`${i}`, order(`${i}`, { deadline: i < 110 ? '2026-03-02T10:30:00Z' : `2026-03-02T10:30:${i - 80}Z` })]));
  const marks = Object.assign(Object.create(OrderMarkers.prototype), { orders, all: new Map([...orders.keys()].map((id) => [id, { id, holder: { setAttribute() {} }, badge: {}, left: figures(), said: '', until: 0 }])) });
  const all = [...marks.all.values()], draw = (one, now) => OrderMarkers.prototype.draw.call(marks, one, orders.get(one.id), now);
  const right = (one, now) => { const fresh = { holder: { setAttribute() {} }, badge: {}, left: figures(), said: '', until: 0 }; OrderMarkers.prototype.draw.call(marks, fresh, orders.get(one.id), now); return fresh.left.text === one.left.text; };
  all.forEach((one) => draw(one, NOW));
  marks.next = [...all].sort((a, b) => b.until - a.until);
  let wrong = 0, worst = 0;
  for (let second = 1; second <= 40 * 60; second++) {
    marks.run(NOW + 1000 * second);
    const late = all.filter((one) => !right(one, NOW + 1000 * second)).length;
    wrong = late ? wrong + 1 : 0;
    worst = Math.max(worst, wrong);
  }
  assert.ok(worst >= 1 && worst <= 6, `${worst} s behind: 110 at 20 a second are six seconds`);
  assert.equal(marks.next.length, 120);
});

test('what is left of an arrived order no longer runs', () => {
  assert.equal(remaining(order('a', { points: { H: '2026-03-02T10:10:00Z' } }), NOW + 9e6), 20 * 60_000);
});

test('rejected, half recalled and unroutable orders are queues of their own', () => {
  const queues = (one) => ['rejected', 'recalling', 'unroutable'].filter((code) => FILTERS[code](one, NOW));
  assert.deepEqual(queues(order('a', { generation: 1, last: { step: 'reject' } })), ['rejected']);
  assert.deepEqual(queues(order('a', { state: 'dispatched', generation: 2, last: { step: 'dispatch' } })), []);
  assert.deepEqual(queues(order('a', { state: 'returned' })), ['rejected']);
  assert.deepEqual(queues(order('a', { state: 'delivered', removing: ['t-1'] })), ['recalling']);
  assert.deepEqual(queues(order('a', { centre_id: '' })), ['unroutable']);
  assert.deepEqual(queues(order('a', { generation: 1, last: { step: 'recall' } })), [], 'recalled and confirmed: to dispatch');
});

test('where crews are short: stale ones and those off shift are none', () => {
  const board = emptyBoard();
  const crew = (id, trade, status, stale = false) => board.crews.set(id, { id, trade, status, stale });
  crew('1', 'meter', 'standby'); crew('2', 'meter', 'en_route'); crew('3', 'cable', 'standby', true); crew('4', 'cable', 'off_shift');
  board.orders.set('a', order('a', { trade: 'cable' }));
  board.orders.set('b', order('b', { trade: 'meter', state: 'en_route' }));
  assert.deepEqual(cover(board), [{ trade: 'cable', crews: 1, free: 0, waiting: 1 }, { trade: 'meter', crews: 2, free: 1, waiting: 0 }]);
});

test('steps follow the state', () => {
  assert.deepEqual(stepsFor(order('a')), ['dispatch', 'accept', 'return']);
  assert.deepEqual(stepsFor(order('a', { in_centre_hands: true })), ['dispatch', 'return']);
  assert.deepEqual(stepsFor(order('a', { state: 'en_route' })), ['reassign', 'recall']);
  assert.deepEqual(stepsFor(order('a', { state: 'on_scene' })), ['recall']);
  assert.deepEqual(stepsFor(order('a', { centre_id: '' })), ['route']);
});

test('the place on a vehicle', () => {
  const crews = new Map([['E1', { stack: [{ order_id: 'x' }, { order_id: 'a' }] }]]);
  assert.deepEqual(stackPlace(order('a', { crew_id: 'E1' }), crews), [2, 2]);
  assert.equal(stackPlace(order('b', { crew_id: 'E1' }), crews), null);
});
