import assert from 'node:assert/strict';
import { test } from 'node:test';

const page = Object.assign(new EventTarget(), { closest: () => true });
globalThis.addEventListener = page.addEventListener.bind(page);
const { notUnderAFinger } = await import('../js/finger.js');
const { arrange } = await import('../js/dom.js');
const pointer = (what, button = 0) => page.dispatchEvent(Object.assign(new Event(what), { button }));
const timers = [];
globalThis.setTimeout = (what) => { timers.push(what); };

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
