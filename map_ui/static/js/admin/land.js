// @ts-check
/** Territories: drawn, changed, checked for overlaps and gaps, saved together. */
import { get, post, request } from '../api.js';
import { fill, h } from '../dom.js';
import { named, t } from '../page.js';
import { ask, notice } from '../shell.js';
import { areaName, centreName, options } from '../vocabulary.js';
import { button, confirmed, edit, problem } from './forms.js';
import { askAbout, polygonsOf, together } from './land_file.js';
import { LandMap } from './land_map.js';
import { AREAS, KINDS, kindName } from './land_words.js';
import { area, asText, fromText, polygon, rings, withRing } from './polygons.js';

/** What a territory is. @param {any} [was] @param {any[]} [all] @returns {import('./forms.js').Field[]} */
export function territoryFields(was, all = []) {
  let n = all.length + 1;
  while (all.some((f) => f.properties.id === `territory-${n}`)) n += 1;
  return [
    { name: 'id', label: t('Code (letters and digits, never changed)'), value: was?.id ?? `territory-${n}` }, { name: 'name', label: t('Name (English)'), value: was?.name ?? '' }, { name: 'name_zh', label: t('Name (Chinese)'), value: was?.name_zh ?? '', required: false },
    { name: 'centre_id', label: t('Repair centre'), kind: 'select', options: options('centres'), value: was?.centre_id ?? options('centres')[0]?.[0] },
    { name: 'area_class', label: t('Area (decides the promise)'), kind: 'select', options: AREAS.map((a) => [a, areaName(a)]), value: was?.area_class ?? 'urban' },
    { name: 'kind', label: t('Kind (decides, with the fault, which trade goes)'), kind: 'select', options: KINDS.map((k) => [k, kindName(k)]), value: was?.kind ?? 'city' },
  ];
}

/** @param {any} one a finding @param {Map<string, string>} names */
const findingName = (one, names) => {
  const ids = one.ids.map((/** @type {string} */ id) => names.get(id) ?? id).join(' · ');
  return one.kind === 'overlap' ? t('Overlap of {ids}: {area}', { ids, area: area(one.area_m2) }) : t('Nobody\'s land between {ids}: {area}', { ids, area: area(one.area_m2) });
};

