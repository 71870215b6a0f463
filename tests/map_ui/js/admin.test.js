import assert from 'node:assert/strict';
import test from 'node:test';
import { devicesOf } from '../js/admin/devices.js';
import { decoded } from '../js/admin/lists.js';
import { asCell, deeds, listedTime, meantTime, shownTime } from '../js/admin/outages.js';
import { lacking, nameable, polygonsOf, together } from '../js/admin/land_file.js';
import { area, asText, fromText, inserted, middle, moved, polygon, removed, rings, snapped, square, withRing } from '../js/admin/polygons.js';
import { offset, raised } from '../js/admin/process.js';
import { kept } from '../js/admin/trail.js';

const RING = [[0, 0], [2, 0], [2, 2], [0, 2]];
const ONE = polygon(RING, { id: 'a' });
const TWO = { type: 'Feature', properties: {}, geometry: { type: 'MultiPolygon', coordinates: [[[...RING, RING[0]]], [[[5, 5], [6, 5], [6, 6], [5, 5]]]] } };

test('rings come without the closing place and go back closed', () => {
  assert.deepEqual(rings(ONE), [RING]);
  assert.equal(rings(TWO).length, 2);
  const other = withRing(TWO, 1, [[7, 7], [8, 7], [8, 8]]);
  assert.deepEqual(other.geometry.coordinates[1][0], [[7, 7], [8, 7], [8, 8], [7, 7]]);
  assert.deepEqual(other.geometry.coordinates[0], TWO.geometry.coordinates[0]);
  assert.deepEqual(TWO.geometry.coordinates[1][0][0], [5, 5], 'the old one is as it was');
});

test('a ring keeps three corners at least', () => {
  assert.equal(withRing(ONE, 0, [[0, 0], [1, 1]]), ONE);
  assert.equal(removed(RING.slice(0, 3), 1).length, 3);
  assert.deepEqual(removed(RING, 1), [[0, 0], [2, 2], [0, 2]]);
});

test('corners are moved and put in between', () => {
  assert.deepEqual(moved(RING, 1, [3, 0])[1], [3, 0]);
  assert.deepEqual(inserted(RING, 3, [0, 1]).at(-1), [0, 1]);
  assert.deepEqual(middle(RING, 3), [0, 1]);
});

test('a corner catches on the nearest of the neighbours, and only when near', () => {
  const toPixel = ([x, y]) => ({ x: x * 100, y: y * 100 });
  assert.deepEqual(snapped([1.95, 0.01], [[0, 0], [2, 0]], toPixel), [2, 0]);
  assert.deepEqual(snapped([1.5, 0], [[0, 0], [2, 0]], toPixel), [1.5, 0]);
});

test('coordinates are text and back', () => {
  assert.deepEqual(fromText(asText(RING)), RING);
  assert.deepEqual(fromText('30.5, 120.1\n\n30.6 120.2\n30.7;120.3'), [[120.1, 30.5], [120.2, 30.6], [120.3, 30.7]]);
  assert.equal(fromText('30, 120\n91, 120\n30, 121'), 2);
  assert.equal(fromText('30, 120\nno\n30, 121'), 2);
  assert.equal(fromText('30, 120'), 0);
});

test('a square is as wide as it is high', () => {
  const [[west, south], , [east, north]] = square(60, 10, 10);
  assert.ok(Math.abs((north - south) * 111.195 - 20) < 0.01);
  assert.ok(Math.abs((east - west) * 111.195 * Math.cos(Math.PI / 3) - 20) < 0.01);
});

test('areas are for people', () => {
  assert.deepEqual([950, 25_000, 1_500_000, 2e8].map(area), ['950 m²', '2.5 ha', '1.5 km²', '200 km²']);
});

test('a version is raised above all that are known', () => {
  assert.equal(raised('id = "x"\nversion = 2\n', ['x@2', 'x@7']), 'id = "x"\nversion = 8\n');
  assert.equal(raised('version = 9', []), 'version = 10');
});

test('line and column are a place in the text', () => {
  const text = 'ab\ncde\nf';
  assert.equal(text[offset(text, 2, 2)], 'd');
  assert.equal(offset(text, 9, 1), text.length);
});

test('a note says what was and what is', () => {
  assert.equal(kept('change_crews', { capacity: [2, 3], vehicle: [{ device: 'a' }, null] }), 'capacity: 2 → 3 · vehicle: a → –');
  assert.equal(kept('replace_territories', { ids: ['a', 'b'] }), 'ids: a, b');
});

test('the devices of crews are one list', () => {
  const found = devicesOf([{ id: 'E1', vehicle: { device: 't', plate: 'P', protocol: 'gt06' }, phone_device: 'p' }, { id: 'E2', vehicle: {} }]);
  assert.deepEqual(found.map((d) => [d.id, d.kind, d.protocol, d.crew_id]), [['t', 'terminal', 'gt06', 'E1'], ['p', 'phone', 'osmand', 'E1']]);
});

