import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsTable } from '../js/crew_claims.js';
import { standing } from '../js/crew_conflicts.js';
import { fit } from '../js/crew_photos.js';
import { recordOf, toRecord } from '../js/crew_record.js';
import { place } from '../js/crew_share.js';
import { moved, took, withNewer } from '../js/crew_stack.js';
import { bd09, gcj02, navigate } from '../js/navigation.js';
import { clock } from '../js/clock.js';
import { claimCells, offset } from '../js/order_claims.js';
import { source } from '../js/order_timeline.js';

const near = (found, wanted, within = 1e-9) => found.forEach((one, i) => assert.ok(Math.abs(one - wanted[i]) < within, `${found} is not ${wanted}`));

test('coordinates of Chinese maps, by points that others have published', () => {
  // coordtransform (wandergis): WGS-84 to GCJ-02; geotool: both, for a place near Shanghai, on a slightly other
  // ellipsoid (1e-7 degrees are a centimetre)
  near(gcj02(39.915, 116.404), [39.91640428150164, 116.41024449916938]);
  near(gcj02(30.6107779, 121.0917077), [30.608604331756705, 121.09626935575027], 1e-7);
  near(bd09(30.6107779, 121.0917077), [30.61484572185035, 121.10271732371203], 1e-7);
});

test('outside China nothing is shifted', () => {
  assert.deepEqual(gcj02(51.5072, -0.1276), [51.5072, -0.1276]);
  assert.deepEqual(bd09(37.77, -122.42), [37.77, -122.42]);
});

test('each map is told the place in its own coordinates', () => {
  const [lat, lon] = [30.6107779, 121.0917077];
  assert.equal(navigate({ link: 'geo:{lat},{lon}?q={lat},{lon}({name})', datum: 'wgs84' }, lat, lon, '港口路 12'), `geo:30.610778,121.091708?q=30.610778,121.091708(${encodeURIComponent('港口路 12')})`);
  assert.equal(navigate({ link: '{lon},{lat}', datum: 'gcj02' }, lat, lon, 'x'), '121.096269,30.608604');
  assert.equal(navigate({ link: '{lat},{lon}', datum: 'bd09' }, lat, lon, 'x'), '30.614846,121.102717');
  assert.equal(navigate({ link: '?n={name}&mode=car', datum: 'wgs84' }, lat, lon, 'a&mode={lat}'), '?n=a%26mode%3D%7Blat%7D&mode=car', 'an address is text');
});

test('photos are made small and never larger', () => {
  assert.deepEqual(fit(4000, 3000), [1600, 1200]);
  assert.deepEqual(fit(3000, 4000), [1200, 1600]);
  assert.deepEqual(fit(640, 480), [640, 480]);
  assert.deepEqual(fit(20000, 3), [1600, 1]);
});

test('a record says its cause in words where nobody wrote any', () => {
  const name = (kind, code) => `${kind}:${code}`;
  assert.deepEqual(recordOf({ cause_code: 'tree', cause: ' ', work_done: 'cut', customers: '' }, name), { cause_code: 'tree', cause: 'causes:tree', work_done: 'cut' });
  assert.deepEqual(recordOf({ cause_code: 'tree', cause: 'a branch', work_done: 'cut', customers: ' 12 ' }, name), { cause_code: 'tree', cause: 'a branch', work_done: 'cut', customers: 12 });
});

test('what is shared of a position, and nothing that the phone does not know', () => {
  assert.deepEqual(place({ latitude: 1, longitude: 2, speed: null, heading: NaN, accuracy: 9 }, 0), { lat: 1, lon: 2, at: '1970-01-01T00:00:00.000Z', accuracy_m: 9 });
  assert.deepEqual(place({ latitude: 1, longitude: 2, speed: 3, heading: 4, accuracy: 9 }, 0), { lat: 1, lon: 2, at: '1970-01-01T00:00:00.000Z', speed_mps: 3, course_deg: 4, accuracy_m: 9 });
});

