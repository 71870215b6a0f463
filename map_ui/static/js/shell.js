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

/** A short message at the edge, with a way back where there is one. @param {string} text @param {'good'|'bad'} [kind] @param {{label: string, act: () => void, seconds?: number, stays?: boolean}} [undo] gone after `seconds`; `stays`: until somebody answers it */
export function notice(text, kind = 'good', undo) {
  /** @type {HTMLElement|undefined} */
  let back;
  const box = h('div', { class: `notice ${kind}${undo?.stays ? ' stays' : ''}`, role: kind === 'bad' ? 'alert' : undefined }, h('span', {}, h('b', { 'aria-hidden': 'true' }, kind === 'bad' ? '▲ ' : '✓ '), text),
    undo ? back = h('button', { type: 'button', class: 'undo', on: { click: () => { box.remove(); undo.act(); } } }, undo.label) : null,
    h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Close'), on: { click: () => box.remove() } }, '✕'));
  const all = byId('notices');
  all.append(box);
  const older = [...all.children].slice(0, -1).filter((one) => !one.matches('.stays'));
  const few = [...older.filter((one) => !one.querySelector('.undo')), ...older.filter((one) => one.querySelector('.undo'))]; // what can still be done stays longest
  for (const one of few.slice(0, Math.max(0, all.children.length - 4))) one.remove();
  if (back && undo?.seconds) countDown(back, undo.label, undo.seconds);
  if (!undo?.stays) setTimeout(() => box.remove(), undo?.seconds ? undo.seconds * 1000 : kind === 'bad' || undo ? 15_000 : 5_000);
}

/** @param {HTMLElement} button @param {string} label @param {number} seconds */
function countDown(button, label, seconds) {
  say(button, `${label} (${seconds})`);
  if (seconds > 0) setTimeout(() => { if (button.isConnected) countDown(button, label, seconds - 1); }, 1000);
}

/**
 * Ask for confirmation, with fields. Resolves to the values, or null.
 * @param {{title: string, text?: string, details?: HTMLElement, fields?: {name: string, label: string, kind?: 'select'|'text'|'area'|'number'|'when', options?: [string, string][], value?: string, required?: boolean}[], confirm: string, danger?: boolean, steady?: number}} ask `steady`: ms in which it cannot be confirmed yet, as a glove touches twice
 * @returns {Promise<Record<string, string>|null>}
 */
export function ask({ title, text, details, fields = [], confirm, danger = false, steady = 0 }) {
  const from = document.activeElement;
  return new Promise((resolve) => {
    const inputs = fields.map((one) => {
      const common = { id: `ask-${one.name}`, name: one.name, required: one.required ?? true };
      const input = one.kind === 'select'
        ? h('select', common, (one.options ?? []).map(([value, label]) => h('option', { value }, label)))
        : one.kind === 'area' ? h('textarea', { ...common, rows: 3 })
          : h('input', { ...common, type: one.kind === 'number' ? 'number' : one.kind === 'when' ? 'datetime-local' : 'text', min: one.kind === 'number' ? '1' : undefined, step: one.kind === 'when' ? 'any' : undefined });
      if (one.value !== undefined) input.value = one.value;
      return [h('label', { htmlFor: `ask-${one.name}` }, one.label), input];
    });
    const no = h('button', { type: 'button', value: 'no', disabled: steady > 0, on: { click: () => dialog.close('') } }, t('Back'));
    const yes = h('button', { type: 'submit', class: danger ? 'danger' : 'primary', value: 'yes', disabled: steady > 0 }, confirm);
    const form = h('form', { method: 'dialog', class: 'form' }, h('h2', { id: 'ask-title' }, title), text ? h('p', {}, text) : null, details, inputs,
      h('div', { class: 'buttons' }, no, yes));
    const dialog = h('dialog', { 'aria-labelledby': 'ask-title' }, form);
    dialog.addEventListener('close', () => {
      const values = dialog.returnValue === 'yes'
        ? /** @type {Record<string, string>} */ (Object.fromEntries(new FormData(form))) : null;
      dialog.remove();
      refocus(document.body, from); // which may have been drawn anew behind the dialog
      resolve(values);
    });
    document.body.append(dialog);
    dialog.showModal();
    const begin = () => (form.querySelector('select, textarea, input') ?? yes).focus();
    if (steady) setTimeout(() => { no.disabled = yes.disabled = false; begin(); }, steady);
    begin();
  });
}
