// @ts-check
/** Words between the crew and its centre. What is written without a network is kept and goes when there is one. */
import { get, newKey } from './api.js';
import { clock } from './clock.js';
import { byId, fill, h } from './dom.js';
import { page, shortTime, t } from './page.js';

/** @typedef {import('./outbox.js').Press} Press */

export class Messages {
  /** @param {(press: Press) => Promise<void>} add @param {() => Press[]} waiting */
  constructor(add, waiting) {
    this.add = add;
    this.waiting = waiting;
    /** @type {any[]} */
    this.thread = [];
    this.list = h('ol', { class: 'thread', 'aria-live': 'polite' });
    const text = h('textarea', { id: 'message-text', rows: 2, maxLength: 500, required: true });
    const draft = `dispatch45/record/message/${page.person?.username}`;
    text.value = localStorage.getItem(draft) ?? '';
    text.addEventListener('input', () => localStorage.setItem(draft, text.value));
    const form = h('form', { class: 'form' }, h('label', { htmlFor: 'message-text' }, t('Message to the centre')), text, h('button', { type: 'submit', class: 'big primary' }, t('Send')));
    form.addEventListener('submit', async (/** @type {SubmitEvent} */ e) => {
      e.preventDefault();
      await this.say(text.value.trim());
      text.value = '';
      localStorage.removeItem(draft);
    });
    fill(byId('message-box'), this.list, form);
    byId('messages').addEventListener('toggle', () => this.read());
  }

  /** @param {string} text */
  async say(text) {
    if (!text) return;
    const at = new Date(clock.now()).toISOString();
    await this.add({ key: newKey(), path: '/api/crew/messages', body: { text }, order: '', at, label: text, lane: 'message' });
  }

  /** The thread, while somebody looks at it. */
  async read() {
    if (!byId('messages').open) return;
    this.thread = await get('/api/crew/messages').catch(() => this.thread);
    this.draw();
  }

  draw() {
    if (!byId('messages').open) return;
    const waiting = this.waiting().filter((one) => one.lane === 'message').map((one) => ({ mine: true, text: one.label, at: one.at, state: t('not sent yet') }));
    const said = this.thread.map((/** @type {any} */ one) => ({ mine: one.code === 'crew_message', text: one.facts.text, who: one.facts.who, at: one.raised_at, state: one.acknowledged_at ? t('read by {who}', { who: one.acknowledged_by }) : '' }));
    const all = [...said, ...waiting];
    fill(this.list, all.length ? all.map((one) => h('li', { class: one.mine ? 'mine' : '' }, h('span', { class: 'soft' }, one.mine ? t('Crew') : t('Repair centre'), ` · ${shortTime(one.at)}`, one.state ? ` · ${one.state}` : ''), h('div', {}, one.text))) : h('li', { class: 'empty' }, t('Nothing was written yet.')));
  }
}
