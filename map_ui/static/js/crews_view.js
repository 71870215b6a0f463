// @ts-check
/** The crews: who is free, who asks to be away, who is where, what each vehicle holds and in which sequence. */
import { explain, post } from './api.js';
import { cover } from './board_state.js';
import { clock } from './clock.js';
import { arrange, byId, fill, h, keepingFocus, say } from './dom.js';
import { named, shortName, shortTime, t } from './page.js';
import { ask, notice } from './shell.js';
import { COLOURS, cutOut } from './sprites.js';
import { mayAct } from './may_act.js';
import { stackList, tickStacks } from './stack_view.js';
import { statusName, word } from './vocabulary.js';

const ORDER = ['standby', 'assigned', 'en_route', 'on_scene', 'away', 'off_shift'];

/** A small picture of a status, the same as on the map. @param {string} status */
const statusMark = (status) => h('span', { class: 'status-mark', 'aria-hidden': 'true', style: { 'clip-path': cutOut(status, 6, 11), background: /** @type {Record<string, string>} */ (COLOURS)[status] ?? '#888' } });

/** A message to the crew's phone: it sounds there until somebody has read it. @param {import('./board_state.js').Crew} crew */
async function write(crew) {
  const said = await ask({ title: t('Write to {crew}', { crew: named(crew) }), confirm: t('Send'), fields: [{ name: 'text', label: t('Message'), kind: 'area' }] });
  if (!said) return;
  try {
    await post(`/api/crews/${encodeURIComponent(crew.id)}/messages`, said);
    notice(t('The crew\'s phone shows it.'), 'good', { about: crew.id });
  } catch (error) {
    notice(explain(error), 'bad', { about: crew.id });
  }
}

export class CrewsView {
  /** @param {import('./board_state.js').Board} board @param {{order: (id: string) => void, map: (crew: any) => void, fixed: (no: number) => number, changed: (crew: any) => void, reorder: (crewId: string, sequence: string[]) => void}} on `fixed`: when the fix was taken that the map shows, ms */
  constructor(board, on) {
    this.board = board;
    this.on = on;
    this.key = '';
    this.selected = '';
    this.panel = byId('panel-crews');
    this.head = h('div');
    this.list = h('ul', { class: 'crews' });
    this.none = h('p', { class: 'empty' }, t('No crews are known yet.'));
    fill(this.panel, this.head, this.list, this.none);
    /** @type {Map<string, any>} */
    this.rows = new Map();
    /** What a row shows of its crew itself, worked out once for each crew as it is told. @type {WeakMap<any, string>} */
    this.shown = new WeakMap();
    this.seen = new IntersectionObserver((entries) => this.look(entries), { root: this.panel, rootMargin: '200px' });
    /** What the buttons of the list do. @type {Record<string, (crew: any) => void>} */
    this.acts = { map: on.map, write, away: (crew) => this.away(crew), standby: (crew) => this.standby(crew), grant: (crew) => this.grant(crew), refuse: (crew) => this.send(crew, 'away/refuse', {}) };
    this.panel.addEventListener('click', (/** @type {Event} */ e) => this.press(e));
    this.panel.addEventListener('shown', () => this.show(clock.now()));
    fill(byId('legend'), ORDER.map((s) => h('span', {}, statusMark(s), statusName(s))), h('span', { class: 'soft' }, t('faded: stale')));
  }

