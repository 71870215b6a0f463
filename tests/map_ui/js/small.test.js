import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServerClock } from '../js/clock.js';
import { duration, figures, level, minutes } from '../js/countdown.js';
import { inside, namePlace } from '../js/inside.js';
import { pause } from '../js/live.js';
import { expected, Outbox, verdict } from '../js/outbox.js';
import { decode, heading } from '../js/positions.js';
import { blit } from '../js/sprites.js';

test('figures of a countdown', () => {
  assert.equal(figures(65_000), '1:05');
  assert.equal(figures(3_725_000), '1:02:05');
  assert.equal(figures(-40_000), '+0:40');
  assert.equal(minutes(119_000), '1');
  assert.equal(minutes(-61_000), '+2');
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

test('sixteen bytes a vehicle', () => {
  const view = new DataView(new ArrayBuffer(33));
  view.setUint32(0, 7, true);
  view.setInt32(4, 301234567, true);
  view.setInt32(8, -1201234567, true);
  view.setUint16(12, 9050, true);
  view.setUint8(14, 2);
  view.setUint8(15, 3);
  view.setUint32(16, 8, true);
  view.setUint16(28, 65535, true);
  view.setUint8(31, 255);
  const [one, two, ...more] = decode(view.buffer);
  assert.deepEqual(one, { no: 7, lat: 30.1234567, lon: -120.1234567, course: 90.5, status: 2, age: 15 });
  assert.equal(two.course, null);
  assert.equal(two.age, Infinity);
  assert.deepEqual(more, [], 'half a record is none');
  assert.equal(heading(null), 32);
  assert.equal(heading(359), 0);
  assert.equal(heading(90), 8);
});

test('sprites are cut at the edges and keep what is under clear pixels', () => {
  const picture = new Uint32Array(9).fill(1);
  const sprite = Uint32Array.from([0xff000002, 0, 0xff000003, 0xff000004]);
  blit(picture, 3, 3, sprite, 2, 2, 2);
  assert.deepEqual([...picture], [1, 1, 1, 1, 1, 1, 1, 1, 0xff000002]);
  blit(picture, 3, 3, sprite, 2, -1, 0);
  assert.deepEqual([...picture.slice(0, 4)], [1, 1, 1, 0xff000004]);
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

test('reconnects wait longer each time, never the same, never for ever', () => {
  assert.ok(pause(0, () => 0) >= 200);
  assert.ok(pause(0, () => 1) <= 400);
  assert.ok(pause(50, () => 1) <= 8000);
  assert.ok(pause(3, () => 0) < pause(3, () => 1));
});

const memory = () => { const kept = new Map(); return { getItem: (k) => kept.get(k) ?? null, setItem: (k, v) => kept.set(k, v) }; };
const press = (key, path, more = {}) => ({ key, path, body: {}, order: 'W1', label: path, at: '2026-03-02T10:00:00Z', ...more });

test('presses wait for the network and keep their order and keys', async () => {
  const storage = memory();
  let status = 0;
  const sent = [];
  const on = { send: async (one) => { sent.push(one.key); return { status, why: 'no' }; }, changed: () => {} };
  const box = new Outbox('carl', storage, on);
  await box.add(press('1', '/acknowledge'));
  await box.add(press('2', '/depart'));
  await box.add(press('2', '/depart'));
  assert.deepEqual(box.waiting.map((p) => p.key), ['1', '2']);
  assert.equal(expected('delivered', 'W1', box.waiting), 'en_route');
  const again = new Outbox('carl', storage, on);
  assert.deepEqual(again.waiting.map((p) => p.key), ['1', '2'], 'a killed page loses nothing');
  assert.deepEqual(new Outbox('cleo', storage, on).waiting, [], 'another crew on the same phone sees none of it');
  status = 200;
  sent.length = 0;
  await again.flush();
  assert.deepEqual(sent, ['1', '2']);
  assert.deepEqual(again.waiting, []);
});

test('what the centre refuses is told, with what rested on it; receipts are nobody\'s concern', async () => {
  const box = new Outbox('carl', memory(), { send: async (one) => (one.key === '1' || one.key === 'r' ? { status: 409, why: 'recalled' } : { status: 200 }), changed: () => {} });
  box.busy = true;
  await box.add(press('r', '/receipt', { at: '' }));
  await box.add(press('1', '/acknowledge'));
  await box.add(press('2', '/depart'));
  await box.add(press('3', '/acknowledge', { order: 'W2' }));
  box.busy = false;
  await box.flush();
  assert.deepEqual(box.refused.map((r) => r.press.key), ['1', '2']);
  assert.deepEqual(box.waiting, []);
  box.dismiss(box.refused[0]);
  assert.equal(box.refused.length, 1);
});

test('what an answer means', () => {
  assert.deepEqual([200, 201, 0, 429, 503, 401, 409, 404].map(verdict), ['done', 'done', 'again', 'again', 'again', 'stop', 'refused', 'refused']);
});
