import assert from 'node:assert/strict';
import { test } from 'node:test';

const page = Object.assign(new EventTarget(), { closest: () => true });
globalThis.addEventListener = page.addEventListener.bind(page);
const { notUnderAFinger } = await import('../js/finger.js');
const { arrange } = await import('../js/dom.js');
const pointer = (what, button = 0, pointerType = 'mouse') => page.dispatchEvent(Object.assign(new Event(what), { button, pointerType }));
const timers = [];
globalThis.setTimeout = (what) => timers.push(what);

test('what comes while a finger is down is drawn once it is lifted, also beside a draw that fails', () => {
  const drawn = [];
  const broken = notUnderAFinger(() => { throw new Error('broken'); }), board = notUnderAFinger((n) => drawn.push(n));
  pointer('pointerdown');
  broken();
  board(1);
  board(2);
  assert.deepEqual(drawn, []);
  pointer('pointerup');
  assert.throws(timers[0], /broken/);
  assert.deepEqual(drawn, [2]);
});

test('what a touch presses stays where it is until its click has come, which is after it was lifted', () => {
  const drawn = [], board = notUnderAFinger((n) => drawn.push(n)), touch = (what) => pointer(what, 0, 'touch');
  const pass = () => { for (const timer of timers.splice(0)) timer(); };
  pass();
  touch('pointerdown');
  board(1);
  touch('pointerup');
  board(2);
  assert.deepEqual(drawn, []);
  page.addEventListener('click', () => { assert.deepEqual(drawn, [], 'the click finds what was touched'); board(3); }, { once: true });
  timers.length = 0; // its click comes in time
  pointer('click');
  assert.deepEqual(drawn, [3], 'what the press itself changes is shown at once');
  pass();
  assert.deepEqual(drawn, [3]);
  touch('pointerdown');
  board(4);
  touch('pointerup');
  pass(); // it was held for long, or slipped: no click comes
  pass();
  assert.deepEqual(drawn, [3, 4]);
});

test('the button that opens a menu presses nothing: that it is lifted is never heard', () => {
  const drawn = [];
  pointer('pointerdown', 2);
  notUnderAFinger(() => drawn.push('board'))();
  assert.deepEqual(drawn, ['board']);
});

/** A parent that counts what is put into it. */
function parent() {
  const all = [];
  return { all, puts: 0, get firstElementChild() { return all[0] ?? null; },
    insertBefore(one, at) { this.puts += 1; if (all.includes(one)) all.splice(all.indexOf(one), 1); all.splice(at ? all.indexOf(at) : all.length, 0, one); } };
}

test('of thousands of rows only those move that stand elsewhere', () => {
  const list = parent(), rows = new Map();
  const make = (name) => ({ name, get nextElementSibling() { return list.all[list.all.indexOf(this) + 1] ?? null; }, remove() { list.all.splice(list.all.indexOf(this), 1); } });
  const puts = (names) => { list.puts = 0; arrange(list, [...names], rows, make); assert.equal(list.all.map((one) => one.name).join(''), names); return list.puts; };
  assert.deepEqual(['abcdefgh', 'abcdefgh', 'acdefgbh', 'abcdefgh', 'bcdefgha', 'bdegh', 'hbdeg'].map(puts), [8, 0, 1, 1, 1, 0, 1]);
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let n = 0; n < 300; n += 1) puts([...'abcdefghij'].filter(() => random() > 0.3).sort(() => random() - 0.5).join(''));
});
