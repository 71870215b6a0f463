// @ts-check
/** The control room: map, board and alerts on one screen, fed by the live feed. */
import { Alerts } from './alerts.js';
import { get } from './api.js';
import { emptyBoard, take } from './board_state.js';
import { BoardView } from './board_view.js';
import { straight } from './candidates.js';
import { askTime, clock } from './clock.js';
import { CrewsView } from './crews_view.js';
import { byId, say, typing } from './dom.js';
import { notUnderAFinger } from './finger.js';
import { fit, startMap } from './ground.js';
import { Live } from './live.js';
import { LiveLayer } from './live_layer.js';
import { OrderMarkers } from './order_markers.js';
import { OrderPanel } from './order_panel.js';
import { shortName, t } from './page.js';
import { startShell } from './shell.js';
import { showUndelivered } from './undelivered.js';
import { loadWords } from './vocabulary.js';

startShell();
await Promise.all([loadWords(), askTime()]);
showUndelivered(byId('undelivered'));
const map = await startMap();
const board = emptyBoard();
let selected = '';

const crewOf = (/** @type {number} */ no) => [...board.crews.values()].find((c) => c.no === no);
const layer = new LiveLayer(map, { name: (no) => shortName(crewOf(no)) || String(no), pick: (no) => { const crew = crewOf(no); if (crew) pickCrew(crew); } });
const markers = new OrderMarkers(map, (id) => pick(id));
const view = new BoardView(board, { pick });
const panel = new OrderPanel(board, { changed: changedOrder, open: pick, crew: (id) => { const crew = board.crews.get(id); if (crew) pickCrew(crew); } });
const crews = new CrewsView(board, { order: pick, map: pickCrew, changed: (crew) => { board.crews.set(crew.id, crew); show(); } });
const alerts = new Alerts({ open: pick, changed: (alert) => { board.alerts.set(String(alert.id), alert); show(); } });

/** @param {any} order */
function changedOrder(order) {
  const known = board.orders.get(order.id);
  if (!known || order.version >= known.version) board.orders.set(order.id, order);
  show();
}

/** Choose an order everywhere. @param {string} id @param {boolean} [act] */
function pick(id, act = false) {
  selected = id;
  view.selected = id;
  markers.select(id);
  byId('board').setAttribute('aria-activedescendant', `row-${id}`);
  tab('order');
  show();
  const order = board.orders.get(id);
  const crew = board.crews.get(order?.crew_id ?? '');
  layer.select(crew ? crew.no : -1);
  if (order?.lat && !map.getBounds().pad(-0.1).contains([order.lat, order.lon])) map.panTo([order.lat, order.lon]);
  if (act) {
    if (innerWidth < 900) look('side');
    /** @type {HTMLElement|null} */ (document.querySelector('#panel-order .actions button') ?? document.querySelector('#panel-order p a'))?.focus();
  }
}

/** @param {import('./board_state.js').Crew} crew */
function pickCrew(crew) {
  crews.selected = crew.id;
  tab('crews');
  crews.show();
  document.getElementById(`crew-${crew.id}`)?.scrollIntoView({ block: 'nearest' });
  if (!layer.show(crew.no) && crew.fix) map.panTo([crew.fix.lat, crew.fix.lon]);
}

/** @param {string} name */
function tab(name) {
  for (const button of document.querySelectorAll('.tabs [role=tab]')) {
    const on = button.id === `tab-${name}`;
    button.setAttribute('aria-selected', String(on));
    button.setAttribute('tabindex', on ? '0' : '-1');
    byId(String(button.getAttribute('aria-controls'))).hidden = !on;
  }
}
for (const button of document.querySelectorAll('.tabs [role=tab]')) {
  button.addEventListener('click', () => tab(button.id.slice(4)));
  button.addEventListener('keydown', (e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {KeyboardEvent} */ (e).key];
    if (!step) return;
    const all = [...document.querySelectorAll('.tabs [role=tab]')];
    const next = /** @type {HTMLElement} */ (all[(all.indexOf(button) + step + all.length) % all.length]);
    tab(next.id.slice(4));
    next.focus();
  });
}

/** On a narrow screen one view at a time. @param {string} name */
function look(name) {
  document.body.dataset.view = name;
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.small-tabs button'))) button.setAttribute('aria-pressed', String(button.dataset.view === name));
  map.invalidateSize();
}
for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.small-tabs button'))) button.addEventListener('click', () => look(button.dataset.view ?? 'board'));
look('board');
fit(map, byId('legend').offsetHeight + 8);

const show = notUnderAFinger(() => {
  const now = clock.now();
  view.show(now);
  panel.show(selected, now);
  markers.show(board.orders, now);
  crews.show();
  alerts.show(board.alerts);
  const chip = byId('travel-source');
  chip.hidden = !straight(board.travelSource);
  say(chip, t('Travel times are straight-line estimates: no road data.'));
});

/** What time alone changes, once a second; all else comes with a frame. */
const tick = notUnderAFinger(() => {
  const now = clock.now();
  if (!view.run(now)) return show();
  markers.run(board.orders, now);
  panel.show(selected, now);
  if (!byId('panel-crews').hidden) crews.show();
});

addEventListener('keydown', (e) => {
  if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
  /** @type {Record<string, () => void>} */
  const keys = {
    '/': () => byId('search').focus(), d: () => panel.act('dispatch'), a: () => panel.act('accept'), r: () => panel.act('recall'),
    x: () => panel.act('reassign'), h: () => panel.act('return'), o: () => panel.act('route'), b: () => byId('board').focus(),
    c: () => { tab('crews'); byId('tab-crews').focus(); }, l: () => { tab('alerts'); byId('tab-alerts').focus(); },
    Escape: () => byId('board').focus(), q: () => { if (alerts.waiting[0]) alerts.acknowledge(alerts.waiting[0]); },
  };
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  else if (document.activeElement === document.body) {
    byId('board').focus({ preventScroll: true });
    view.key(e);
  }
});

let cutSince = 0;
const live = new Live({
  frame(frame) {
    const what = take(board, frame);
    if (what === 'resync') return false;
    if (what === 'board') layer.rename();
    if (what !== 'tick') show();
    return true;
  },
  positions: (bytes) => layer.take(bytes),
  state(state, since) {
    const chip = byId('connection');
    chip.className = `chip ${state === 'live' ? 'good' : 'bad'}`;
    say(chip, state === 'live' ? `● ${t('Live')}` : state === 'quiet' ? `○ ${t('Silent')}` : `○ ${t('Cut')}`);
    cutSince = state === 'live' ? 0 : since;
    banner();
  },
});

/** Say how old the picture is while the connection is down. */
function banner() {
  const box = byId('banner');
  box.hidden = !cutSince;
  document.body.classList.toggle('aged', !!cutSince);
  if (cutSince) say(box, t('The connection is cut. This picture is {n} s old; it comes back by itself.', { n: Math.round((performance.now() - cutSince) / 1000) }));
}

/** While the feed is down for long, the board still comes over HTTP. */
async function fallBack() {
  if (!cutSince || performance.now() - cutSince < 6000) return;
  const frame = await get('/api/board').catch(() => null);
  if (!frame || !cutSince) return;
  clock.hear(frame.now);
  take(board, { ...frame, type: 'board' });
  show();
}

const looked = () => {
  const b = map.getBounds();
  live.look({ south: b.getSouth(), west: b.getWest(), north: b.getNorth(), east: b.getEast() });
};
map.on('moveend', looked);
looked();
setInterval(tick, 1000);
setInterval(banner, 1000);
setInterval(fallBack, 5000);
