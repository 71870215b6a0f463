// @ts-check
/** What every page has: clock, theme, sign-out, notices, dialogs. */
import { sessionBanner } from './banner.js';
import { askTime, clock } from './clock.js';
import { byId, h, refocus, say } from './dom.js';
import { clockTime, page, t } from './page.js';
import { explain, get, request } from './api.js';
import { onSession } from './session.js';

const YEAR = 31_536_000;
/** Between two looks at who is signed in, on pages that ask the centre for nothing else. */
const LOOK_MS = 5000;

function startTheme() {
  const button = byId('theme');
  button.addEventListener('click', () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    document.cookie = `dispatch45_theme=${root.dataset.theme};path=/;max-age=${YEAR};samesite=strict`;
    document.dispatchEvent(new CustomEvent('themechange'));
  });
}

/** The language links keep the rest of the address. */
function startLanguages() {
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll('.languages a'))) {
    const address = new URL(location.href);
    address.searchParams.set('lang', link.hreflang);
    link.href = address.pathname + address.search;
  }
}

/** A phone that is handed on shows nobody else's orders. What waits to be sent stays, under its owner's name. */
async function forget() {
  for (const key of Object.keys(localStorage)) if (/^dispatch45\/(stack|record)\//.test(key)) localStorage.removeItem(key);
  await forgetPage();
}

/** The crew's page as it is kept is its person's: the next one needs another. */
export async function forgetPage() {
  for (const name of await globalThis.caches?.keys() ?? []) if (name.startsWith('dispatch45-')) await (await caches.open(name)).delete('/crew');
}

/** Nothing is forgotten before the centre has said that the session is over. @param {() => Promise<boolean>} sure */
async function signOut(sure) {
  if (!await sure()) return;
  try {
    if (!await request('DELETE', '/api/session')) throw new Error(t('The centre cannot be reached.'));
  } catch (error) {
    const { why } = /** @type {any} */ (error).facts ?? {};
    if (why !== 'signed_out') return notice(why === 'another_person' ? explain(error) : t('You are still signed in. {why}', { why: explain(error) }), 'bad');
  }
  await forget();
  location.assign('/sign-in');
}

/** The session has ended, or another person has signed in beside this page: it says so, and what is typed stays. A crew's phone sees to that itself. */
function watchSession() {
  if (!page.person || page.person.role === 'crew') return;
  const { name, username } = page.person;
  onSession((state, other) => {
    if (state === 'another') sessionBanner(t('{other} is signed in here now, and this page is {name}\'s: it sends nothing. What is typed here stays: sign in as {name} in another window, then go on here.', { other, name: name || username }), 'beside', true);
    else sessionBanner(state ? t('You are signed out. What is typed here stays: sign in in another window, then go on here.') : '', state && 'beside', false);
  });
  const look = () => { if (!document.hidden) get('/api/session').catch(() => null); };
  setInterval(look, LOOK_MS);
  addEventListener('focus', look);
  document.addEventListener('visibilitychange', look);
}

/** Where the pages or sections have no room side by side, the chosen one is in view. */
function showChosen() {
  for (const link of document.querySelectorAll('nav [aria-current="page"]')) link.scrollIntoView({ block: 'nearest', inline: 'center' });
}

/** @param {() => Promise<boolean>} [sure] asked before somebody signs out */
export function startShell(sure = async () => true) {
  startTheme();
  startLanguages();
  showChosen();
  watchSession();
  askTime();
  setInterval(askTime, 30_000);
  const face = byId('clock');
  setInterval(() => { if (clock.known) say(face, clockTime(clock.now())); }, 250);
  document.getElementById('sign-out')?.addEventListener('click', () => signOut(sure));
}

/**
 * A short message at the edge, with a way back where there is one. It takes the place of what was said before about the same order or crew.
 * @param {string} text @param {'good'|'bad'} [kind]
 * @param {{about?: string, label?: string, act?: () => void, seconds?: number, stays?: boolean}} [more] gone after `seconds`; `stays`: until somebody answers it
 */
export function notice(text, kind = 'good', { about, label, act, seconds, stays = false } = {}) {
  const back = label ? h('button', { type: 'button', class: 'undo', on: { click: () => { box.remove(); act?.(); } } }, label) : null;
  const box = h('div', { class: `notice ${kind}${stays ? ' stays' : ''}`, role: kind === 'bad' ? 'alert' : undefined, data: about ? { about } : undefined }, h('span', {}, h('b', { 'aria-hidden': 'true' }, kind === 'bad' ? '▲ ' : '✓ '), text), back,
    h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Close'), on: { click: () => box.remove() } }, '✕'));
  const all = byId('notices');
  for (const one of outdated([...all.children].map((element) => ({ element, about: element.dataset.about, good: element.matches('.good'), undo: !!element.querySelector('.undo'), stays: element.matches('.stays') })), { about, good: kind === 'good' })) one.element.remove();
  all.append(box);
  makeRoom(all);
  if (back && seconds) countDown(back, label ?? '', seconds);
  if (!stays) setTimeout(() => box.remove(), seconds ? seconds * 1000 : kind === 'bad' || back ? 15_000 : 5_000);
}

/** @typedef {{about?: string, good: boolean, undo: boolean, stays: boolean}} Said */
/** Most that stand at once, and of them those that only say that something is done. */
const MOST = 4, MOST_DONE = 2;

/**
 * Which notices a new one takes the place of (pure): of the same thing, and the oldest of too many. What waits for an answer stays; what can still
 * be done stays longest, and is not taken away by a failure.
 * @template {Said} T @param {T[]} shown the oldest first @param {{about?: string, good: boolean}} next @returns {T[]}
 */
export function outdated(shown, next) {
  const may = shown.filter((one) => !one.stays);
  const gone = new Set(may.filter((one) => next.about && one.about === next.about && (next.good || !one.undo)));
  const drop = (/** @type {T[]} */ from, /** @type {number} */ n) => from.filter((one) => !gone.has(one)).slice(0, Math.max(0, n)).forEach((one) => gone.add(one));
  const done = may.filter((one) => one.good && !one.undo && !gone.has(one));
  if (next.good) drop(done, done.length + 1 - MOST_DONE);
  drop([...may.filter((one) => !one.undo), ...may.filter((one) => one.undo)], shown.length - gone.size + 1 - MOST);
  return [...gone];
}

/** What notices cover can be scrolled out from under them; the room stays when they go, so that nothing moves under a hand. @param {HTMLElement} all */
function makeRoom(all) {
  const { style } = document.documentElement;
  style.setProperty('--notices', `${Math.max(parseFloat(style.getPropertyValue('--notices')) || 0, all.offsetHeight + 24)}px`);
}

/** @param {HTMLElement} button @param {string} label @param {number} seconds */
function countDown(button, label, seconds) {
  say(button, `${label} (${seconds})`);
  if (seconds > 0) setTimeout(() => { if (button.isConnected) countDown(button, label, seconds - 1); }, 1000);
}

/**
 * Show a dialog above everything. Notices stand in it meanwhile: what is behind it can be neither read out nor pressed.
 * @param {HTMLDialogElement} dialog @param {() => void} [closed]
 */
export function modal(dialog, closed = () => {}) {
  const notices = byId('notices');
  dialog.addEventListener('close', () => {
    dialog.remove();
    ([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body).append(notices);
    closed();
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.append(notices);
}

/**
 * Ask for confirmation, with fields. Resolves to the values, or null.
 * @param {{title: string, text?: string, details?: HTMLElement, fields?: {name: string, label: string, kind?: 'select'|'text'|'area'|'number'|'when', options?: [string, string][], value?: string, required?: boolean}[], confirm: string, danger?: boolean, steady?: number, problem?: {text: string, field: string}}} ask `steady`: ms in which it cannot be confirmed yet, as a glove touches twice; `problem`: why it was refused, and the field that is meant, where one is
 * @returns {Promise<Record<string, string>|null>}
 */
export function ask({ title, text, details, fields = [], confirm, danger = false, steady = 0, problem }) {
  const from = document.activeElement;
  return new Promise((resolve) => {
    const refused = problem && h('p', { class: 'problem', role: 'alert', id: 'ask-problem' }, h('b', { 'aria-hidden': 'true' }, '▲ '), problem.text);
    const inputs = fields.map((one) => {
      const wrong = one.name === problem?.field;
      const common = { id: `ask-${one.name}`, name: one.name, required: one.required ?? true, ...(wrong ? { 'aria-invalid': 'true', 'aria-describedby': 'ask-problem' } : {}) };
      const input = one.kind === 'select'
        ? h('select', common, (one.options ?? []).map(([value, label]) => h('option', { value }, label)))
        : one.kind === 'area' ? h('textarea', { ...common, rows: 3 })
          : h('input', { ...common, type: one.kind === 'number' ? 'number' : one.kind === 'when' ? 'datetime-local' : 'text', min: one.kind === 'number' ? '1' : undefined, step: one.kind === 'when' ? 'any' : undefined });
      if (one.value !== undefined) input.value = one.value;
      return [wrong ? refused : null, h('label', { htmlFor: `ask-${one.name}` }, one.label), input];
    });
    const no = h('button', { type: 'button', value: 'no', disabled: steady > 0, on: { click: () => dialog.close('') } }, t('Back'));
    const yes = h('button', { type: 'submit', class: danger ? 'danger' : 'primary', value: 'yes', disabled: steady > 0 }, confirm);
    const form = h('form', { method: 'dialog', class: 'form' }, h('h2', { id: 'ask-title' }, title), text ? h('p', {}, text) : null, details, refused && !fields.some((one) => one.name === problem?.field) ? refused : null, inputs,
      h('div', { class: 'buttons' }, no, yes));
    form.addEventListener('keydown', (/** @type {KeyboardEvent} */ e) => { // in a list of reasons, too
      if (e.key !== 'Enter' || e.repeat || yes.disabled || !(e.target instanceof HTMLSelectElement)) return;
      e.preventDefault();
      form.requestSubmit(yes);
    });
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title' }, form);
    modal(dialog, () => {
      refocus(document.body, from); // which may have been drawn anew behind the dialog
      resolve(dialog.returnValue === 'yes' ? /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form))) : null);
    });
    const begin = () => (form.querySelector('[aria-invalid]') ?? form.querySelector('select, textarea, input') ?? yes).focus();
    if (steady) setTimeout(() => { no.disabled = yes.disabled = false; begin(); }, steady);
    begin();
  });
}