test('how an order stands that was decided otherwise', () => {
  const stack = { orders: [{ id: 'W1', state: 'en_route' }], to_record: [] };
  assert.equal(standing('W1', stack), 'It is with you: en_route.');
  assert.equal(standing('W2', stack, { state: 'at_centre' }), 'It is not with you any more; there it is: at_centre.');
  assert.equal(standing('W2', stack), 'It is not with you any more.');
});

test('how far a phone\'s clock was off', () => {
  assert.deepEqual([offset(null), offset(0.4), offset(120.2), offset(-7200)], ['–', 'right', '2:00 slow', '2:00:00 fast']);
});

test('by a time that runs faster than life no phone\'s clock is judged', () => {
  const at = '2026-03-02T02:00:00Z', recorded = '2026-03-02T02:00:10Z', device = '2026-03-02T01:40:00Z';
  const claim = { step: 'depart', via: 'phone', at, gps_at: null, to_fault_m: null, fix_age_s: null, device_at: device, offset_s: 1200, recorded_at: recorded, doubtful: false };
  const event = { at, recorded_at: recorded, data: { device_at: device, offset_s: 1200 } };
  assert.match(claimCells(claim)[4], /20:00 slow/);
  assert.match(source(event), /01:40:00 \(20:00 slow\), told/);
  clock.speed = 10;
  assert.equal(claimCells(claim)[4], '–');
  assert.equal(source(event), 'clock of the device, told 02:00:10');
  clock.speed = 1;
});

test('no table where there is nothing to compare', () => {
  assert.equal(claimsTable([], [{ path: '/api/crew/orders/W1/acknowledge' }]), null);
});

test('a button that was taken never comes back', () => {
  const order = (id, state, version, more = {}) => ({ id, state, version, crew_id: 'E1', ...more });
  const stack = { crew: { id: 'E1' }, orders: [order('W1', 'delivered', 5), order('W2', 'delivered', 4)], to_record: [] };
  const accepted = order('W1', 'acknowledged', 6);
  assert.deepEqual(took(stack, accepted).orders.map((o) => o.state), ['acknowledged', 'delivered']);
  assert.deepEqual(withNewer(stack, [accepted]).orders[0].state, 'acknowledged', 'a look that began before the press');
  const later = { ...stack, orders: [order('W1', 'en_route', 7)] };
  assert.deepEqual(withNewer(later, [accepted]).orders, later.orders, 'a newer look counts');
  assert.deepEqual(withNewer({ ...stack, orders: [] }, [accepted]).orders, [], 'what the centre took away stays away');
  const restored = took(stack, order('W1', 'restored', 9));
  assert.deepEqual([restored.orders.map((o) => o.id), restored.to_record.map((o) => o.id)], [['W2'], ['W1']]);
  assert.deepEqual(took(restored, order('W1', 'recorded', 10)).to_record, []);
  assert.deepEqual(moved(stack, 'W1', 'on_scene').orders.map((o) => o.state), ['on_scene', 'delivered'], 'another device was first');
  assert.deepEqual(moved(stack, 'W9', 'on_scene'), stack);
  assert.deepEqual(took(stack, order('W1', 'at_centre', 6, { crew_id: '' })).orders.map((o) => o.id), ['W2'], 'rejected');
});

test('a restored order has its record to write, then one that waits, then none', () => {
  const one = { id: 'W1', state: 'on_scene' }, other = { id: 'W2', state: 'restored' };
  const stack = { orders: [one], to_record: [other] };
  const pressed = (id, step) => ({ order: id, path: `/api/crew/orders/${id}/${step}` });
  const ids = (waiting) => Object.values(toRecord(stack, waiting)).map((all) => all.map((o) => o.id).join());
  assert.deepEqual(ids([]), ['W2', '']);
  assert.deepEqual(ids([pressed('W1', 'restore')]), ['W2,W1', '']);
  assert.deepEqual(ids([pressed('W1', 'restore'), pressed('W1', 'record')]), ['W2', 'W1']);
  assert.deepEqual(ids([pressed('W2', 'record')]), ['', 'W2']);
});
