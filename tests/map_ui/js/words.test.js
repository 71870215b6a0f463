import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, explain } from '../js/api.js';
import { shift } from '../js/ground.js';
import { alertFacts } from '../js/alert_words.js';
import { evidence, facts, seenBy, settledBy, who } from '../js/order_words.js';
import { shortName, t } from '../js/page.js';
import { placeable } from '../js/board_state.js';
import { placeSaid, placeTyped } from '../js/place_box.js';
import { whyCrew } from '../js/why_crew.js';

test('facts are said in words, and what is for machines is not said', () => {
  const by = { role: 'crew', id: 'crew-17' };
  assert.equal(facts({ kind: 'acknowledge', by, data: { via: 'terminal', device: '0145', crew_id: 'crew-17', generation: 2 } }), 'in-vehicle terminal');
  assert.equal(facts({ kind: 'acknowledge', by, data: { via: 'crew-17', crew_id: 'crew-17' } }), 'crew\'s phone page');
  assert.equal(facts({ kind: 'dispatch', by: { role: 'system', id: 'x' }, data: { crew_id: 'crew-17', devices: ['0145'], revision: 4, behind: [], same_office: false } }), 'crew-17');
  assert.equal(facts({ kind: 'rung', data: { watch: 'crew', generation: 2, rung: 1, cycle: 1, due: 'x', phone: 'crew_duty', alert: ['dispatcher'] } }), 'Watch on the crew · rung 1 · rings duty phone of the crew');
  assert.equal(facts({ kind: 'escalated', data: { what: 'unreceipted', rung: 2, alert: ['dispatcher'], skipped: 'quiet 22:00-06:00' } }), 'rung 2 · not rung: quiet hours');
  assert.equal(facts({ kind: 'call_back', data: { satisfied: false, text: 'too late' } }), 'not satisfied · too late');
  assert.equal(facts({ kind: 'joined', data: { phone: '+8610', text: 'dark', priority: 1 } }), '+8610 · dark');
});

test('a place that is given: the story says what it was, and who has to act is told why', () => {
  const data = { address: '7 Square', lat: 30.061, lon: 120.063, was: { address: 'the mill', lat: null, lon: null } };
  assert.equal(facts({ kind: 'locate', data }), '7 Square (30.06100, 120.06300) · before: the mill (no place)');
  const order = { id: 'W1', centre_id: 'east', area_class: 'urban' };
  const said = (land, of = order) => placeSaid({ order: of, land });
  assert.deepEqual(said({ centre_id: 'east', area_class: 'urban' }), { text: 'W1: its place is kept. Responsible: east.', act: false });
  assert.match(said({ centre_id: 'west', area_class: 'urban' }).text, /on the land of west. It stays with east/);
  assert.match(said({ centre_id: 'east', area_class: 'rural' }).text, /is Rural. The promise stays the one of the call: Urban/);
  assert.match(said({ centre_id: '', area_class: '' }).text, /stays with east/);
  assert.match(said({ centre_id: '', area_class: '' }, { ...order, centre_id: '' }).text, /Decide who is responsible/);
});

test('a place can be given until somebody has arrived', () => {
  const at = (state, points = {}) => placeable({ state, points });
  assert.deepEqual(['received', 'returned', 'at_centre', 'en_route', 'on_scene', 'restored', 'cancelled'].map((s) => at(s, s === 'on_scene' ? { H: 'x' } : {})), [true, true, true, true, false, false, false]);
});

test('what ended an alert, and who did', () => {
  assert.deepEqual(['acknowledge', 'removed', 'told_again', 'standby'].map(settledBy), ['acknowledge', 'Device confirmed the removal', 'told anew', 'Standby']);
  assert.deepEqual(['E1', 'system', ''].map(seenBy), ['E1', 'System', '–']);
});

test('who acted, and from what it is known', () => {
  assert.equal(who({ role: 'device', id: '0145' }), 'Device');
  assert.equal(who('dispatcher:dora'), 'Dispatcher dora');
  assert.equal(who({ role: 'hotline', id: 'hotline' }), 'Hotline');
  assert.equal(evidence('receipt by device:0145, link online'), 'receipt · Device · line up');
  assert.equal(evidence('receipt by device:0145, link device_off'), 'receipt · Device · terminal off');
  assert.equal(evidence('dispatch by dispatcher:dora, link line_down'), 'dispatch · Dispatcher dora · line down');
  assert.equal(facts({ kind: 'dispatch', data: { links: { a: 'device_off', b: 'unknown', c: 'unknown' } } }), 'terminal off, line unknown');
  assert.equal(evidence(''), '–');
});

