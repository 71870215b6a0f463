import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepsFor } from '../js/board_state.js';
import { inTurn } from '../js/call_backs.js';
import { callerState, placeWords, progress, undecided } from '../js/call_words.js';
import { folded, leftForAll } from '../js/incident.js';
import { doubts } from '../js/order_claims.js';
import { outdated } from '../js/shell.js';
import { cutOut } from '../js/sprites.js';
import { clocks, fixesOfEvents, legs, neighbour, place, span, together, until } from '../js/replay_state.js';

const at = (time) => Date.parse(`2026-03-02T${time}Z`);
const iso = (time) => new Date(at(time)).toISOString();
const order = (id, more = {}) => ({ id, state: 'at_centre', centre_id: 'east', crew_id: '', generation: 0, points: {}, removing: [], incident_id: '', reported_at: iso('10:00:00'), deadline: iso('10:45:00'), lat: 30, lon: 120, ...more });

test('every state can be read out to a caller, with the promise while there is one', () => {
  const now = at('10:20:00');
  const points = { D: iso('10:05:00'), F: iso('10:07:00'), G: iso('10:09:00') };
  assert.equal(progress(order('a'), now), 'Your report of 10:00 is at the repair centre, which is choosing a crew. It is promised to be there by 10:45.');
  assert.match(progress(order('a', { state: 'en_route', points }), now), /since 10:09\. It is promised/);
  assert.match(progress(order('a', { state: 'en_route', points }), at('10:46:00')), /We are sorry/);
  assert.equal(progress(order('a', { state: 'on_scene', points: { ...points, H: iso('10:30:00') } }), at('11:00:00')), 'The crew arrived at 10:30 and is repairing it.');
  for (const state of ['received', 'returned', 'sent', 'dispatched', 'delivered', 'acknowledged', 'restored', 'recorded', 'closed', 'cancelled', 'of-a-utility-of-its-own']) assert.ok(progress(order('a', { state, points }), now).length > 10, state);
});

test('a call is not taken before the outage, the repeat and the telephone number are decided', () => {
  const call = { phone: '', withheld: false, channel: 'phone', repeats: [{ is_open: true }], outages: [{}], join: '', apart: false, insists: false };
  assert.equal(undecided(call), 'outage');
  assert.equal(undecided({ ...call, insists: true }), 'repeat');
  assert.equal(undecided({ ...call, insists: true, apart: true }), 'phone');
  assert.equal(undecided({ ...call, join: 'W1' }), 'phone', 'who joins makes no order in an outage');
  assert.equal(undecided({ ...call, join: 'W1', withheld: true }), '');
  assert.equal(undecided({ ...call, outages: [], repeats: [{ is_open: false }], channel: 'web' }), '', 'a repaired one cannot be joined; the web has no number to ask for');
});

