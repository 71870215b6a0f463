import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pulse } from '../js/pulse.js';

/** What a page says, by tenths of a second: beats each second, answers `takes(asked)` ms later, none that is asked or due after `cut`. */
function listen(takes, until, cut = Infinity) {
  const pulse = new Pulse({ silentMs: 1900, beatMs: 1000 }, 0), said = [];
  const underWay = [];
  for (let now = 0; now <= until; now += 100) {
    if (now % 1000 === 0 && underWay.length < 3) underWay.push({ asked: now, due: now + takes(now) });
    for (const one of underWay.filter(({ due }) => due <= now && due <= cut)) {
      pulse.heard(one.asked, now);
      underWay.splice(underWay.indexOf(one), 1);
    }
    said.push([now, pulse.state(now)]);
  }
  return { at: (from, to = until) => [...new Set(said.filter(([now]) => now >= from && now <= to).map(([, state]) => state))], first: (state, from = 0) => said.find(([now, one]) => now >= from && one === state)?.[0] };
}

test('a quick line that falls silent is said to be cut within two seconds, whenever it falls silent', () => {
  for (let cut = 5000; cut < 6000; cut += 100) assert.ok(listen(() => 100, 20_000, cut).first('cut', cut) - cut <= 2000, String(cut));
  assert.deepEqual(listen(() => 1500, 60_000).at(0), ['']);
});

test('a slow line is said to be slow, steadily; that it is cut is said once its answers are missing', () => {
  for (const takes of [2000, 2500, 3300, 5000, 5900]) {
    const heard = listen(() => takes, 60_000);
    assert.deepEqual(heard.at(takes), ['slow'], String(takes));
    assert.ok(listen(() => takes, 60_000, 30_000).first('cut', 30_000) <= 30_000 + takes + 1100, String(takes));
  }
  const shaky = listen((asked) => [2600, 400, 2000, 900, 3000, 100][(asked / 1000) % 6], 60_000);
  assert.ok(!shaky.at(4000).includes('cut'), 'by turns quick and slow is no cut');
});

test('a line that is quick again is no longer slow after some seconds', () => {
  const heard = listen((asked) => (asked < 10_000 ? 5000 : 100), 30_000);
  assert.deepEqual(heard.at(22_000), ['']);
});
