// @ts-check
/** Where the chosen crew's vehicle has been, on the live map. */
import { clock } from './clock.js';
import { h, say } from './dom.js';
import { named, t } from './page.js';
import { trackOf } from './track.js';

const L = /** @type {any} */ (globalThis).L;
const MINUTES = 30;
const AGAIN_MS = 15_000;

export class Trail {
  /** @param {any} map @param {import('./board_state.js').Board} board */
  constructor(map, board) {
    this.board = board;
    this.crewId = '';
    this.asked = 0;
    this.line = L.polyline([], { className: 'trail', weight: 4, interactive: false, renderer: L.svg() }).addTo(map);
    this.note = h('p', { class: 'trail-note soft', role: 'status', hidden: true });
    map.getContainer().append(this.note);
    setInterval(() => { if (this.crewId && !document.hidden) this.look(); }, AGAIN_MS);
  }

  /** @param {string} crewId empty: nobody is chosen */
  show(crewId) {
    if (crewId === this.crewId) return;
    this.crewId = crewId;
    this.asked += 1;
    this.line.setLatLngs([]);
    this.note.hidden = true;
    if (crewId) this.look();
  }

  async look() {
    const turn = this.asked += 1;
    const crew = this.board.crews.get(this.crewId);
    const device = crew?.devices?.find((one) => one.kind === 'terminal') ?? crew?.devices?.[0];
    if (!crew || !device) return;
    const now = clock.now();
    const fixes = await trackOf(device.id, now - MINUTES * 60_000, now);
    if (turn !== this.asked || !fixes) return; // another one was chosen meanwhile; or the next look may see it
    this.line.setLatLngs(fixes.map(({ lat, lon }) => [lat, lon]));
    say(this.note, fixes.length ? t('{crew}: the way of the last {n} minutes', { crew: named(crew), n: MINUTES }) : t('{crew}: no positions in the last {n} minutes', { crew: named(crew), n: MINUTES }));
    this.note.hidden = false;
  }
}