/** @param {HTMLElement} box */
export async function show(box) {
  let { version, territories: { features } } = await get('/api/admin/territories');
  let chosen = -1, saved = JSON.stringify(features);
  /** @type {any[][]} */
  const undo = [];
  const side = h('div', { class: 'stacked' }), findings = h('div', { id: 'findings', 'aria-live': 'polite' }), bar = h('div', { class: 'buttons land-bar' });
  const map = new LandMap({ choose, change: (feature) => put(features.map((/** @type {any} */ f, /** @type {number} */ n) => (n === chosen ? feature : f))), drawn, drawing: () => drawBar() });
  const collection = () => ({ type: 'FeatureCollection', features });
  const changed = () => JSON.stringify(features) !== saved;
  addEventListener('beforeunload', (e) => { if (changed()) e.preventDefault(); });
  addEventListener('keydown', (e) => {
    if (map.ring && e.key === 'Escape') { map.end(); drawBar(); }
    if (map.ring && e.key === 'Enter' && !(e.target instanceof HTMLButtonElement)) { e.preventDefault(); map.finish(); }
    if (map.ring && e.key === 'Backspace') map.back();
  });

  /** @param {any[]} next @param {number} [at] */
  function put(next, at = chosen) {
    undo.push(features);
    features = next;
    choose(at);
  }

  /** @param {number} at */
  function choose(at) {
    chosen = at;
    map.show(features, chosen);
    draw();
  }

  /** @param {import('./polygons.js').Place[]} ring */
  async function drawn(ring) {
    drawBar();
    const said = await ask({ title: t('New territory'), confirm: t('Add'), fields: territoryFields(undefined, features) });
    if (said) put([...features, polygon(ring, said)], features.length);
  }

  function drawBar() {
    if (map.ring) {
      fill(bar, h('span', { role: 'status' }, t('{n} corners: click on the map; Enter finishes, Backspace takes the last one back, Escape ends it.', { n: map.ring.length })), button(t('Finish'), () => map.finish()), button(t('Give up'), () => { map.end(); drawBar(); }));
      return;
    }
    fill(bar, button(t('Draw a territory'), () => { chosen = -1; map.show(features, -1); draw(); map.begin(); }, { id: 'draw' }), button(t('By coordinates'), byText, { id: 'by-text' }), h('button', { type: 'button', disabled: !undo.length, on: { click: () => { features = undo.pop() ?? features; choose(Math.min(chosen, features.length - 1)); } } }, t('Undo')),
      button(t('Check'), check, { id: 'check-land' }), h('button', { type: 'button', class: 'primary', id: 'save-land', disabled: !changed(), on: { click: save } }, t('Save')), changed() ? h('span', { class: 'chip warn' }, t('not saved')) : null);
  }

  async function byText() {
    const was = features[chosen];
    const shape = /** @type {import('./forms.js').Field} */ ({ name: 'ring', label: t('Corners: latitude, longitude; one a line'), kind: 'area', value: was ? asText(rings(was)[0]) : '' });
    await edit({ title: was ? t('Corners of {name}', { name: named(was.properties) }) : t('New territory'), confirm: t('Take over'), fields: was ? [shape] : [...territoryFields(undefined, features), shape] }, async ({ ring: text, ...said }) => {
      const ring = fromText(text);
      if (typeof ring === 'number') throw new Error(ring ? t('Line {n} is no place.', { n: ring }) : t('A territory has three corners at least.'));
      if (was) put(features.map((/** @type {any} */ f, /** @type {number} */ n) => (n === chosen ? withRing(was, 0, ring) : f)));
      else put([...features, polygon(ring, said)], features.length);
      map.fit();
    });
  }

  async function check() {
    try {
      const found = (await post('/api/admin/territories/check', collection())).findings;
      const names = new Map(features.map((/** @type {any} */ f) => [f.properties.id, named(f.properties)]));
      map.mark(found);
      fill(findings, found.length ? h('section', { class: 'panel warn' }, h('h2', {}, t('{n} places to look at', { n: found.length })), h('ul', { class: 'found' }, found.map((/** @type {any} */ one) => h('li', {}, button(findingName(one, names), () => map.lookAt(one)), ' ', h('span', { class: 'soft' }, `${one.place.lat.toFixed(4)}, ${one.place.lon.toFixed(4)}`))))) : h('p', { class: 'panel' }, t('No overlaps and no gaps.')));
      return found;
    } catch (error) {
      notice(problem(error), 'bad');
      return null;
    }
  }

  async function save() {
    const found = await check();
    if (!found) return;
    const text = found.length ? t('{n} places overlap or belong to nobody: faults there go to a person to decide.', { n: found.length }) : t('They decide at once whose a new fault is.');
    await confirmed({ title: t('Put these {n} territories in force?', { n: features.length }), text, confirm: t('Put in force') }, async () => {
      await request('PUT', `/api/admin/territories?version=${version}`, collection());
      ({ version } = await get('/api/admin/territories'));
      saved = JSON.stringify(features);
      notice(t('The territories are in force.'));
    });
    drawBar();
  }

  /** @param {HTMLInputElement} input */
  async function load(input) {
    const file = input.files?.[0];
    if (!file) return;
    try {
      const read = polygonsOf(JSON.parse(await file.text()));
      if (!read?.found.length) return notice(t('{file} holds no areas: expected a FeatureCollection of polygons.', { file: file.name }), 'bad');
      const said = await askAbout(file.name, features, read.found);
      if (!said) return;
      const next = together(features, read.found, said, { centres: options('centres').map(([id]) => id) });
      await post('/api/admin/territories/check', { type: 'FeatureCollection', features: next });
      put(next, -1);
      map.fit();
      notice([t('{file} is read; nothing is in force before you save.', { file: file.name }), read.others ? t('{n} other shapes in it were left out.', { n: read.others }) : ''].join(' '));
    } catch (error) {
      notice(error instanceof SyntaxError ? t('{file} is not JSON.', { file: file.name }) : problem(error), 'bad');
    } finally {
      input.value = ''; // the same file, mended, is a change again
    }
  }

  function download() {
    const link = h('a', { href: URL.createObjectURL(new Blob([JSON.stringify(collection(), null, 1)], { type: 'application/geo+json' })), download: 'territories.geojson' });
    link.click();
    URL.revokeObjectURL(link.href);
  }

  function draw() {
    drawBar();
    const one = features[chosen];
    fill(side,
      one ? h('section', { class: 'panel' }, h('h2', {}, named(one.properties)), h('p', {}, [centreName(one.properties.centre_id), areaName(one.properties.area_class), kindName(one.properties.kind)].join(' · ')), h('p', { class: 'soft' }, t('Drag its corners, or move them by the arrow keys; Delete takes one away; the smaller handles make new ones. Corners catch on those of neighbours.')),
        h('div', { class: 'buttons' }, button(t('Change'), async () => { const said = await ask({ title: named(one.properties), confirm: t('Take over'), fields: territoryFields(one.properties).slice(1) }); if (said) put(features.map((/** @type {any} */ f) => (f === one ? { ...one, properties: { ...one.properties, ...said } } : f))); }), button(t('Corners'), byText),
          button(t('Remove'), async () => { if (await ask({ title: t('Remove {name}?', { name: named(one.properties) }), text: t('Nothing is in force before you save.'), confirm: t('Remove'), danger: true })) put(features.filter((/** @type {any} */ f) => f !== one), -1); }, { danger: true }))) : null,
      findings,
      h('section', { class: 'panel' }, h('h2', {}, t('Territories')), features.length ? h('ul', { class: 'land-list' }, features.map((/** @type {any} */ f, /** @type {number} */ n) => h('li', {}, h('button', { type: 'button', 'aria-pressed': n === chosen ? 'true' : 'false', on: { click: () => choose(n) } }, named(f.properties)), ' ', h('span', { class: 'soft' }, centreName(f.properties.centre_id))))) : h('p', { class: 'empty' }, options('centres').length ? t('There is none yet: draw one.') : t('A territory needs a repair centre first.'))),
      h('details', { class: 'panel' }, h('summary', {}, t('As a file (GeoJSON)')), h('p', {}, button(t('Download the territories'), download)), h('p', { class: 'soft' }, t('Longitude before latitude (WGS-84). Properties that are understood: id, name, name_zh, centre_id, area_class, kind; what is missing is asked.')), h('p', {}, h('label', { htmlFor: 'file-territories' }, t('Read a file into the editor:')), ' ', h('input', { id: 'file-territories', type: 'file', accept: '.json,.geojson', on: { change: (/** @type {any} */ e) => load(e.target) } }))));
  }

  fill(box, bar, side);
  choose(-1);
  map.fit();
}
