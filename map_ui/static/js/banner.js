// @ts-check
/** The line over a page that hears nothing new: since when, or that its session has ended, with the way back in. */
import { byId, fill, h, say } from './dom.js';
import { t } from './page.js';

/** @param {string} text empty: all is well @param {'here'|'beside'|''} [signIn] a link to sign in: in this window, or beside it where something typed has to stay */
export function banner(text, signIn = '') {
  const box = byId('banner');
  box.hidden = !text;
  if (box.dataset.signIn !== signIn) { // what can be pressed is not built anew every second
    box.dataset.signIn = signIn;
    const link = { href: `/sign-in?next=${encodeURIComponent(location.pathname)}`, ...(signIn === 'beside' ? { target: '_blank', rel: 'noopener' } : {}) };
    fill(box, h('span', {}), signIn ? [' ', h('a', link, t('Sign in'))] : null);
  }
  if (box.firstElementChild) say(box.firstElementChild, text);
}
