// @ts-check
/** The control room: map, board and alerts on one screen, fed by the live feed. */
import { Alerts } from './alerts.js';
import { Assigner } from './assign.js';
import { get } from './api.js';
import { banner } from './banner.js';
import { cover, emptyBoard, put, take } from './board_state.js';
import { BoardView } from './board_view.js';
import { straight } from './candidates.js';
import { askTime, clock } from './clock.js';
import { CrewsView } from './crews_view.js';
import { byId, say, typing } from './dom.js';
import { Drag } from './drag.js';
import { notUnderAFinger } from './finger.js';
import { fit, startMap } from './ground.js';
import { toggleHelp } from './key_help.js';
import { Live } from './live.js';
import { LiveLayer } from './live_layer.js';
import { OrderMarkers } from './order_markers.js';
import { OrderPanel } from './order_panel.js';
import { shortName, t } from './page.js';
import { lookAt, startPanes, tab } from './panes.js';
import { isHeld } from './place_field.js';
import { onSession } from './session.js';
import { startShell } from './shell.js';
import { showUndelivered } from './undelivered.js';
import { Trail } from './trail.js';
import { loadWords, word } from './vocabulary.js';

startShell();
/** @type {{invalidateSize: () => void}|undefined} */
let sized;
startPanes(() => sized?.invalidateSize()); // they are pressed while the rest still comes
await Promise.all([loadWords(), askTime()]);
showUndelivered(byId('undelivered'));
const map = await startMap();
sized = map;
const board = emptyBoard();
let selected = '';

const crewOf = (/** @type {number} */ no) => [...board.crews.values()].find((c) => c.no === no);
const layer = new LiveLayer(map, { name: (no) => shortName(crewOf(no)) || String(no), pick: (no) => { const crew = crewOf(no); if (crew && !isHeld(map)) pickCrew(crew); } });
const markers = new OrderMarkers(map, (id) => { if (!isHeld(map)) pick(id); });
const trail = new Trail(map, board);
const view = new BoardView(board, { pick });
const assigner = new Assigner(board, { order: changedOrder, crew: changedCrew });
const panel = new OrderPanel(board, assigner, { crew: (id) => { const crew = board.crews.get(id); if (crew) pickCrew(crew); }, open: pick, changed: changedOrder, look: (at) => { if (innerWidth < 900) { lookAt(at === 'map' ? 'map' : 'side'); map.invalidateSize(); } } }, map);
const crews = new CrewsView(board, { order: pick, map: pickCrew, changed: changedCrew, fixed: (no) => layer.fleet.fixedAt(no), reorder: (crewId, sequence) => { assigner.reorder(crewId, sequence).then(() => crews.draw()); } });
const alerts = new Alerts({ open: pick, changed: (alert) => { board.alerts.set(String(alert.id), alert); show(); }, address: (id) => board.orders.get(id)?.address });

new Drag(assigner, {
  begin: () => tab('crews'),
  crewAt: (x, y) => {
    const box = map.getContainer().getBoundingClientRect();
    return crewOf(layer.at({ x: x - box.left, y: y - box.top }))?.id ?? '';
  },
});
byId('help').addEventListener('click', toggleHelp);

/** @param {any} crew */
function changedCrew(crew) {
  board.crews.set(crew.id, crew);
  show();
}

/** @param {any} order */
function changedOrder(order) {
  put(board, order);
  show();
}

/** Whose vehicle is shown because of the chosen order; null: a crew was chosen by itself. @type {string|null} */
let ringed = '';

/** The vehicle of the chosen order, on the map. @param {string} crewId */
function ring(crewId) {
  ringed = crewId;
  layer.select(board.crews.get(crewId)?.no ?? -1);
  trail.show(crewId);
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
  ring(order?.crew_id ?? '');
  if (order?.lat && !map.getBounds().pad(-0.1).contains([order.lat, order.lon])) map.panTo([order.lat, order.lon]);
  if (act) {
    if (innerWidth < 900) { lookAt('side'); map.invalidateSize(); }
    /** @type {HTMLElement|null} */ (document.querySelector('#panel-order .actions button') ?? document.querySelector('#panel-order p a'))?.focus();
  }
}

