// @ts-check
/** The crews: who is free, who is where, what each vehicle holds. */
import { explain, post } from './api.js';
import { byId, fill, h } from './dom.js';
import { named, shortName, shortTime, t } from './page.js';
import { ask, notice } from './shell.js';
import { COLOURS, shape } from './sprites.js';
import { statusName, word } from './vocabulary.js';
import { mayAct } from './order_panel.js';

const ORDER = ['standby', 'assigned', 'en_route', 'on_scene', 'away', 'off_shift'];

/** A small picture of a status, the same as on the map. @param {string} status */
function statusMark(status) {
  const canvas = h('canvas', { width: 44, height: 44, class: 'status-mark', 'aria-hidden': 'true' });
  const c = canvas.getContext('2d');
  c.scale(2, 2);
  c.translate(11, 11);
  c.fillStyle = /** @type {Record<string, string>} */ (COLOURS)[status] ?? '#888';
  shape(c, status, 6);
  c.fill();
  return canvas;
}

/** A message to the crew's phone: it sounds there until somebody has read it. @param {import('./board_state.js').Crew} crew */
async function write(crew) {
  const said = await ask({ title: t('Write to {crew}', { crew: named(crew) }), confirm: t('Send'), fields: [{ name: 'text', label: t('Message'), kind: 'area' }] });
  if (!said) return;
  try {
    await post(`/api/crews/${encodeURIComponent(crew.id)}/messages`, said);
    notice(t('The crew\'s phone shows it.'));
  } catch (error) {
    notice(explain(error), 'bad');
  }
}

export class CrewsView {
  /** @param {import('./board_state.js').Board} board @param {{order: (id: string) => void, map: (crew: any) => void, changed: (crew: any) => void}} on */
  constructor(board, on) {
    this.board = board;
    this.on = on;
    this.key = '';
    this.selected = '';
    fill(byId('legend'), ORDER.map((s) => h('span', {}, statusMark(s), statusName(s))), h('span', { class: 'soft' }, t('faded: stale')));
  }

  show() {
    const all = [...this.board.crews.values()].sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || a.id.localeCompare(b.id));
    const key = JSON.stringify(all.map((c) => [c.id, c.status, c.presence, c.away_until, c.stack, c.stale, c.fix && Math.floor(c.fix.age_s / 30)])) + this.selected;
    if (key === this.key) return;
    this.key = key;
    const free = all.filter((c) => c.status === 'standby').length;
    fill(byId('panel-crews'), h('p', { class: 'soft' }, t('{free} of {all} crews on standby', { free, all: all.length })),
      all.length ? h('ul', { class: 'crews' }, all.map((c) => this.row(c))) : h('p', { class: 'empty' }, t('No crews are known yet.')));
  }

  /** @param {import('./board_state.js').Crew} crew */
  row(crew) {
    const away = crew.presence === 'away';
    return h('li', { class: `${crew.stale ? 'stale' : ''}${crew.id === this.selected ? ' selected' : ''}`, id: `crew-${crew.id}` }, statusMark(crew.status),
      h('div', { class: 'what' }, h('button', { type: 'button', class: 'link', title: named(crew), on: { click: () => this.on.map(crew) } }, shortName(crew)),
        h('div', { class: 'soft' }, statusName(crew.status), away && crew.away_until ? [' · ', t('until {time}', { time: shortTime(crew.away_until) })] : null, ` · ${word('trades', crew.trade)}`, crew.duty_phone ? [' · ', h('a', { href: `tel:${crew.duty_phone}` }, crew.duty_phone)] : null),
        h('div', { class: 'soft' }, crew.fix ? t('position {n} s old', { n: Math.round(crew.fix.age_s) }) : t('position unknown'), crew.stale ? [' ', h('span', { class: 'chip warn' }, t('stale'))] : null),
        crew.stack?.length ? h('ol', { class: 'aboard' }, crew.stack.map((s) => h('li', {}, h('button', { type: 'button', class: 'link', on: { click: () => this.on.order(s.order_id) } }, s.order_id), s.acknowledged ? ` ✓ ${t('acknowledged')}` : ` … ${t('not acknowledged')}`))) : null),
      mayAct() ? h('div', { class: 'numbers' }, h('button', { type: 'button', 'aria-label': t('Write to {crew}', { crew: named(crew) }), on: { click: () => write(crew) } }, '✉'), h('span', { class: 'soft' }, `${crew.stack?.length ?? 0}/${crew.capacity}`),
        away ? h('button', { type: 'button', on: { click: () => this.standby(crew) } }, t('Standby')) : crew.status === 'standby' ? h('button', { type: 'button', on: { click: () => this.away(crew) } }, t('Away')) : null) : null);
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
      const undo = what === 'away' ? { label: t('Standby'), act: () => this.standby(after) } : undefined;
      notice(`${named(crew)}: ${statusName(after.status)}`, 'good', undo);
    } catch (error) {
      const from = /** @type {any} */ (error).facts?.possible_from;
      notice(`${named(crew)}: ${explain(error)}${from ? ` ${t('Possible from {time}.', { time: shortTime(from) })}` : ''}`, 'bad');
    }
  }
}