  /** One listener for all: a listener of each row would keep the crew that the row was made of, long after it was told anew. @param {Event} event */
  press(event) {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest('[data-act]'));
    if (!button) return;
    const crew = this.board.crews.get(button.dataset.of ?? '');
    if (crew) this.acts[button.dataset.act ?? ''](crew);
  }

  /** @param {number} now server time, ms */
  show(now) {
    this.draw();
    this.run(now);
  }

  /** Let ages and stacks run on. @param {number} now */
  run(now) {
    if (this.panel.hidden) return;
    tickStacks(this.panel, this.board, now);
    for (const row of /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll(':scope > li:not([data-off])'))) this.tick(row, now);
  }

  /** @param {HTMLElement} row @param {number} now */
  tick(row, now) {
    const age = row.querySelector('[data-fix]');
    if (age) say(age, this.age(this.board.crews.get(row.dataset.crew ?? ''), now));
  }

  /** Only the rows that are seen run on. @param {IntersectionObserverEntry[]} entries */
  look(entries) {
    for (const { target, isIntersecting } of entries) {
      target.toggleAttribute('data-off', !isIntersecting);
      if (isIntersecting) this.tick(/** @type {HTMLElement} */ (target), clock.now());
    }
  }

  /** How old a crew's position is: the map hears of those in its view each second, the board of the others each minute. @param {import('./board_state.js').Crew|undefined} crew @param {number} now */
  age(crew, now) {
    const at = Math.max(crew?.fix ? Date.parse(crew.fix.at) : -Infinity, crew ? this.on.fixed(crew.no) : -Infinity);
    return at === -Infinity ? t('position unknown') : t('position {n} s old', { n: Math.max(0, Math.round((now - at) / 1000)) });
  }

  draw() {
    const all = [...this.board.crews.values()];
    const asking = all.filter((c) => c.asked);
    const count = byId('asked-count');
    count.hidden = !asking.length;
    say(count, String(asking.length));
    if (this.panel.hidden) return; // drawn when somebody looks
    keepingFocus(this.panel, () => this.drawAll(all, asking), (before) => this.nameOf(before.dataset.of ?? before.closest('[data-crew]')?.dataset.crew));
  }

  /** @param {import('./board_state.js').Crew[]} all @param {import('./board_state.js').Crew[]} asking */
  drawAll(all, asking) {
    const key = JSON.stringify([asking.map((c) => [c.id, c.asked]), cover(this.board)]);
    if (key !== this.key) fill(this.head, asking.length ? this.asking(asking) : null, this.trades());
    this.key = key;
    this.none.hidden = all.length > 0;
    all.sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || (a.id < b.id ? -1 : 1));
    arrange(this.list, all.map((c) => c.id), this.rows, (id) => {
      const row = h('li', { id: `crew-${id}`, data: { crew: id, off: '' } });
      this.seen.observe(row);
      return row;
    });
    for (const crew of all) this.drawRow(crew);
  }

  /** Anew only where something of it is shown otherwise. @param {import('./board_state.js').Crew} crew */
  drawRow(crew) {
    const row = this.rows.get(crew.id);
    let key = this.shown.get(crew);
    if (key === undefined) this.shown.set(crew, key = JSON.stringify([crew.status, crew.presence, crew.away_until, crew.stack, crew.stale, named(crew), crew.trade, crew.duty_phone, crew.capacity]));
    if (crew.stack.length) key += crew.stack.map((s) => this.board.orders.get(s.order_id)?.state).join();
    if (row.key !== key) fill(row, this.row(crew));
    row.key = key;
    const look = `${crew.stale ? 'stale' : ''}${crew.id === this.selected ? ' selected' : ''}`;
    if (row.className !== look) row.className = look;
  }

  /** The button that is a crew's name. @param {string|undefined} id */
  nameOf(id) { return this.panel.querySelector(`[data-act="map"][data-of="${CSS.escape(id ?? '')}"]`); }

  /** How many crews of each trade are free, and where none is. */
  trades() {
    return h('ul', { class: 'cover', 'aria-label': t('Free crews') }, cover(this.board).filter((one) => one.crews || one.waiting).map((one) => h('li', { class: one.free ? '' : one.waiting ? 'late' : 'soon', data: { trade: one.trade } },
      h('span', {}, one.free ? '' : '▲ ', word('trades', one.trade)), h('b', {}, t('{free} of {all} free', { free: one.free, all: one.crews })), one.waiting ? h('span', {}, t('{n} [order waits|orders wait]', { n: one.waiting })) : null)));
  }

  /** @param {import('./board_state.js').Crew[]} asking */
  asking(asking) {
    return h('section', { class: 'asking panel warn', 'aria-label': t('Requests to be away') }, h('h3', {}, t('Requests to be away')), h('ul', {}, asking.map((crew) => h('li', { data: { asks: crew.id } },
      h('div', {}, h('strong', {}, named(crew)), ' ', t('until {time}', { time: shortTime(crew.asked?.until) }), crew.asked?.reason ? ` · ${crew.asked.reason}` : ''),
      h('div', { class: 'soft' }, t('Too few crews of this trade would stay.')),
      mayAct() ? h('div', { class: 'buttons' }, h('button', { type: 'button', class: 'primary', data: { act: 'grant', of: crew.id } }, t('Grant')), h('button', { type: 'button', data: { act: 'refuse', of: crew.id } }, t('Refuse'))) : null))));
  }

  /** @param {import('./board_state.js').Crew} crew */
  async grant(crew) {
    if (await ask({ title: t('Let {crew} be away?', { crew: named(crew) }), text: t('Too few crews of this trade would stay.'), danger: true, confirm: t('Grant') })) await this.send(crew, 'away/grant', {});
  }

  /** @param {import('./board_state.js').Crew} crew */
  row(crew) {
    const away = crew.presence === 'away';
    return [statusMark(crew.status),
      h('div', { class: 'what' }, h('button', { type: 'button', class: 'link', title: named(crew), data: { act: 'map', of: crew.id } }, shortName(crew)),
        h('div', { class: 'soft' }, statusName(crew.status), away && crew.away_until ? [' · ', t('until {time}', { time: shortTime(crew.away_until) })] : null, ` · ${word('trades', crew.trade)}`, crew.duty_phone ? [' · ', h('a', { href: `tel:${crew.duty_phone}` }, crew.duty_phone)] : null),
        h('div', { class: 'soft' }, h('span', { data: { fix: crew.id } }), crew.stale ? [' ', h('span', { class: 'chip warn' }, t('stale'))] : null)),
      mayAct() ? h('div', { class: 'numbers' }, h('button', { type: 'button', 'aria-label': t('Write to {crew}', { crew: named(crew) }), data: { act: 'write', of: crew.id } }, '✉'), h('span', { class: 'soft' }, `${crew.stack?.length ?? 0}/${crew.capacity}`),
        away ? h('button', { type: 'button', data: { act: 'standby', of: crew.id } }, t('Standby')) : crew.status === 'standby' ? h('button', { type: 'button', data: { act: 'away', of: crew.id } }, t('Away')) : null) : null,
      crew.stack?.length ? stackList(crew, this.board, { open: this.on.order, reorder: this.on.reorder, act: mayAct() }) : null];
  }

  /** @param {import('./board_state.js').Crew} crew */
  async away(crew) {
    const said = await ask({ title: t('{crew} away', { crew: named(crew) }), confirm: t('Away'), fields: [{ name: 'minutes', label: t('For how many minutes'), kind: 'number', value: '30' }, { name: 'reason', label: t('Reason'), value: t('Meal') }] });
    if (said) await this.send(crew, 'away', { minutes: Number(said.minutes), reason: said.reason });
  }

  /** @param {import('./board_state.js').Crew} crew */
  standby(crew) { return this.send(crew, 'standby', {}); }

  /** @param {import('./board_state.js').Crew} crew @param {string} what @param {any} body */
  async send(crew, what, body) {
    try {
      const after = await post(`/api/crews/${encodeURIComponent(crew.id)}/${what}`, body);
      this.on.changed(after);
      const undo = what === 'away' ? { label: t('Standby'), act: () => this.standby(after) } : {};
      notice(`${named(crew)}: ${statusName(after.status)}`, 'good', { about: crew.id, ...undo });
    } catch (error) {
      const from = /** @type {any} */ (error).facts?.possible_from;
      notice(`${named(crew)}: ${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, 'bad', { about: crew.id });
    }
  }
}