/** @param {import('./board_state.js').Crew} crew */
function pickCrew(crew) {
  crews.selected = crew.id;
  tab('crews');
  crews.show(clock.now());
  ringed = null;
  document.getElementById(`crew-${crew.id}`)?.scrollIntoView({ block: 'nearest' });
  trail.show(crew.id);
  if (!layer.show(crew.no) && crew.fix) map.panTo([crew.fix.lat, crew.fix.lon]);
}

map.invalidateSize();
fit(map, byId('legend').offsetHeight + 8);

const show = notUnderAFinger(() => {
  const now = clock.now();
  view.show(now);
  panel.show(selected, now);
  markers.show(board.orders, now);
  crews.show(now);
  const crewId = board.orders.get(selected)?.crew_id ?? '';
  if (ringed !== null && crewId !== ringed) ring(crewId); // it went to another crew
  scarce();
  alerts.show(board.alerts);
  const chip = byId('travel-source');
  chip.hidden = !straight(board.travelSource);
  say(chip, t('Travel times are straight-line estimates: no road data.'));
});

/** What time alone changes, once a second; all else comes with a frame. */
const tick = notUnderAFinger(() => {
  const now = clock.now();
  view.run(now);
  markers.run(now);
  panel.show(selected, now);
  crews.run(now);
});

/** Trades in which orders wait and no crew is free, beside the title. */
function scarce() {
  const short = cover(board).filter((one) => one.waiting && !one.free);
  const chip = byId('scarce');
  chip.hidden = !short.length;
  const trades = short.map((one) => `${word('trades', one.trade)} (${one.waiting})`).join(', ');
  say(chip, trades && t('▲ No free crew: {trades}', { trades }));
}

addEventListener('keydown', (e) => {
  if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
  /** @type {Record<string, () => void>} */
  const keys = {
    '/': () => byId('search').focus(), d: () => panel.act('dispatch'), a: () => panel.act('accept'), r: () => panel.act('recall'),
    x: () => panel.act('reassign'), h: () => panel.act('return'), o: () => panel.act('route'), p: () => panel.act('place'), b: () => byId('board').focus(),
    c: () => { tab('crews'); byId('tab-crews').focus(); }, l: () => { tab('alerts'); byId('tab-alerts').focus(); },
    u: () => assigner.undo(), '?': toggleHelp,
    Escape: () => byId('board').focus(), q: () => alerts.acknowledgeFirst(),
  };
  if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  else if (/^[1-9]$/.test(e.key)) view.nth(Number(e.key));
  else if (document.activeElement === document.body) {
    byId('board').focus({ preventScroll: true });
    view.key(e);
  }
});

/** An order that is being decided about here: has somebody else been first? @param {string} id @param {any} before */
function rival(id, before) {
  const order = board.orders.get(id);
  if (order && assigner.heard(order, before, panel.choosing ? panel.id : '')) panel.choosing = '';
}

let cutSince = 0, signedOut = false;
const live = new Live({
  frame(frame) {
    const before = new Map((frame.type === 'changes' ? frame.orders ?? [] : []).map((/** @type {any} */ o) => [o.id, board.orders.get(o.id)]));
    const what = take(board, frame);
    if (what === 'resync') return false;
    if (what === 'board') layer.rename();
    if (what === 'changes') for (const [id, was] of before) rival(id, was);
    if (what !== 'tick') show();
    return true;
  },
  positions: (bytes) => layer.take(bytes),
  state(state, since) {
    const chip = byId('connection');
    chip.className = `chip ${state === 'live' ? 'good' : 'bad'}`;
    say(chip, state === 'live' ? `● ${t('Live')}` : state === 'quiet' ? `○ ${t('Silent')}` : state === 'out' ? `○ ${t('Signed out')}` : `○ ${t('Cut')}`);
    cutSince = state === 'live' ? 0 : since;
    sayCut();
  },
});
onSession((state) => { signedOut = state === 'out'; sayCut(); });

/** Say how old the picture is while the connection is down. */
function sayCut() {
  document.body.classList.toggle('aged', !!cutSince);
  const n = Math.round((performance.now() - cutSince) / 1000);
  if (signedOut) banner(cutSince ? t('You are signed out. This picture is {n} s old.', { n }) : t('You are signed out. Sign in again.'), 'here');
  else banner(cutSince ? t('The connection is cut. This picture is {n} s old; it comes back by itself.', { n }) : '');
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
setInterval(() => { if (cutSince) sayCut(); }, 1000);
setInterval(fallBack, 5000);
