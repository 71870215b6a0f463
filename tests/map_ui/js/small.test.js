import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../js/clock.js';
import { duration, figures, level, minutes } from '../js/countdown.js';
import { inside, namePlace } from '../js/inside.js';

test('figures of a countdown', () => {
  assert.equal(figures(65_000), '1:05');
  assert.equal(figures(3_725_000), '1:02:05');
  assert.equal(figures(-40_000), '+0:40');
  assert.equal(minutes(119_000), '1');
  assert.equal(minutes(-61_000), '+2');
  assert.equal(minutes(-28.5 * 3_600_000), '+28 h');
  assert.equal(figures(-39 * 3_600_000 - 125_000), '+39 h 02');
  assert.equal(duration(39 * 3600 + 125), '39:02:05');
  assert.equal(level(-1), 'late');
  assert.equal(level(60_000), 'soon');
  assert.equal(level(3_600_000), 'ok');
  assert.equal(duration(null), '–');
  assert.equal(duration(133), '2:13');
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