test('what was entered wrongly is told by field, else as the server says it', () => {
  const bad = (facts, message = 'the server says') => explain(new ApiError(400, 'bad_input', message, facts));
  assert.equal(bad({ errors: [{ field: 'password', message: 'String should have at least 8 characters' }, { field: 'customer_phone', message: 'String should have at most 40 characters' }] }), 'Password: at least 8 characters; Customer\'s phone: at most 40 characters');
  assert.equal(bad({ field: 'ended_at' }), 'The call cannot end in the future.');
  assert.equal(bad({ field: 'centre_id' }), 'Repair centre: please check it');
  assert.equal(bad({ errors: [{ field: 'body, line 3', message: 'no JSON' }] }), 'the server says');
  assert.equal(bad({}), 'the server says');
  assert.equal(explain(new ApiError(409, 'refused', 'x', { guard: 'called_back' })), 'Call the customer back first.');
  assert.equal(explain(new ApiError(409, 'refused', 'a rule of this utility', { guard: 'its own' })), 'a rule of this utility');
});

test('a short name leaves out what stands in brackets', () => {
  assert.equal(shortName({ name: 'Crew 06 (North low voltage)' }), 'Crew 06');
  assert.equal(shortName({ name: 'Crew 06' }), 'Crew 06');
  assert.equal(shortName({ name: '(all)' }), '(all)');
  assert.equal(shortName(undefined), '');
});

test('a view moves to show as much land as it can', () => {
  assert.equal(shift(0, 100, 0, 200), -50);
  assert.equal(shift(50, 400, 0, 200), 50);
  assert.equal(shift(-300, 100, 0, 200), -100);
  assert.equal(shift(-50, 400, 0, 200), 0);
});

test('the facts of an alert are said in words', () => {
  assert.equal(alertFacts({ code: 'expedited', watch: '', why: 'expedite', owner: 'crew', generation: 1, rung: 0, above: true }), 'crew · told to you as the superior');
  assert.equal(alertFacts({ code: 'unanswered_crew', watch: 'crew', rung: 2, cycle: 1 }), 'Watch on the crew · rung 2');
  assert.equal(alertFacts({ code: 'shortage', shortage: 'x', trade: 'service', department: 'd-north', orders: 5, missed: 2, leaders: ['Wu 1', 'He 2'] }), 'service · d-north · 5 orders without a free crew · 2 missed promises · Wu 1, He 2');
  assert.equal(alertFacts({ code: 'audit_clocks_overdue', count: 2, seconds: 7.5, oldest: 'W1 watch:crew' }), 'number: 2 · for 7.5 s · oldest: W1 watch:crew');
  assert.equal(alertFacts({ code: 'audit_outbox_waiting', about: 'message', count: 1, seconds: 700, outcome: 'no answer' }), 'messages · number: 1 · for 700 s · no answer');
  assert.equal(alertFacts({ code: 'audit_nobody_waits', count: 1, orders: 'W1' }), 'number: 1 · orders: W1');
  assert.equal(alertFacts({ code: 'audit_clocks_diverge', workers: 90 }), 'clock of the workers differs by 90 s');
  assert.equal(alertFacts({ code: 'audit_failed', why: 'KeyError' }), 'KeyError');
});

test('one is one and two are many', () => {
  const text = '{n} [order waits|orders wait] for {m} [crew|crews]';
  assert.equal(t(text, { n: 1, m: 2 }), '1 order waits for 2 crews');
  assert.equal(t(text, { n: 0, m: 1 }), '0 orders wait for 1 crew');
  assert.equal(t('{n} [outage|outages]', { n: '500+' }), '500+ outages');
  assert.equal(t('{text}', { text: '{n} [a|b]' }), '{n} [a|b]', 'what people wrote stays as they wrote it');
});

test('what was typed and not chosen is the address of a place on the map only when somebody says so', () => {
  const place = { lat: 30 }, none = { lat: null };
  assert.ok(placeTyped('12 Harbour Road', '12 har', { place, listed: false }));
  for (const [typed, field] of [['12 har', { place: none, listed: false }], ['3 Hill Lane', { place, listed: true }], ['12 Harbour Road', { place, listed: false }]]) assert.ok(!placeTyped('12 Harbour Road', typed, field), typed);
  assert.ok(!placeTyped('', '12 har', { place, listed: false }), 'an order without an address has none to keep');
});

test('why an order is with its crew', () => {
  const chosen = { eta_seconds: 754, chance_to_keep: 0.934, behind: 1, terms: { kept_bonus_s: 60 } };
  assert.equal(whyCrew({ by: 'system:system', explanation: { chosen, source: 'straight_line' } }), 'by the automatic · arrival in 12:34 · 93 % in time · after 1 order aboard · already meant for it · no road data');
  assert.equal(whyCrew({ by: 'dispatcher:dora', explanation: {} }), 'chosen by Dispatcher dora');
});
