// @ts-check
/** The replay of one order: the way that its vehicle took, what happened, and its clocks, on one slider. */
import { clock } from './clock.js';
import { duration, figures, level } from './countdown.js';
import { byId, fill, h, say } from './dom.js';
import { fit, startMap } from './ground.js';
import { lines } from './order_timeline.js';
import { clockTime, fullTime, page, t } from './page.js';
import { clocks, fixesOfEvents, legs, neighbour, place, span, together, until } from './replay_state.js';
import { trackOf } from './track.js';
import { ownerName, segmentName, segments } from './vocabulary.js';

const L = /** @type {any} */ (globalThis).L;
const SPEEDS = [1, 10, 30, 60, 120];
const SHOWN = 6;
/** Who is shown whole ways; others see where the vehicle was at each event. */
const SEE_WAYS = ['dispatcher', 'manager', 'admin'];

export class Replay {
  /** @param {any} map @param {any} story */
  constructor(map, story) {
    this.map = map;
    this.story = story;
    this.ends = span(story, clock.now());
    this.at = this.ends[0];
    this.speed = 30;
    this.playing = false;
    this.before = 0;
    this.shown = -1;
    this.lines = lines(story).map((one) => ({ ...one, at: Date.parse(one.at) })).filter((one) => one.at <= this.ends[1]);
    this.moments = [...new Set(this.lines.map((one) => one.at))];
    this.limits = new Map(segments().map((one) => [one.name, one.limit_s]));
    /** @type {import('./replay_state.js').Fix[]} */
    this.fixes = fixesOfEvents(story);
    /** @type {import('./replay_state.js').Fix[][]} */
    this.ways = [];
    this.drawMap();
    this.build();
    this.show();
  }

  /** Fetch what was driven. */
  async load() {
    const wanted = legs(this.story, this.ends[1]);
    const found = SEE_WAYS.includes(page.person?.role ?? '') ? await Promise.all(wanted.map((leg) => trackOf(leg.device, leg.from, leg.to))) : wanted.map(() => null);
    this.ways = found.filter((one) => one !== null && one.length).map((one) => /** @type {any} */ (one));
    const seen = this.ways.flat().sort((a, b) => a.at - b.at);
    if (seen.length) this.fixes = seen;
    else say(this.note, found.some((one) => one === null) ? t('Only where the vehicle was at each event: its whole way is for the repair centre.') : t('No position of the vehicle is kept for this time.'));
    this.whole.setLatLngs(this.ways.map((one) => one.map((f) => [f.lat, f.lon])));
    const all = [...this.fixes.map((f) => [f.lat, f.lon]), ...(this.fault ? [this.fault] : [])];
    if (all.length) this.map.fitBounds(L.latLngBounds(all).pad(0.15), { animate: false, maxZoom: 16 });
    this.show();
  }

  drawMap() {
    const { lat, lon } = this.story.order;
    const colour = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    this.map.createPane('way').style.zIndex = '450';
    const renderer = L.canvas({ pane: 'way' });
    const line = (/** @type {any} */ more) => L.polyline([], { pane: 'way', renderer, interactive: false, ...more }).addTo(this.map);
    this.whole = line({ color: colour('--soft'), weight: 3, opacity: 0.5, dashArray: '4 6' });
    this.driven = line({ color: colour('--accent'), weight: 4, opacity: 0.95 });
    document.addEventListener('themechange', () => { this.whole.setStyle({ color: colour('--soft') }); this.driven.setStyle({ color: colour('--accent') }); });
    const mark = (/** @type {string} */ text, /** @type {string} */ look) => L.marker([0, 0], { keyboard: false, interactive: false, icon: L.divIcon({ className: look, html: h('span', { 'aria-hidden': 'true' }, text), iconSize: [28, 28] }) });
    this.fault = lat === null ? null : [lat, lon];
    if (this.fault) mark('✚', 'pin').setLatLng(this.fault).addTo(this.map);
    this.vehicle = mark('●', 'replay-vehicle');
  }

