// @ts-check
/** The line over a page that hears nothing new: since when, or that its session has ended, with the way back in. */
import { byId, fill, h, say } from './dom.js';
import { t } from './page.js';

/** @typedef {'here'|'beside'|''} SignIn a link to sign in: in this window, or beside it where something typed has to stay */
/** @type {[string, SignIn]} */
let ofPage = ['', ''];
/** @type {[string, SignIn, boolean]} */
let ofSession = ['', '', false];

/** What the page says. @param {string} text empty: all is well @param {SignIn} [signIn] */
export function banner(text, signIn = '') {
  ofPage = [text, signIn];
  draw();
}

/** What is said of the session on every page. @param {string} text @param {SignIn} signIn @param {boolean} first whether it counts for more than what the page says */
export function sessionBanner(text, signIn, first) {
  ofSession = [text, signIn, first];
  draw();
}

function draw() {
  const [text, signIn] = ofPage[0] && !ofSession[2] ? ofPage : ofSession;
  const box = byId('banner');
  box.hidden = !text;
  if (box.dataset.signIn !== signIn) { // what can be pressed is not built anew every second
    box.dataset.signIn = signIn;
    const link = { href: `/sign-in?next=${encodeURIComponent(location.pathname)}`, ...(signIn === 'beside' ? { target: '_blank', rel: 'noopener' } : {}) };
    fill(box, h('span', {}), signIn ? [' ', h('a', link, t('Sign in'))] : null);
  }
  if (box.firstElementChild) say(box.firstElementChild, text);
}
