// @ts-check
/**
 * Give an order to a crew, or its orders another sequence: first what it would do, asked of the centre; a question where
 * it harms others or takes an order from somebody; then the deed, and for some seconds the way back.
 */
import { ApiError, explain, get, post } from './api.js';
import { effectsBox, first, harmed, placed, unsure } from './effects.js';
import { eventName, who } from './order_words.js';
import { named, page, t } from './page.js';
import { ask, notice } from './shell.js';
import { reasonField } from './vocabulary.js';

const UNDO_S = 12;

/** @typedef {import('./effects.js').Preview} Preview */

/** @param {string} crewId @param {string[]} orders @returns {Promise<Preview>} */
export const look = (crewId, orders) => post(`/api/crews/${encodeURIComponent(crewId)}/preview`, { orders });

/** What to tell somebody who was not first; other errors as everywhere. @param {any} error */
export const told = (error) => (error instanceof ApiError && error.facts?.why === 'decided'
  ? `${t('Somebody was first:')} ${first(error.facts, who, eventName)}` : explain(error));

export class Assigner {
  /** @param {import('./board_state.js').Board} board @param {{order: (order: any) => void, crew: (crew: any) => void}} changed */
  constructor(board, changed) {
    this.board = board;
    this.changed = changed;
    /** The order that is being decided about in a dialog, with the dispatch that was seen then. */
    this.about = '';
    /** @type {{id: string, generation: number, until: number, from: {crew: string, place: number}|null}|null} `from`: who had it before, in which place */
    this.last = null;
  }

  /** @param {string} id */
  name(id) { return this.board.orders.get(id)?.address ?? id; }

  /** @param {string} crewId */
  stack(crewId) { return (this.board.crews.get(crewId)?.stack ?? []).map((one) => one.order_id); }

  /** @param {string} id @param {string} crewId @param {number|null} [place] from 1; null: last @returns {Promise<boolean>} whether it was done */
  async give(id, crewId, place = null) {
    const order = this.board.orders.get(id);
    if (!order) return false;
    const moved = this.stack(crewId).includes(id);
    const sequence = placed(this.stack(crewId), id, place);
    if (moved) return this.reorder(crewId, sequence);
    let preview;
    try {
      preview = await look(crewId, sequence);
    } catch (error) {
      notice(`${id}: ${explain(error)}`, 'bad', { about: id });
      return false;
    }
    return this.decide(order, crewId, place, preview);
  }

  /** @param {import('./board_state.js').Order} order @param {string} crewId @param {number|null} place @param {Preview} preview */
  async decide(order, crewId, place, preview) {
    const crew = named(this.board.crews.get(crewId)) || crewId;
    const details = effectsBox(preview, (id) => this.name(id));
    if (preview.refused) {
      await this.question(order.id, { title: t('{order} cannot go to {crew}', { order: order.id, crew }), details, confirm: t('All right') });
      return false;
    }
    const step = order.crew_id ? 'reassign' : 'dispatch';
    /** @type {any} */
    const body = { crew_id: crewId, generation: order.generation, ...(place === null ? {} : { place }) };
    if (step === 'reassign') {
      const said = await this.question(order.id, { title: t('Reassign {order} to {crew}?', { order: order.id, crew }), text: t('It is taken off the other vehicle first.'), details, danger: true, confirm: t('Reassign'), fields: [reasonField('recall')] });
      if (!said) return false;
      body.reason = said.reason;
    } else if (harmed(preview).length || preview.against || unsure(preview).some((one) => one.role !== 'new')) {
      if (!await this.question(order.id, { title: t('Send {order} to {crew}?', { order: order.id, crew }), details, danger: true, confirm: t('Send all the same') })) return false;
    }
    return this.post(order, step, body);
  }

  /** @param {string} id @param {any} how */
  async question(id, how) {
    this.about = id;
    try {
      return await ask(how);
    } finally {
      this.about = '';
    }
  }

  /** @param {string} crewId @param {string[]} sequence @returns {Promise<boolean>} */
  async reorder(crewId, sequence) {
    if (sequence.join() === this.stack(crewId).join()) return false;
    const crew = named(this.board.crews.get(crewId)) || crewId;
    try {
      const preview = await look(crewId, sequence);
      const details = effectsBox(preview, (id) => this.name(id));
      const said = await ask({ title: t('Another sequence for {crew}?', { crew }), text: t('It reaches its terminal and its phones.'), details, danger: harmed(preview).length > 0, confirm: preview.refused ? t('All right') : t('Change the sequence') });
      if (!said || preview.refused) return false;
      this.changed.crew(await post(`/api/crews/${encodeURIComponent(crewId)}/sequence`, { orders: sequence }));
      notice(t('{crew}: the sequence is changed.', { crew }), 'good', { about: crewId });
      return true;
    } catch (error) {
      notice(`${crew}: ${told(error)}`, 'bad', { about: crewId });
      return false;
    }
  }