  build() {
    const [start, end] = this.ends;
    const percent = (/** @type {number} */ at) => `${(100 * (at - start)) / (end - start)}%`;
    this.slider = h('input', { type: 'range', id: 'replay-slider', min: '0', max: String(Math.ceil((end - start) / 1000)), step: '1', value: '0', 'aria-label': t('Time of the replay') });
    this.slider.addEventListener('input', () => { this.stop(); this.go(start + 1000 * Number(this.slider.value)); });
    this.slider.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => this.key(e));
    this.button = h('button', { type: 'button', class: 'primary', id: 'replay-play', on: { click: () => this.toggle() } });
    this.speeds = h('select', { id: 'replay-speed', 'aria-label': t('Speed'), on: { change: () => { this.speed = Number(this.speeds.value); } } }, SPEEDS.map((n) => h('option', { value: String(n), selected: n === this.speed }, `${n}×`)));
    this.face = h('b', { class: 'figures', id: 'replay-time' });
    this.promise = h('span', { class: 'figures', id: 'replay-left' });
    this.segment = h('span', { id: 'replay-segment' });
    this.where = h('span', { class: 'soft', id: 'replay-where' });
    this.feed = h('ol', { class: 'replay-feed', id: 'replay-feed' });
    this.note = h('p', { class: 'soft' });
    const marks = together(this.story.order.points, this.ends).map(({ at, name }) => h('i', { class: 'replay-mark', style: { left: percent(at) }, title: `${name} ${fullTime(at)}` }, name));
    fill(byId('replay-controls'),
      h('div', { class: 'replay-row' }, h('button', { type: 'button', 'aria-label': t('Event before'), on: { click: () => this.jump(-1) } }, '|◀'), this.button, h('button', { type: 'button', 'aria-label': t('Next event'), on: { click: () => this.jump(1) } }, '▶|'), this.speeds, this.face, h('span', { class: 'soft' }, page.timezone), this.promise, this.segment),
      h('div', { class: 'replay-line' }, this.slider, h('div', { class: 'replay-marks', 'aria-hidden': 'true' }, marks)),
      h('p', { class: 'soft' }, h('kbd', {}, '← →'), ' ', t('10 s, with Shift a minute'), ' · ', h('kbd', {}, 'PgUp PgDn'), ' ', t('event'), ' · ', h('kbd', {}, t('Space')), ' ', t('play')),
      this.where, this.note, this.feed);
  }

  /** @param {KeyboardEvent} e */
  key(e) {
    const far = e.shiftKey ? 60_000 : 10_000;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowRight: () => this.go(this.at + far), ArrowUp: () => this.go(this.at + far), ArrowLeft: () => this.go(this.at - far), ArrowDown: () => this.go(this.at - far),
      PageUp: () => this.jump(-1), PageDown: () => this.jump(1), Home: () => this.go(this.ends[0]), End: () => this.go(this.ends[1]), ' ': () => this.toggle(),
    };
    if (!keys[e.key] || e.altKey || e.ctrlKey || e.metaKey) return;
    e.preventDefault();
    if (e.key !== ' ') this.stop();
    keys[e.key]();
  }

  /** @param {1|-1} step */
  jump(step) { this.stop(); this.go(neighbour(this.moments, this.at, step, this.ends)); }

  /** @param {number} at */
  go(at) {
    this.at = Math.min(this.ends[1], Math.max(this.ends[0], at));
    this.show();
  }

  stop() { this.playing = false; this.show(); }

  toggle() {
    this.playing = !this.playing;
    if (this.playing && this.at >= this.ends[1]) this.at = this.ends[0];
    this.before = performance.now();
    if (this.playing) requestAnimationFrame((now) => this.frame(now));
    this.show();
  }

  /** @param {number} now */
  frame(now) {
    if (!this.playing) return;
    this.go(this.at + Math.max(0, now - this.before) * this.speed);
    this.before = now;
    if (this.at >= this.ends[1]) this.stop();
    else requestAnimationFrame((next) => this.frame(next));
  }

  show() {
    this.slider.value = String(Math.round((this.at - this.ends[0]) / 1000));
    const state = clocks(this.story, this.limits, this.at);
    say(this.button, this.playing ? `⏸ ${t('Pause')}` : `▶ ${t('Play')}`);
    say(this.face, fullTime(this.at));
    say(this.promise, state.arrived ? `✓ ${figures(state.left)}` : figures(state.left));
    this.promise.className = `figures ${state.arrived && state.left >= 0 ? 'scene' : level(state.left)}`;
    const late = state.limit > 0 && state.spent > state.limit;
    const allowed = state.limit ? ` / ${duration(state.limit)}` : '';
    say(this.segment, state.label ? `${late ? '▲ ' : ''}${segmentName(state.label)} ${duration(Math.floor(state.spent))}${allowed} · ${ownerName(state.owner)}` : '');
    this.segment.classList.toggle('late', late);
    const n = until(this.lines, this.at);
    this.slider.setAttribute('aria-valuetext', [clockTime(this.at), this.lines[n - 1]?.what ?? ''].filter(Boolean).join(', '));
    if (n !== this.shown) { this.shown = n; this.drawFeed(n); }
    this.move();
  }

  /** @param {number} n how many lines have happened */
  drawFeed(n) {
    fill(this.feed, this.lines.slice(Math.max(0, n - SHOWN), n).reverse().map((one, i) => h('li', { class: i ? '' : 'now' }, h('time', {}, clockTime(one.at)), ' ', h('b', {}, one.what), ' ', one.who, one.said ? [' · ', one.said] : null, h('small', { class: 'soft' }, ' ', one.source))));
  }

  move() {
    const found = place(this.fixes, this.at);
    this.driven.setLatLngs(this.ways.map((way) => way.slice(0, until(way, this.at)).map((f) => [f.lat, f.lon])));
    if (!found) { this.vehicle.remove(); say(this.where, t('The vehicle has not been seen yet.')); return; }
    this.vehicle.setLatLng([found.lat, found.lon]).addTo(this.map);
    this.vehicle.getElement()?.classList.toggle('old', found.how === 'last' && found.age > 60_000);
    say(this.where, found.how === 'last' ? t('Vehicle: last seen {n} s before', { n: Math.round(found.age / 1000) }) : t('Vehicle: {lat}, {lon}', { lat: found.lat.toFixed(5), lon: found.lon.toFixed(5) }));
  }
}

/** @param {any} story */
export async function startReplay(story) {
  const map = await startMap();
  fit(map);
  const replay = new Replay(map, story);
  await replay.load();
  if (location.hash === '#replay') { byId('replay').scrollIntoView({ block: 'start' }); replay.slider.focus(); }
}