test('beneath the address stands whose land it is, and what to do where there is none', () => {
  const place = { lat: 30, lon: 120 };
  assert.match(placeWords(null, null, ''), /^No place yet/);
  assert.match(placeWords(null, null, 'none'), /^No address is like that\. Pick the place on the map \(Alt\+M/);
  assert.match(placeWords(null, null, 'silent'), /does not answer/);
  assert.equal(placeWords(place, null, ''), 'Place: 30.00000, 120.00000', 'the centre has not said it yet');
  assert.equal(placeWords(place, { centre: 'East', area: 'Urban' }, 'none'), 'East · Urban · Place: 30.00000, 120.00000');
  assert.match(placeWords(place, { centre: '', area: '' }, ''), /a person decides/i);
});

test('what the crew pressed and its positions do not bear out is said with the distance and the time', () => {
  const claim = { step: 'arrive', at: iso('10:30:00'), gps_at: null, to_fault_m: 3210, doubtful: true };
  assert.deepEqual(doubts([claim, { ...claim, doubtful: false }]), ['“arrive” was pressed at 10:30, 3.2 km from the fault']);
  assert.deepEqual(doubts([{ ...claim, gps_at: iso('10:41:00'), to_fault_m: 620 }]), ['“arrive” was pressed at 10:30, 620 m from the fault; by GPS it was 10:41']);
  assert.deepEqual(doubts([{ ...claim, step: 'depart', gps_at: iso('10:41:00') }]), ['“depart” was pressed at 10:30; by GPS it was 10:41']);
});

test('a notice takes the place of the one about the same order; of those that say only that it is done, two stand', () => {
  const said = (name, more = {}) => ({ name, good: true, undo: false, stays: false, ...more });
  const gone = (shown, next) => outdated(shown, next).map((one) => one.name).join();
  assert.equal(gone([said('taken', { about: 'W1' }), said('other', { about: 'W2' })], { about: 'W1', good: true }), 'taken');
  assert.equal(gone([said('a'), said('b')], { good: true }), 'a');
  assert.equal(gone([said('a'), said('b')], { good: false }), '', 'a failure is read beside them');
  const undo = said('goes', { about: 'W1', undo: true });
  assert.equal(gone([undo], { about: 'W1', good: false }), '', 'it can still be undone');
  assert.equal(gone([undo], { about: 'W1', good: true }), 'goes');
  assert.equal(gone([said('call', { about: 'W1', good: false, undo: true, stays: true })], { about: 'W1', good: true }), '', 'until somebody answers');
  assert.equal(gone([said('u', { undo: true }), ...['a', 'b', 'c'].map((name) => said(name, { good: false }))], { good: false }), 'a', 'what can be done stays longest');
});

test('a sign of the list is the shape of the map', () => {
  assert.equal(cutOut('standby', 6, 11), 'circle(6px at 11px 11px)');
  assert.equal(cutOut('away', 6, 11), 'polygon(5.00px 6.20px, 17.00px 6.20px, 11.00px 17.00px)');
});

test('an incident is one row, and an order whose leader is not on the board keeps its own', () => {
  const orders = [order('a', { incident_id: 'a' }), order('b', { incident_id: 'a', deadline: iso('10:30:00') }), order('c', { incident_id: 'elsewhere' }), order('d')];
  const { rows, behind } = folded(orders);
  assert.deepEqual(rows.map((o) => o.id), ['a', 'c', 'd']);
  assert.deepEqual(behind.get('a').map((o) => o.id), ['b']);
  assert.equal(leftForAll(orders[0], behind.get('a'), at('10:00:00')), 30 * 60_000, 'for the caller whose promise ends first');
  assert.deepEqual(stepsFor(orders[1]), []);
});

test('who is to be called again later stands last', () => {
  const callers = { a: [{ outcome: 'waiting', again_at: iso('12:00:00') }], b: [{ outcome: 'waiting', again_at: null }] };
  const ids = (now) => inTurn([{ id: 'a' }, { id: 'b' }], callers, now).map((o) => o.id);
  assert.deepEqual(ids(at('11:00:00')), ['b', 'a']);
  assert.deepEqual(ids(at('12:00:01')), ['a', 'b']);
  assert.equal(callerState({ outcome: 'waiting', tries: 2, again_at: null }), 'not reached 2 times');
});

const story = {
  order: order('a', { points: { A: iso('10:00:00'), D: iso('10:05:00'), H: iso('10:30:00') } }),
  events: [{ seq: 1, kind: 'take_call', at: iso('10:00:00') }, { seq: 2, kind: 'dispatch', at: iso('10:05:00') }, { seq: 3, kind: 'reject', at: iso('10:07:00') }, { seq: 4, kind: 'dispatch', at: iso('10:08:00') }, { seq: 5, kind: 'restore', at: iso('10:50:00') }, { seq: 6, kind: 'call_back', at: iso('18:00:00') }],
  vehicle: [{ seq: 2, device: 't-1', lat: 30, lon: 120 }, { seq: 4, device: 't-2', lat: 31, lon: 121 }],
  intervals: [{ label: 'AB', start: iso('10:00:00'), end: iso('10:05:00'), owner: 'hotline' }, { label: 'GH', start: iso('10:05:00'), end: iso('10:30:00'), owner: 'crew' }],
};

test('a replay goes from the call to the repair, with each vehicle while it had the order', () => {
  assert.deepEqual(span(story, at('20:00:00')), [at('10:00:00'), at('10:50:00')]);
  assert.deepEqual(span({ ...story, events: story.events.slice(0, 4) }, at('10:20:00')), [at('10:00:00'), at('10:20:00')]);
  assert.deepEqual(legs(story, at('10:50:00')).map((l) => [l.device, l.to]), [['t-1', at('10:07:00')], ['t-2', at('10:50:00')]]);
  assert.deepEqual(legs(story, at('10:50:00')).map((l) => l.from), [at('10:03:00'), at('10:07:00')], 'a vehicle is not shown before the one ahead of it gave the order up');
  assert.deepEqual(fixesOfEvents(story).map((f) => f.at), [at('10:05:00'), at('10:08:00')]);
});

test('between two close fixes a vehicle drives; over a gap it stays where it was seen last', () => {
  const fixes = [{ at: at('10:00:00'), lat: 30, lon: 120 }, { at: at('10:01:00'), lat: 30.1, lon: 120 }, { at: at('10:30:00'), lat: 40, lon: 120 }];
  assert.equal(place(fixes, at('09:59:59')), null);
  assert.ok(Math.abs(place(fixes, at('10:00:30')).lat - 30.05) < 1e-9);
  assert.deepEqual(place(fixes, at('10:10:00')), { lat: 30.1, lon: 120, how: 'last', age: 9 * 60_000 });
  assert.equal(until(fixes, at('10:01:00')), 2);
  const two = [{ ...fixes[0], device: 't-1' }, { ...fixes[1], device: 't-2' }];
  assert.deepEqual(place(two, at('10:00:30')), { lat: 30, lon: 120, how: 'last', age: 30_000 }, 'it does not fly from one vehicle to the next');
});

test('the clocks of a replay stop where the crew arrived', () => {
  const limits = new Map([['AB', 120], ['GH', 1680]]);
  assert.deepEqual(clocks(story, limits, at('10:03:00')), { label: 'AB', owner: 'hotline', spent: 180, limit: 120, left: 42 * 60_000, arrived: false });
  const there = clocks(story, limits, at('10:40:00'));
  assert.deepEqual([there.arrived, there.left, there.label], [true, 15 * 60_000, '']);
});

test('from event to event, and not beyond the ends', () => {
  const ends = [0, 100], moments = [10, 50];
  assert.equal(neighbour(moments, 10, 1, ends), 50);
  assert.equal(neighbour(moments, 50, -1, ends), 10);
  assert.equal(neighbour(moments, 50, 1, ends), 100);
  assert.equal(neighbour(moments, 5, -1, ends), 0);
});

test('points that would lie on each other are one mark, and none lies beyond the end', () => {
  assert.deepEqual(together({ A: iso('10:00:00'), B: iso('10:00:30'), D: iso('10:05:00'), H: iso('12:00:00') }, [at('10:00:00'), at('10:50:00')]), [{ at: at('10:00:00'), name: 'AB' }, { at: at('10:05:00'), name: 'D' }]);
});
