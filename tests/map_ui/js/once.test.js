import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actsAgain } from '../js/finger.js';
import { Once } from '../js/once.js';

/** @type {{key: string, answer: (status: number) => void, fail: () => void}[]} */
const asked = [];
globalThis.fetch = (_path, { headers }) => new Promise((resolve, reject) => {
  asked.push({ key: headers['Idempotency-Key'], answer: (status) => resolve(new Response('{"ok": true}', { status })), fail: () => reject(new Error('cut')) });
});
const last = () => asked[asked.length - 1];

test('a step that is pressed twice is one, also where the first answer was lost', async () => {
  const once = new Once();
  const first = once.post('/a');
  assert.equal(await once.post('/a'), null, 'the first is under way');
  assert.equal(asked.length, 1);
  const other = once.post('/a', {}, 'another caller');
  assert.equal(asked.length, 2);
  last().answer(200);
  await other;
  asked[0].fail();
  await assert.rejects(first);
  const again = once.post('/a');
  assert.equal(last().key, asked[0].key, 'it may have been taken');
  last().answer(503);
  await assert.rejects(again);
  const third = once.post('/a');
  assert.equal(last().key, asked[0].key);
  last().answer(200);
  assert.deepEqual(await third, { ok: true });
  const later = once.post('/a');
  assert.notEqual(last().key, asked[0].key, 'after an answer it is another one');
  last().answer(409);
  await assert.rejects(later);
  once.post('/a').catch(() => null);
  assert.notEqual(last().key, asked[asked.length - 2].key, 'a refusal is an answer');
  last().answer(200);
});

test('a key that is held down moves and writes, but acts once', () => {
  const acts = (key, writing = false, altKey = false) => actsAgain({ key, altKey }, writing);
  assert.ok(acts('q') && acts('a') && acts('Enter') && acts('s', true, true) && acts('Enter', true, true));
  assert.ok(!acts('ArrowDown') && !acts('j') && !acts('PageDown') && !acts('a', true) && !acts('Enter', true) && !acts('Backspace', true));
});