test('a list that a Chinese spreadsheet wrote is read', () => {
  assert.equal(decoded(Uint8Array.from([0xb0, 0xe0, 0xd7, 0xe9]).buffer), '班组');
  assert.equal(decoded(new TextEncoder().encode('班组').buffer), '班组');
});

test('what may be done with a planned outage follows from where it stands, as the centre decides it', () => {
  const now = Date.parse('2026-03-02T10:00:00Z');
  const one = (state, ends_at) => ({ id: 'PO-1', state, ends_at, entry: /** @type {any} */ ({}) });
  assert.deepEqual(deeds(one('coming', '2026-03-03T10:00:00Z'), now), ['change', 'call_off']);
  assert.deepEqual(deeds(one('under_way', '2026-03-02T11:00:00Z'), now), ['extend', 'end', 'change', 'call_off']);
  assert.deepEqual(deeds(one('over', '2026-03-02T09:00:00Z'), now), ['extend']);
  assert.deepEqual(deeds(one('over', '2026-03-01T10:00:00Z'), now), [], 'history');
  assert.deepEqual(deeds(one('called_off', '2026-03-03T10:00:00Z'), now), []);
});

test('a time that nobody touched stays as it was, with its seconds and in the hour that comes twice', () => {
  const twice = '2026-10-25 02:30:07+01:00';
  assert.equal(shownTime(twice), '2026-10-25T02:30:07');
  assert.equal(listedTime(twice), '2026-10-25 02:30+01:00');
  assert.equal(listedTime('2026-10-25 02:30:07.5'), listedTime('2026-10-25 02:30'));
  assert.equal(meantTime('2026-10-25T02:30:07', twice), twice);
  assert.equal(meantTime('2026-10-25T03:30', twice), '2026-10-25 03:30');
  assert.equal(meantTime('2026-10-25T03:30', ''), '2026-10-25 03:30');
  assert.equal(asCell(' 1 Lane \r\n\r\n2 Lane', ' | '), '1 Lane | 2 Lane');
});

const square1 = (properties) => ({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [[[0, 0], [1, 0], [1, 1], [0, 0]]] } });
const OURS = { id: 'a', name: 'A', name_zh: '甲', centre_id: 'north', area_class: 'urban', kind: 'city' };

test('a file of another program: its areas, its names, and what it does not say', () => {
  const read = { type: 'FeatureCollection', features: [square1({ NAME: 'Harbour', code: 7 }), square1({ NAME: 'Hill', code: null }), { type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [0, 0] } }] };
  const { found, others } = polygonsOf(read);
  assert.deepEqual([found.length, others, polygonsOf({ type: 'Feature' }), polygonsOf(null)], [2, 1, null, null]);
  assert.deepEqual(nameable(found), ['NAME'], 'a property that one does not have names nobody');
  assert.ok(lacking(found, 'centre_id', ['north']) && !lacking([square1(OURS)], 'centre_id', ['north']) && lacking([square1(OURS)], 'centre_id', ['south']));
  const said = { name_from: 'NAME', centre_id: 'north', area_class: 'rural', kind: 'rural' };
  assert.deepEqual(together([], found, said, { centres: ['north'] }).map((one) => one.properties), [
    { id: 'territory-1', name: 'Harbour', name_zh: '', centre_id: 'north', area_class: 'rural', kind: 'rural' }, { id: 'territory-2', name: 'Hill', name_zh: '', centre_id: 'north', area_class: 'rural', kind: 'rural' }]);
});

test('territories that are there stay or go as was said, and none of the same code stands twice', () => {
  const before = [square1(OURS), square1({ ...OURS, id: 'territory-1', name: 'One' })];
  const found = [square1({ ...OURS, name: 'Anew' }), square1({ ...OURS, id: '', name: 'New' })];
  const names = (how) => together(before, found, { how }, { centres: ['north'] }).map((one) => [one.properties.id, one.properties.name]);
  assert.deepEqual(names('add'), [['a', 'Anew'], ['territory-1', 'One'], ['territory-2', 'New']]);
  assert.deepEqual(names('replace'), [['a', 'Anew'], ['territory-1', 'New']]);
  const twice = [square1({ ...OURS, name: 'Left' }), square1({ ...OURS, name: 'Right' })];
  for (const how of ['add', 'replace']) assert.deepEqual(together([square1(OURS)], twice, { how }, { centres: ['north'] }).map((one) => one.properties.name), ['Left', 'Right'], 'the centre refuses a code that the file has twice: no area is lost in silence');
});