  /** Take a step and say what came of it. @param {import('./board_state.js').Order} order @param {string} step @param {any} body @returns {Promise<boolean>} */
  async post(order, step, body) {
    try {
      const from = order.crew_id ? { crew: order.crew_id, place: this.stack(order.crew_id).indexOf(order.id) + 1 } : null;
      const after = await post(`/api/orders/${encodeURIComponent(order.id)}/${step}`, body);
      this.changed.order(after);
      if (body.crew_id) this.offer(after, from);
      else notice(after.removing?.length ? t('{order}: recalled; {n} [device has|devices have] not confirmed it yet', { order: order.id, n: after.removing.length }) : t('{order}: done', { order: order.id }), 'good', { about: order.id });
      return true;
    } catch (error) {
      notice(`${order.id}: ${told(error)}`, 'bad', { about: order.id });
      get(`/api/orders/${encodeURIComponent(order.id)}`).then((fresh) => this.changed.order(fresh.order), () => null);
      return false;
    }
  }

  /** The way back, for some seconds. @param {import('./board_state.js').Order} order just dispatched @param {{crew: string, place: number}|null} from */
  offer(order, from) {
    this.last = { id: order.id, generation: order.generation, until: performance.now() + UNDO_S * 1000, from };
    const crew = named(this.board.crews.get(order.crew_id)) || order.crew_id;
    notice(t('{order} goes to {crew}.', { order: order.id, crew }), 'good', { about: order.id, label: t('Undo'), seconds: UNDO_S, act: () => this.undo() });
  }

  /** Take the last dispatch back, if its time is not over and nobody has decided since: to the crew that had it before, if one had. */
  async undo() {
    const meant = this.last;
    const order = meant && this.board.orders.get(meant.id);
    this.last = null;
    if (!meant || !order || performance.now() > meant.until) { notice(t('There is nothing to undo.')); return; }
    const recall = { reason: 'other', generation: meant.generation };
    /** @param {string} step @param {any} body */
    const back = async (step, body) => { if (!await this.post(order, step, body)) this.again(meant); };
    if (!meant.from) return back('recall', recall);
    const { crew, place } = meant.from;
    let refused = /** @type {Preview|null} */ (null);
    for (const to of [place || null, null]) { // its old place, or the last where others are under way
      const preview = await look(crew, placed(this.stack(crew), order.id, to)).catch((error) => { notice(`${order.id}: ${explain(error)}`, 'bad', { about: order.id }); });
      if (!preview) return this.again(meant);
      if (!preview.refused) return back('reassign', { crew_id: crew, ...recall, ...(to === null ? {} : { place: to }) });
      refused = preview;
    }
    const name = named(this.board.crews.get(crew)) || crew;
    const said = await this.question(order.id, { title: t('{order} cannot go to {crew}', { order: order.id, crew: name }), text: t('Recalled, it waits at the centre for another crew; otherwise it stays where it is now.'), details: effectsBox(/** @type {Preview} */ (refused), (id) => this.name(id)), danger: true, confirm: t('Recall') });
    if (said) await back('recall', recall);
  }

  /** It was not taken back: it can be tried again, for as long as at first, as an answer that never comes takes its time. @param {NonNullable<Assigner['last']>} meant */
  again(meant) { this.last ??= { ...meant, until: performance.now() + UNDO_S * 1000 }; }

  /** Somebody else has decided about an order that is being decided about here. @param {import('./board_state.js').Order} order @param {import('./board_state.js').Order|undefined} before @param {string} open the order that a list of crews is open for */
  heard(order, before, open) {
    const mine = order.last?.id === page.person?.username;
    const onward = order.crew_id && order.crew_id === before?.crew_id && order.generation === before.generation; // its crew goes on: nobody else decided
    if (!before || !order.last || mine || onward || order.last.at === before.last?.at || ![this.about, open].includes(order.id)) return false;
    if (this.about === order.id) /** @type {HTMLDialogElement|null} */ (document.querySelector('dialog[open]'))?.close('');
    notice(`${order.id}: ${t('Somebody was first:')} ${first({ ...order.last, by: `${order.last.role}:${order.last.id}` }, who, eventName)}`, 'bad', { about: order.id });
    return true;
  }
}
