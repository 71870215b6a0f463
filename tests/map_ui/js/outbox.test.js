import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pressOf, receiptOf } from '../js/crew_presses.js';
import { expected, Outbox, stands, verdict } from '../js/outbox.js';

/** A store that outlives its page. */
const disk = () => {
  let rows = [], number = 0;
  return {
    all: async (owner) => structuredClone(rows.filter((one) => one.owner === owner)),
    put: async (one) => {
      const at = rows.findIndex((row) => row.key === one.key);
      if (at < 0) rows.push({ ...one, no: ++number });
      else rows[at] = { ...one, no: rows[at].no };
    },
    drop: async (keys) => { rows = rows.filter((row) => !keys.includes(row.key)); },
  };
};
const press = (key, path, more = {}) => ({ key, path, body: {}, order: 'W1', label: path, at: '2026-03-02T10:00:00Z', ...more });
const on = (send, more = {}) => ({ send, changed: () => {}, trouble: (error) => { throw error; }, ...more });
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

test('presses wait for the network and keep their order and keys', async () => {
  const store = disk();
  let status = 0;
  const sent = [];
  const acts = on(async (one) => { sent.push(one.key); return { status, why: 'no' }; });
  const box = new Outbox('carl', store, acts);
  await box.add(press('1', '/acknowledge'));
  await box.add(press('2', '/depart'));
  await box.add(press('2', '/depart'));
  await settled();
  assert.deepEqual(box.waiting.map((p) => p.key), ['1', '2']);
  assert.equal(expected('delivered', 'W1', box.waiting), 'en_route');
  const again = new Outbox('carl', store, acts);
  await again.load();
  assert.deepEqual(again.waiting.map((p) => p.key), ['1', '2'], 'a killed page loses nothing');
  const other = new Outbox('cleo', store, acts);
  await other.load();
  assert.deepEqual(other.waiting, [], 'another crew on the same phone sees none of it');
  status = 200;
  sent.length = 0;
  await again.flush();
  assert.deepEqual(sent, ['1', '2']);
  assert.deepEqual(again.waiting, []);
  await again.load();
  assert.deepEqual(again.waiting, [], 'what was taken is kept no longer');
});

test('it is kept before it is shown, and shown before it is sent', async () => {
  const said = [];
  const store = { ...disk(), put: async () => { await settled(); said.push('kept'); } };
  const box = new Outbox('carl', store, on(async () => { said.push('sent'); return { status: 200 }; }, { changed: () => said.push('shown') }));
  await box.add(press('1', '/acknowledge'));
  assert.deepEqual(said.slice(0, 3), ['kept', 'shown', 'sent']);
});

test('a phone that cannot keep it says so, and sends it all the same', async () => {
  const store = { all: async () => { throw new Error('full'); }, put: async () => { throw new Error('full'); }, drop: async () => { throw new Error('full'); } };
  const troubles = [], sent = [];
  const box = new Outbox('carl', store, on(async (one) => { sent.push(one.key); return { status: 200 }; }, { trouble: (error) => troubles.push(error.message) }));
  await box.load();
  await box.add(press('1', '/acknowledge'));
  await settled();
  assert.deepEqual(sent, ['1']);
  assert.equal(troubles[0], 'full');
  assert.deepEqual(box.waiting, []);
});

test('what the centre refuses is told, with what rested on it, also after the page was killed; receipts are nobody\'s concern', async () => {
  const store = disk();
  const acts = on(async (one) => (one.key === '1' || one.key === 'r' ? { status: 409, why: 'recalled', facts: { state: 'at_centre' } } : { status: 200 }));
  const box = new Outbox('carl', store, acts);
  box.busy.add(undefined).add('photo');
  await box.add(press('r', '/receipt', { at: '' }));
  await box.add(press('1', '/acknowledge'));
  await box.add(press('2', '/depart'));
  await box.add(press('p', '/photos', { lane: 'photo' }));
  await box.add(press('3', '/acknowledge', { order: 'W2' }));
  box.busy.clear();
  await box.flush();
  assert.deepEqual(box.refused.map((r) => r.press.key), ['1', '2']);
  assert.deepEqual(box.waiting, [], 'the photo rested on nothing');
  const again = new Outbox('carl', store, acts);
  await again.load();
  assert.deepEqual(again.refused.map((r) => [r.press.key, r.why, r.facts.state]), [['1', 'recalled', 'at_centre'], ['2', 'recalled', 'at_centre']]);
  await again.dismiss(again.refused[0]);
  await again.load();
  assert.deepEqual(again.refused.map((r) => r.press.key), ['2']);
});

