import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../js/clock.js';
import { spoken } from '../js/order_markers.js';
import { amount, duration, figures, level, minutes } from '../js/countdown.js';
import { inside, namePlace, withRoom } from '../js/inside.js';

test('figures of a countdown', () => {
  assert.equal(figures(65_000), '1:05');
  assert.equal(figures(3_725_000), '1:02:05');
  assert.equal(figures(-40_000), '+0:40');
  assert.equal(minutes(119_000), '1');
  assert.equal(minutes(-61_000), '+2');
  assert.equal(minutes(-28.5 * 3_600_000), '+28 h');
  assert.deepEqual([amount(-1), amount(-28.5 * 3_600_000), amount(28.5 * 3_600_000)], [{ n: 1, hours: false }, { n: 28, hours: true }, { n: 1710, hours: false }]);
  assert.equal(figures(-39 * 3_600_000 - 125_000), '+39 h 02');
  assert.equal(duration(39 * 3600 + 125), '39:02:05');
  assert.equal(level(-1), 'late');
  assert.equal(level(60_000), 'soon');
  assert.equal(level(3_600_000), 'ok');
  assert.equal(duration(null), '–');
  assert.equal(duration(133), '2:13');
});

test('a phone that slept goes on by as much as its own clock did, never back, and believes what it hears next', () => {
  let monotonic = 0, wall = 5_000_000; // the phone's own clock may say anything
  const clock = new ServerClock(() => monotonic, () => wall);
  clock.wake();
  assert.equal(clock.known, false, 'never heard of the centre: there is nothing to go on from');
  const pass = (awake, asleep = 0) => { monotonic += awake; wall += awake + asleep; };
  clock.hear(1_000_000);
  pass(10_000, 1_900);
  clock.wake();
  assert.equal(clock.now(), 1_010_000, 'clocks drift');
  pass(0, 3_600_000);
  clock.wake();
  clock.wake();
  assert.equal(clock.now(), 1_010_000 + 3_601_900);
  pass(5_000);
  clock.wake();
  assert.equal(clock.now(), 1_015_000 + 3_601_900);
  wall -= 7_200_000;
  clock.wake();
  assert.equal(clock.now(), 1_015_000 + 3_601_900, 'a clock that is put back moves nothing');
  clock.hear(1_016_000);
  assert.equal(clock.now(), 1_016_000, 'put forward by hand it looked the same: the centre knows');
  clock.hear(1_016_000, 10);
  pass(0, 60_000);
  clock.wake();
  assert.equal(clock.now(), 1_616_000, 'at the speed of the server');
});

test('a mark on the map says what is left, or by how much it is late', () => {
  const order = { address: '12 Harbour Road', points: {} };
  const said = [150_000, 0, -61_000, -28.5 * 3_600_000].map((left) => spoken(order, left));
  assert.deepEqual(said, ['2 min left', '0 min left', '2 min overdue', '28 h overdue'].map((one) => `12 Harbour Road: ${one}`));
  assert.equal(spoken({ ...order, points: { H: '2026-03-02T10:00:00Z' } }, -1), '12 Harbour Road: crew on scene');
});

test('the server clock runs at the speed of the server, whatever the PC says', () => {
  let monotonic = 1000;
  const clock = new ServerClock(() => monotonic);
  clock.hear('2026-03-02T10:00:00Z', 10);
  monotonic += 500;
  assert.equal(clock.now(), Date.parse('2026-03-02T10:00:05Z'));
  clock.hear('not a time');
  assert.equal(clock.now(), Date.parse('2026-03-02T10:00:05Z'));
});

test('a name is written inside its land', () => {
  const ring = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 9], [9, 9], [9, 1], [0, 1], [0, 0]];
  const [x, y] = namePlace([ring]);
  assert.ok(inside(x, y, [ring]));
  assert.ok(!inside(5, 5, [ring]), 'the middle of its box is not its own');
});

test('a name is written where it is seen, or not at all', () => {
  const ring = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]];
  const [x, y] = namePlace([ring], 16, [8, 2, 20, 9]);
  assert.ok(x >= 8 && x <= 10 && y >= 2 && y <= 9);
  assert.equal(namePlace([ring], 16, [11, 0, 20, 9]), null);
});

test('of names that would cover one another the first is shown', () => {
  const box = (left, top) => ({ left, right: left + 10, top, bottom: top + 4 });
  assert.deepEqual(withRoom([box(0, 0), box(9, 3), box(18, 2), box(0, 4), box(10, -2)]), [true, false, true, true, true]);
  assert.deepEqual(withRoom([box(9, 3), box(0, 0), box(18, 2)]), [true, false, false]);
});
