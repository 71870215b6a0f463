import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../js/clock.js';
import { patience, pause } from '../js/live.js';
import { Fleet, heading, sentAt, world } from '../js/positions.js';
import { Stamp } from '../js/sprites.js';

const WHOLE = 1, CHANGES = 2, GONE = 255;

/** A frame as the server makes it. */
function frame(kind, now, ...vehicles) {
  const view = new DataView(new ArrayBuffer(16 + 16 * vehicles.length));
  view.setUint8(0, kind);
  view.setFloat64(8, now, true);
  vehicles.forEach(({ no, lat = 30, lon = 120, course = 65535, status = 0, age = 0 }, i) => {
    const at = 16 + 16 * i;
    view.setUint32(at, no, true);
    view.setInt32(at + 4, lat * 1e7, true);
    view.setInt32(at + 8, lon * 1e7, true);
    view.setUint16(at + 12, course, true);
    view.setUint8(at + 14, status);
    view.setUint8(at + 15, age);
  });
  return view.buffer;
}

test('a whole frame says all that is in view, changes what differs, and who is gone', () => {
  const fleet = new Fleet();
  assert.ok(fleet.take(frame(WHOLE, 50_000, { no: 7, status: 2, course: 9050, age: 3 }, { no: 8, age: 255 }, { no: 9 }), 0, 1000));
  const of = (no) => fleet.slots.get(no);
  assert.deepEqual([fleet.status[of(7)], fleet.turn[of(7)], fleet.fixed[of(7)]], [2, 8, 35_000]);
  assert.deepEqual([fleet.turn[of(8)], fleet.fixed[of(8)]], [32, -Infinity]);
  fleet.take(frame(CHANGES, 51_000, { no: 9, lat: 31 }, { no: 10 }, { no: 7, status: GONE }, { no: 99, status: GONE }), 0, 1000);
  assert.deepEqual([...fleet.slots.keys()].sort((a, b) => a - b), [8, 9, 10]);
  assert.ok([...fleet.slots].every(([no, slot]) => fleet.no[slot] === no && slot < fleet.count));
  assert.equal(fleet.y[of(9)], world(31, 120)[1]);
  assert.deepEqual([fleet.fixedAt(9), fleet.fixedAt(8), fleet.fixedAt(99)], [51_000, -Infinity, -Infinity]);
  fleet.take(frame(WHOLE, 52_000, { no: 1 }), 0, 1000);
  assert.deepEqual([...fleet.slots.keys()], [1], 'nobody stays who was not said');
  assert.equal(sentAt(frame(WHOLE, 52_000)), 52_000);
});

test('twenty thousand fit, and half a record is no frame', () => {
  const fleet = new Fleet();
  fleet.take(frame(WHOLE, 0, ...Array.from({ length: 20_000 }, (_, no) => ({ no, lat: no / 1000 }))), 0, 1000);
  assert.equal(fleet.count, 20_000);
  assert.equal(fleet.y[fleet.slots.get(19_999)], world(19.999, 120)[1]);
  assert.ok(!fleet.take(frame(CHANGES, 0, { no: 1 }).slice(0, 20), 0, 1000));
  assert.ok(!fleet.take(new ArrayBuffer(0), 0, 1000));
  assert.ok(Number.isNaN(sentAt(new ArrayBuffer(3))));
});

test('a vehicle glides on from where it is drawn', () => {
  const fleet = new Fleet();
  const at = (lon) => world(30, lon)[0];
  fleet.take(frame(WHOLE, 0, { no: 1, lon: 120 }), 0, 1000);
  fleet.take(frame(CHANGES, 0, { no: 1, lon: 121 }), 1000, 1000);
  fleet.take(frame(CHANGES, 0, { no: 1, lon: 122 }), 1500, 1000);
  assert.ok(Math.abs(fleet.fromX[0] - at(120.5)) < 1e-12);
  assert.equal(fleet.x[0], at(122));
});

test('the world is Web Mercator', () => {
  assert.deepEqual(world(0, 0).map((v) => Math.round(v * 1e9)), [5e8, 5e8]);
  assert.ok(Math.abs(world(85.0511287798, 180)[1]) < 1e-9);
  assert.deepEqual([heading(null), heading(359), heading(90)], [32, 0, 8]);
});

test('sprites keep what is under their clear pixels', () => {
  const picture = new Uint32Array(9).fill(1);
  const stamp = new Stamp(Uint32Array.from([0xff000002, 0, 0xff000003, 0xff000004]), 2);
  stamp.fit(3);
  stamp.press(picture, 4);
  assert.deepEqual([...picture], [1, 1, 1, 1, 0xff000002, 1, 1, 0xff000003, 0xff000004]);
});

test('reconnects wait longer each time, never the same; within a second of a short outage, seldom in a long one', () => {
  assert.ok(pause(0, 0, () => 0) >= 150);
  assert.ok(pause(0, 0, () => 1) <= 300);
  assert.ok(pause(3, 0, () => 0) < pause(3, 0, () => 1));
  assert.ok(pause(50, 60_000, () => 1) <= 800);
  assert.equal(pause(50, 400_000, () => 1), 4000);
  assert.equal(pause(500, 1e9, () => 1), 8000);
  assert.ok([0, 1, 2, 3].some((n) => patience(n) > patience(0)), 'a slow network gets through at the fourth try');
});

test('a message that was long on its way does not set the clock back; after a while, or a restart, it is believed', () => {
  let monotonic = 0;
  const clock = new ServerClock(() => monotonic);
  clock.hear(100_000);
  monotonic = 1000;
  clock.hear(97_000);
  assert.equal(clock.now(), 101_000);
  clock.hear(101_400);
  assert.equal(clock.now(), 101_400, 'a quicker one is believed at once');
  clock.doubt();
  clock.hear(50_000);
  assert.equal(clock.now(), 50_000, 'the server was started anew');
  monotonic = 40_000;
  clock.hear(60_000);
  assert.equal(clock.now(), 60_000, 'nothing was heard for so long that drift counts for more');
});