test('a press that was taken before its order went to others is no conflict', async () => {
  const box = new Outbox('carl', disk(), on(async () => ({ status: 409, facts: { taken: true, why: 'not_yours' } })));
  await box.add(press('1', '/depart'));
  await settled();
  assert.deepEqual([box.waiting, box.refused], [[], []]);
});

test('a step that positions or another device took first stands, and what was pressed after it goes on', async () => {
  const sent = [];
  let net = false;
  const box = new Outbox('carl', disk(), on(async (one) => {
    if (!net) return { status: 0 };
    sent.push(one.key);
    return one.key === 'a' ? { status: 409, why: 'already', facts: { why: 'already', step: 'arrive', state: 'on_scene' } } : { status: 200 };
  }));
  for (const [key, path] of [['a', '/arrive'], ['b', '/restore'], ['c', '/record']]) await box.add(press(key, path));
  await settled();
  net = true;
  await box.flush();
  assert.deepEqual([sent, box.waiting, box.refused], [['a', 'b', 'c'], [], []]);
});

test('which refusals say that the step stands', () => {
  const of = (path, facts, status = 409, more = {}) => stands(press('k', `/api/crew/orders/W1/${path}`, more), { status, facts });
  assert.ok(of('arrive', { why: 'already', state: 'restored' }));
  assert.ok(of('depart', { step: 'depart', state: 'on_scene' }), 'arrived without having departed: the order is past it');
  assert.ok(of('depart', { step: 'depart', state: 'recorded' }));
  assert.ok(!of('restore', { step: 'restore', state: 'en_route' }), 'not there yet');
  assert.ok(!of('depart', { why: 'not_yours', state: 'on_scene' }), 'with another crew');
  assert.ok(!of('acknowledge', { why: 'key_reused' }));
  assert.ok(!of('depart', { state: 'cancelled' }));
  assert.ok(!of('record', { why: 'already', state: 'recorded' }), 'what somebody else wrote is not what this crew wrote');
  assert.ok(!of('photos', { why: 'already' }, 409, { lane: 'photo' }));
  assert.ok(!of('arrive', { why: 'already' }, 0));
});

test('a photo on a bad network does not hold up a press', async () => {
  const sent = [];
  const box = new Outbox('carl', disk(), on((one) => { sent.push(one.key); return one.lane === 'photo' ? new Promise(() => {}) : Promise.resolve({ status: 200 }); }));
  await box.add(press('p', '/photos', { lane: 'photo' }));
  await box.add(press('m', '/messages', { lane: 'message' }));
  await box.add(press('1', '/arrive'));
  await settled();
  assert.deepEqual(sent, ['p', 'm', '1']);
  assert.deepEqual(box.waiting.map((one) => one.key), ['p']);
});

test('a disk that never answers holds up no press', async () => {
  const never = () => new Promise(() => {});
  const sent = [];
  const box = new Outbox('carl', { all: never, put: never, drop: never }, on(async (one) => { sent.push(one.key); return { status: 200 }; }, { trouble: () => {} }));
  await Promise.all([box.load(), box.add(press('1', '/acknowledge'))]);
  assert.deepEqual(sent, ['1']);
});

test('what an answer means', () => {
  assert.deepEqual([200, 201, 0, 429, 503, 401, 409, 404].map(verdict), ['done', 'done', 'again', 'again', 'again', 'stop', 'refused', 'refused']);
});

test('a press has the centre\'s time, the phone\'s own, and how far that was off', () => {
  const order = { id: 'W 1', generation: 2 };
  const made = pressOf(order, 'depart', 'Depart', { more: 1 }, { key: 'k', now: 1_800_000_000_000, device: 1_799_999_000_500, known: true });
  assert.equal(made.path, '/api/crew/orders/W%201/depart');
  assert.deepEqual(made.body, { generation: 2, at: '2027-01-15T08:00:00.000Z', device_at: '2027-01-15T07:43:20.500Z', offset_s: 999.5, more: 1 });
  const unknown = pressOf(order, 'depart', 'Depart', {}, { key: 'k', now: 5, device: 5, known: false });
  assert.ok(!('offset_s' in unknown.body), 'nobody knows how far it is off');
  assert.equal(receiptOf(order).key, 'shown-W 1-2');
});
