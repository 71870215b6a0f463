import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isNews, ordered, SHAPES } from '../js/alert_order.js';

const alert = (id, code, order_id, minute, rank) => ({ id, code, order_id, rank, facts: {}, raised_at: `2026-03-02T10:${String(minute).padStart(2, '0')}:00Z` });
const ids = (lines) => lines.map((line) => line.alerts.map((one) => one.id));

test('the most urgent line comes first, and of those the oldest, whenever they came', () => {
  const overdue = alert(1, 'segment_overdue', 'W1', 0, 3), missed = alert(4, 'promise_missed', 'W2', 9, 0), older = alert(3, 'promise_missed', 'W3', 5, 0);
  assert.deepEqual(ids(ordered([overdue, missed, alert(2, 'unanswered_crew', 'W1', 1, 1), older])), [[3], [4], [2], [1]]);
  assert.deepEqual(ids(ordered([])), []);
  assert.deepEqual(ids(ordered([overdue, alert(2, 'order_bounce', 'W1', 1, undefined)])), [[2], [1]], 'a server that says no rank');
});

test('what says the same kind of thing of one order is one line, as urgent as the most urgent of it', () => {
  const lines = ordered([alert(3, 'unanswered_hand', 'W1', 3, 1), alert(1, 'unanswered_centre', 'W1', 1, 1), alert(2, 'unanswered_crew', 'W2', 2, 1), alert(4, 'order_cancel', 'W1', 4, 4), alert(5, 'order_reject', 'W1', 5, 2)]);
  assert.deepEqual(ids(lines), [[1, 3], [2], [4, 5]]);
  assert.equal(lines[2].rank, 2);
});

test('what people wrote, and what is of no order, is read one by one', () => {
  const wrote = [alert(1, 'centre_message', 'W1', 1, 4), alert(2, 'centre_message', 'W1', 2, 4), alert(3, 'undelivered', '', 3, 2), alert(4, 'undelivered', '', 4, 2)];
  assert.deepEqual(ids(ordered(wrote)), [[3], [4], [1], [2]]);
});

test('a line is read again where it says more than before, and not where it says less', () => {
  const one = alert(1, 'unanswered_hand', 'W1', 1, 1), two = alert(2, 'unanswered_crew', 'W1', 2, 1);
  const [before] = ordered([one]), [more] = ordered([one, two]);
  assert.ok(isNews(before, more));
  assert.ok(!isNews(more, before));
  assert.ok(isNews(undefined, before));
  assert.ok(!isNews(before, undefined));
});

test('urgency has a shape of its own beside its colour', () => {
  assert.equal(new Set(SHAPES).size, 4, 'the two most urgent ranks share one');
});
