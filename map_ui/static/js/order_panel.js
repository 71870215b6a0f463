// @ts-check
/** One order in the control room: facts, where its minutes went, and what can be done about it. */
import { arrived, placeable, remaining, stepsFor } from './board_state.js';
import { clock } from './clock.js';
import { duration, figures, level } from './countdown.js';
import { byId, fill, fillAround, h, keepingFocus, say } from './dom.js';
import { mayAct } from './may_act.js';
import { named, shortTime, t } from './page.js';
import { notice } from './shell.js';
import { areaName, reasonField, segmentName, word } from './vocabulary.js';
import { whyCrewLine } from './why_crew.js';
import { CandidateList } from './candidates.js';
import { incidentBox } from './incident.js';
import { doubtsBox } from './order_claims.js';
import { toggleHelp } from './key_help.js';
import { PlaceBox, placeSaid } from './place_box.js';
import { askWhose } from './whose.js';

const POINTS = 'ABCDEFGH';

/** @returns {Record<string, [string, string]>} step: label, key */
const stepNames = () => ({
  accept: [t('Accept'), 'a'], dispatch: [t('Dispatch to a crew'), 'd'], return: [t('Return to the hotline'), 'h'],
  recall: [t('Recall'), 'r'], reassign: [t('Reassign'), 'x'], route: [t('Decide who is responsible'), 'o'], place: [t('Place'), 'p'],
});

/** Steps, and what else can be decided. @param {import('./board_state.js').Order} order */
const offered = (order) => [...stepsFor(order), ...(placeable(order) ? ['place'] : [])];

/** What the centre still has to say shows meanwhile what it said before of the same order. @param {HTMLElement} box @param {HTMLElement|undefined} before @param {boolean} same */
function heir(box, before, same) {
  if (same && before) box.append(...before.childNodes);
  return box;
}

export class OrderPanel {
  /** @param {import('./board_state.js').Board} board @param {import('./assign.js').Assigner} assigner @param {{crew: (id: string) => void, open: (id: string) => void, changed: (order: any) => void, look: (at: 'map'|'box') => void}} on @param {any} map */
  constructor(board, assigner, on, map) {
    this.map = map;
    this.assigner = assigner;
    this.board = board;
    this.on = on;
    this.id = '';
    this.key = '';
    this.choosing = '';
    /** @type {CandidateList|null} */
    this.list = null;
    /** @type {PlaceBox|null} */
    this.placing = null;
    /** The list of crews that a place is given for first. */
    this.then = '';
    this.whyOf = '';
    /** @type {HTMLElement|null} */
    this.why = null;
    this.root = byId('panel-order');
    this.show('', 0);
  }

  /** @param {string} id @param {number} now */
  show(id, now) {
    const order = this.board.orders.get(id);
    if (id !== this.id || !order) this.choosing = '';
    if (!this.choosing) this.list = null;
    this.id = id;
    if (!order) {
      this.unplace();
      if (this.key === 'none') return;
      this.key = 'none';
      fill(this.root, h('p', { class: 'empty' }, t('Choose an order on the board or on the map.')),
        h('p', { class: 'empty' }, h('button', { type: 'button', on: { click: toggleHelp } }, t('Everything by keyboard'), ' ', h('kbd', {}, '?'))));
      return;
    }
    if (!offered(order).includes(this.choosing) || (this.list && this.list.order.generation !== order.generation)) this.choosing = ''; // it was decided meanwhile
    if (this.choosing !== 'place') this.unplace();
    const crew = this.board.crews.get(order.crew_id);
    const key = `${id}/${order.version}/${order.state}/${order.removing?.length}/${crew?.status}/${order.incident_id}/${this.choosing}`;
    if (key !== this.key) {
      const same = this.key.startsWith(`${id}/`);
      this.key = key;
      if (same) keepingFocus(this.root, () => this.build(order, crew, true));
      else this.build(order, crew, false); // a button of another order is none of this one
    }
    this.list?.look();
    this.tick(order, now);
  }

