import assert from 'node:assert/strict';
import { test } from 'node:test';
import { targetOf } from '../js/drag.js';
import { change, harmed, placed, unsure, verdict } from '../js/effects.js';
import { shifted } from '../js/stack_view.js';

const reached = (margin_s) => ({ crew_id: 'E1', at: '2026-03-02T10:00:00Z', margin_s });

test('what becomes of an order', () => {
  assert.equal(change({ before: reached(60), after: reached(-1) }), 'late');
  assert.equal(change({ before: reached(-60), after: reached(-600) }), 'later', 'it was late already');
  assert.equal(change({ before: reached(600), after: reached(60) }), 'later');
  assert.equal(change({ before: reached(60), after: reached(600) }), 'earlier');
  assert.equal(change({ before: reached(60), after: reached(50) }), 'same');
  assert.equal(change({ before: reached(60), after: null }), 'lost');
  assert.equal(change({ before: null, after: null }), 'unknown');
  assert.equal(change({ before: null, after: reached(-5) }), 'late');
});

test('harmed are the others that become late or lose their crew, never the order that is given', () => {
  const one = (order_id, role, before, after) => ({ order_id, role, before, after });
  const orders = [
    one('given', 'new', reached(5), reached(-5)), one('late', 'aboard', reached(5), reached(-5)), one('lost', 'waiting', reached(5), null),
    one('later', 'aboard', reached(500), reached(5)), one('unknown', 'aboard', null, reached(-5)),
  ];
  assert.deepEqual(harmed({ orders }).map((o) => o.order_id), ['late', 'lost']);
});

test('where an arrival cannot be said, it is neither in time nor late', () => {
  const given = { order_id: 'given', role: 'new', before: null, after: null, why: 'no_place' };
  const behind = { order_id: 'behind', role: 'aboard', before: reached(5), after: null, why: 'no_place' };
  assert.equal(change(behind), 'unknown', 'its crew still comes');
  assert.deepEqual(unsure({ orders: [given, behind, { ...behind, order_id: 'before', before: null }] }).map((o) => o.order_id), ['given', 'behind']);
  assert.deepEqual(harmed({ orders: [given, behind] }), []);
  assert.equal(verdict({ orders: [given] }), 'Cannot be said: an order has no place');
  assert.equal(verdict({ orders: [given, { ...behind, role: 'waiting', why: '' }] }), '1 other order becomes late');
  assert.equal(verdict({ orders: [{ ...behind, after: reached(5), why: '' }] }), 'No other order becomes late');
});

test('an order at a place of a sequence', () => {
  assert.deepEqual(placed(['a', 'b'], 'x', null), ['a', 'b', 'x']);
  assert.deepEqual(placed(['a', 'b'], 'x', 1), ['x', 'a', 'b']);
  assert.deepEqual(placed(['a', 'b'], 'x', 9), ['a', 'b', 'x']);
  assert.deepEqual(placed(['a', 'b', 'c'], 'c', 1), ['c', 'a', 'b'], 'one that is aboard only moves');
});

test('earlier and later in a stack', () => {
  assert.deepEqual(shifted(['a', 'b', 'c'], 'c', -1), ['a', 'c', 'b']);
  assert.deepEqual(shifted(['a', 'b', 'c'], 'a', -1), ['a', 'b', 'c']);
  assert.deepEqual(shifted(['a', 'b', 'c'], 'a', 1), ['b', 'a', 'c']);
  assert.deepEqual(shifted(['a'], 'x', 1), ['a']);
});

test('the crew and the place that something hangs over', () => {
  const at = (found) => ({ closest: (selector) => found[selector] ?? null });
  assert.equal(targetOf(null), null);
  assert.equal(targetOf(at({})), null);
  assert.deepEqual(targetOf(at({ '[data-crew]': { dataset: { crew: 'E1' } } })), { crew: 'E1', place: null });
  assert.deepEqual(targetOf(at({ '[data-crew]': { dataset: { crew: 'E1' } }, '[data-place]': { dataset: { place: '2' } } })), { crew: 'E1', place: 2 });
});
