// @ts-check
/** Alerts that reached nobody outside the pages: how many, what, to whom, why; send again, or dismiss. */
import { alertTitle } from './alert_words.js';
import { explain, get, post } from './api.js';
import { fill, h, say } from './dom.js';
import { fullTime, t } from './page.js';
import { ask, notice } from './shell.js';
import { roleName } from './vocabulary.js';

const EVERY_MS = 10_000;

/** Keeps `box` up to date; it is hidden while there is nothing. @param {HTMLElement} box */
export function showUndelivered(box) {
  let drawn = '';
  /** @param {any} found */
  function draw(found) {
    const key = JSON.stringify(found);
    if (key === drawn) return;
    drawn = key;
    const title = t('Not delivered: {n}', { n: found.number });
    const chip = document.getElementById('undelivered-count');
    if (chip) {
      chip.hidden = !found.number;
      say(chip, title);
    }
    box.hidden = !found.number;
    fill(box, h('h2', {}, title), h('ul', { class: 'alerts' }, found.messages.map(row)));
  }

  /** @param {any} one */
  const row = (one) => h('li', { class: 'open', data: { message: one.id } },
    h('div', {}, h('strong', {}, alertTitle(one)), ' ', h('time', { class: 'soft' }, fullTime(one.raised_at))),
    h('div', { class: 'soft' }, [one.order_id, one.recipient ? t('to {who}', { who: `${one.recipient} · ${one.channel}` }) : roleName(one.role)].filter(Boolean).join(' · ')),
    h('div', { class: 'problem', lang: 'en' }, one.error),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'primary', on: { click: () => act(one, 'again') } }, t('Send again')),
      h('button', { type: 'button', on: { click: () => dismiss(one) } }, t('Dismiss'))));

  /** @param {any} one @param {'again'|'dismiss'} what */
  async function act(one, what) {
    try {
      draw(await post(`/api/alerts/undelivered/${one.id}/${what}`));
      if (what === 'again') notice(t('It is sent again, unless it was answered meanwhile.'));
    } catch (error) {
      notice(explain(error), 'bad');
    }
  }

  /** @param {any} one */
  async function dismiss(one) {
    if (await ask({ title: t('Dismiss this message?'), text: t('It is not sent, and leaves the list. Your name is kept with it.'), confirm: t('Dismiss'), danger: true })) await act(one, 'dismiss');
  }

  const look = () => get('/api/alerts/undelivered').then(draw).catch(() => null);
  look();
  setInterval(look, EVERY_MS);
}