  /** @param {import('./board_state.js').Order} order @param {import('./board_state.js').Crew|undefined} crew @param {boolean} same order as is shown already */
  build(order, crew, same) {
    this.left = h('span', { class: 'big figures' });
    this.leftWord = h('span', { class: 'figures-word' });
    this.running = h('div', { class: 'running' });
    const steps = mayAct() ? offered(order) : [];
    const names = stepNames();
    /** @type {[string, any][]} */
    const facts = [
      [t('Fault'), [word('fault_types', order.fault_type), order.voltage ? ` · ${word('voltages', order.voltage)}` : '']],
      [t('Reported'), [shortTime(order.reported_at), ' · ', word('channels', order.channel)]],
      [t('Area'), areaName(order.area_class)],
      [t('Trade'), word('trades', order.trade)],
      [t('Customer'), [order.customer_name || '–', ' ', order.customer_phone ? h('a', { href: `tel:${order.customer_phone}` }, order.customer_phone) : '']],
      [t('Crew'), crew ? h('button', { type: 'button', class: 'link', on: { click: () => this.on.crew(crew.id) } }, named(crew)) : '–'],
    ];
    if (crew) facts.push([t('Why this crew'), this.whyLine(order)]);
    if (order.description) facts.push([t('Said'), order.description]);
    const above = [
      h('div', { class: 'order-head' }, h('div', { class: 'left' }, this.left, this.leftWord),
        h('div', {}, h('h2', {}, order.address), h('div', { class: 'soft' }, order.id, ' · ', word('states', order.state),
          order.lat === null && placeable(order) ? [' ', h('span', { class: 'chip warn' }, t('no place'))] : null,
          order.removing?.length ? h('span', { class: 'chip warn' }, t('Recall pending on {n} [device|devices]', { n: order.removing.length })) : null))),
      steps.length ? h('div', { class: 'actions' }, steps.map((step) => h('button', {
        type: 'button', data: { step }, class: step === 'dispatch' ? 'primary' : step === 'recall' || step === 'return' ? 'danger-soft' : '', 'aria-keyshortcuts': names[step][1],
        on: { click: () => this.act(step) },
      }, names[step][0], ' ', h('kbd', {}, names[step][1])))) : null];
    const below = [
      h('ol', { class: 'points' }, [...POINTS].map((p) => h('li', { class: order.points?.[p] ? 'reached' : '', title: p === 'A' ? t('Call ended') : segmentName(`${POINTS[POINTS.indexOf(p) - 1]}${p}`) }, h('b', {}, p), h('time', {}, order.points?.[p] ? shortTime(order.points[p]) : '')))),
      this.running, this.doubts = heir(doubtsBox(order), this.doubts, same && arrived(order)),
      h('dl', { class: 'facts' }, facts.map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
      this.incident = heir(incidentBox(order, { changed: this.on.changed, open: this.on.open, mayAct: mayAct() }), this.incident, same),
      h('p', {}, h('a', { href: `/orders/${encodeURIComponent(order.id)}#replay`, target: '_blank', rel: 'noopener' }, t('Replay')), ' · ', h('a', { href: `/orders/${encodeURIComponent(order.id)}`, target: '_blank', rel: 'noopener' }, t('The whole story of this order')))];
    const chooser = this.choosing ? this.chooser(order) : this.list = null;
    if (chooser) fillAround(this.root, chooser.box, above, below);
    else fill(this.root, above, below);
  }

  /** @param {import('./board_state.js').Order} order @param {number} now */
  tick(order, now) {
    const left = remaining(order, now);
    const there = arrived(order);
    const text = there ? duration((Date.parse(order.points.H) - Date.parse(order.reported_at)) / 1000) : figures(left);
    say(this.left, text);
    this.left.classList.toggle('long', text.length > 7);
    say(this.leftWord, there ? t('from call to arrival') : { ok: t('in time'), soon: t('soon due'), late: t('overdue') }[level(left)]);
    this.left.parentElement.className = `left ${there ? (left < 0 ? 'late' : 'scene') : level(left)}`;
    if (!order.running) return say(this.running, '');
    const { label, since, limit_s: limit } = order.running;
    const spent = duration((now - Date.parse(since)) / 1000);
    const late = !!limit && now - Date.parse(since) > limit * 1000;
    this.running.classList.toggle('late', late);
    return say(this.running, (late ? '▲ ' : '') + ( limit ? t('{segment}: {spent} of {limit}', { segment: segmentName(label), spent, limit: duration(limit) }) : `${segmentName(label)}: ${spent}`));
  }

  /** Asked for once for each dispatch. @param {import('./board_state.js').Order} order */
  whyLine(order) {
    const dispatch = `${order.id}/${order.generation}/${order.crew_id}`;
    if (this.whyOf !== dispatch) [this.whyOf, this.why] = [dispatch, whyCrewLine(order)];
    return this.why;
  }

  /** The list of crews: another one only for another decision, so that the crew that is meant stays meant. @param {import('./board_state.js').Order} order */
  chooser(order) {
    if (this.choosing === 'place') { this.list = null; return this.placing ??= this.placeBox(order); }
    const before = this.list;
    if (before?.step === this.choosing) {
      before.refresh();
      return before;
    }
    return this.list = new CandidateList(order, this.choosing, this.board, {
      without: this.choosing === 'reassign' ? order.crew_id : '',
      cancel: () => { this.choosing = ''; this.show(this.id, clock.now()); byId('board').focus(); },
      place: () => this.act('place'),
      name: (id) => this.assigner.name(id),
      choose: async (crewId, place) => { if (await this.assigner.give(order.id, crewId, place)) { this.choosing = ''; this.show(this.id, clock.now()); byId('board').focus(); } },
    });
  }

  /** @param {import('./board_state.js').Order} order */
  placeBox(order) {
    return new PlaceBox(this.map, /** @type {any} */ (order), {
      look: this.on.look,
      done: (answer) => {
        if (answer) {
          const { text, act } = placeSaid(answer);
          notice(text, act ? 'bad' : 'good', { about: order.id });
          this.on.changed(answer.order);
        }
        this.choosing = this.then;
        this.show(this.id, clock.now());
        if (!this.choosing) byId('board').focus();
      },
    });
  }

  /** No place is asked for any more. */
  unplace() {
    this.placing?.leave();
    this.placing = null;
  }

  /** Take a step, by button or key. @param {string} step */
  async act(step) {
    const order = this.board.orders.get(this.id);
    if (!order || !mayAct()) return;
    if (!offered(order).includes(step)) { notice(`${order.id}: ${t('This step is not possible now.')}`, 'bad', { about: order.id }); return; }
    if (step === 'dispatch' || step === 'reassign' || step === 'place') {
      this.then = step === 'place' && this.choosing !== step ? this.choosing : '';
      this.choosing = this.choosing === step ? '' : step;
      this.show(this.id, clock.now());
      this.placing?.focus();
      return;
    }
    if (step === 'accept') { await this.assigner.post(order, 'accept', {}); return; }
    if (step === 'route') {
      const said = await askWhose(order);
      if (said) await this.assigner.post(order, 'route', said);
      return;
    }
    const recall = step === 'recall';
    const said = await this.assigner.question(order.id, {
      title: recall ? t('Recall {order}?', { order: order.id }) : t('Return {order} to the hotline?', { order: order.id }),
      text: recall ? t('It disappears from the vehicle and the phones of the crew.') : t('The hotline decides where it goes.'),
      danger: true, confirm: recall ? t('Recall') : t('Return'), fields: [reasonField(recall ? 'recall' : 'return')],
    });
    if (said) await this.assigner.post(order, step, recall ? { ...said, generation: order.generation } : said);
  }
}
