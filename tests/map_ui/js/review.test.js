import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOption } from '../js/review_charts.js';
import { asked, lastDays, moved, ordersLink, search, toKeep } from '../js/review_query.js';

test('the last days end today and cross months and years', () => {
  assert.deepEqual(lastDays('2026-03-02', 7), { from: '2026-02-24', to: '2026-03-02' });
  assert.deepEqual(lastDays('2026-01-01', 1), { from: '2026-01-01', to: '2026-01-01' });
  assert.deepEqual(lastDays('2026-01-01', 2), { from: '2025-12-31', to: '2026-01-01' });
});

test('an address asks for days and a filter; an empty value is one, an unknown name is none', () => {
  assert.deepEqual(asked('', '2026-03-02'), { from: '2026-02-24', to: '2026-03-02' });
  assert.deepEqual(asked('?from=2026-01-01&to=2026-01-31&centre=east&crew=&x=1', '2026-03-02'), { from: '2026-01-01', to: '2026-01-31', centre: 'east', crew: '' });
  assert.deepEqual(asked('?days=30&trade=service', '2026-03-02'), { from: '2026-02-01', to: '2026-03-02', trade: 'service' });
  assert.deepEqual(asked('?days=-3', '2026-03-02'), lastDays('2026-03-02', 7));
});

test('a view that ends today stays relative, another does not', () => {
  const week = { ...lastDays('2026-03-02', 7), centre: 'east' };
  assert.deepEqual(toKeep(week, '2026-03-02'), { days: '7', centre: 'east' });
  assert.deepEqual(asked(search(toKeep(week, '2026-03-02')), '2026-03-09'), { from: '2026-03-03', to: '2026-03-09', centre: 'east' });
  assert.deepEqual(toKeep(week, '2026-03-03'), week);
});

test('the link behind a number has the filter, what is counted, and no more', () => {
  const link = ordersLink({ from: '2026-01-01', to: '2026-01-02', cause: 'a & b' }, 'overrun:GH', { crew: '' });
  assert.equal(link, '/manager/orders?from=2026-01-01&to=2026-01-02&cause=a+%26+b&crew=&of=overrun%3AGH');
});

test('a share moves in points, from nothing it does not', () => {
  assert.equal(moved(83.3, 81), 2.3);
  assert.equal(moved(0, 12.5), -12.5);
  assert.equal(moved(null, 81), null);
  assert.equal(moved(81, undefined), null);
});

test('a chart stacks to all orders of the day and shows no share where nothing can be judged', () => {
  const palette = { good: '#0f0', late: '#f00', soon: '#ff0', accent: '#00f', ink: '#000', soft: '#555', line: '#999' };
  const option = shareOption([{ name: 'a', orders: 9, judged: 6, within: 4, within_pct: 66.7 }, { name: 'b', orders: 1, judged: 0, within: 0, within_pct: null }], palette);
  const bars = option.series.filter((s) => s.type === 'bar');
  assert.deepEqual([0, 1].map((day) => bars.reduce((sum, s) => sum + s.data[day], 0)), [9, 1]);
  assert.deepEqual(option.series.find((s) => s.yAxisIndex === 1).data, [66.7, null]);
});
