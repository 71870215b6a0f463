import assert from 'node:assert/strict';
import { test } from 'node:test';
import { names, of } from '../js/base_look.js';
import { gcj02Crs } from '../js/base_map.js';
import { gcj02, wgs84 } from '../js/navigation.js';
import { Fleet, world } from '../js/positions.js';

/** As much of Leaflet as a projection needs. */
const R = 6378137;
const L = {
  latLng: (a, b) => (Array.isArray(a) ? { lat: a[0], lng: a[1] } : { lat: a, lng: b }),
  extend: Object.assign,
  CRS: { EPSG3857: { code: 'EPSG:3857' } },
  Projection: {
    SphericalMercator: {
      project: ({ lat, lng }) => { const s = Math.sin((lat * Math.PI) / 180); return { x: (R * lng * Math.PI) / 180, y: (R * Math.log((1 + s) / (1 - s))) / 2 }; },
      unproject: ({ x, y }) => ({ lat: ((2 * Math.atan(Math.exp(y / R)) - Math.PI / 2) * 180) / Math.PI, lng: (x * 180) / (R * Math.PI) }),
    },
  },
};
const PIXEL = (2 * Math.PI * R) / (256 * 2 ** 17);

/** WGS-84 and GCJ-02 of the same places, as the tests of the open-source converter eviltransform give them. */
const PUBLISHED = [
  [[31.1774276, 121.5272106], [31.17530398364597, 121.531541859215]], // Shanghai
  [[22.543847, 113.912316], [22.540796131694766, 113.9171764808363]], // Shenzhen
  [[39.911954, 116.377817], [39.91334545536069, 116.38404722455657]], // Beijing
];

test('a fix lands within two pixels of its place on GCJ-02 tiles at zoom 17', () => {
  const crs = gcj02Crs(L);
  for (const [[lat, lng], there] of PUBLISHED) {
    const drawn = crs.projection.project({ lat, lng }), tile = L.Projection.SphericalMercator.project(L.latLng(there));
    const apart = Math.hypot(drawn.x - tile.x, drawn.y - tile.y) / PIXEL;
    assert.ok(apart < 2, `${lat}, ${lng}: ${apart} px`);
    const plain = L.Projection.SphericalMercator.project({ lat, lng });
    assert.ok(Math.hypot(plain.x - tile.x, plain.y - tile.y) / PIXEL > 100, 'without the shift it is hundreds of metres off');
  }
});

test('what is clicked on a GCJ-02 map is the WGS-84 place again', () => {
  const crs = gcj02Crs(L);
  for (const [[lat, lng]] of PUBLISHED) {
    const back = crs.projection.unproject(crs.projection.project({ lat, lng }));
    assert.ok(Math.abs(back.lat - lat) < 1e-8 && Math.abs(back.lng - lng) < 1e-8);
  }
  for (let lat = 18; lat < 53; lat += 3.7) {
    for (let lon = 75; lon < 134; lon += 5.3) {
      const [y, x] = wgs84(...gcj02(lat, lon));
      assert.ok(Math.abs(y - lat) < 1e-8 && Math.abs(x - lon) < 1e-8, `${lat}, ${lon}`);
    }
  }
  assert.deepEqual(wgs84(51.5, -0.12), [51.5, -0.12], 'outside China nothing is shifted');
});

test('vehicles are drawn where the tiles show their place, markers and vehicles alike', () => {
  const crs = gcj02Crs(L);
  const [lat, lng] = PUBLISHED[2][0];
  const view = new DataView(new ArrayBuffer(32));
  view.setUint8(0, 1);
  view.setFloat64(8, 1e12, true);
  view.setUint32(16, 7, true);
  view.setInt32(20, Math.round(lat * 1e7), true);
  view.setInt32(24, Math.round(lng * 1e7), true);
  const fleet = new Fleet(crs.place), plain = new Fleet();
  fleet.take(view.buffer, 0, 1000);
  plain.take(view.buffer, 0, 1000);
  const marker = crs.projection.project({ lat, lng });
  assert.ok(Math.abs((fleet.x[0] - 0.5) * 2 * Math.PI * R - marker.x) / PIXEL < 0.1);
  assert.ok(Math.abs((0.5 - fleet.y[0]) * 2 * Math.PI * R - marker.y) / PIXEL < 0.1);
  assert.deepEqual([plain.x[0], plain.y[0]], world(Math.round(lat * 1e7) / 1e7, Math.round(lng * 1e7) / 1e7));
});

test('names come in the language of the page, else as they are on the spot', () => {
  assert.deepEqual(names('zh-CN'), ['name:zh', 'name']);
  assert.deepEqual(names('en'), ['name:en', 'name']);
});

test('a rule takes its kinds and its shape only', () => {
  const rule = of(['river'], 2);
  assert.ok(rule(12, { props: { kind: 'river' }, geomType: 2 }));
  assert.ok(!rule(12, { props: { kind: 'river' }, geomType: 3 }));
  assert.ok(!rule(12, { props: { kind: 'lake' }, geomType: 2 }));
});
