// @ts-check
/** The alarm of an order that nobody has acknowledged, or of an alert that nobody has: sound, vibration, and a screen that stays on. */
import { byId } from './dom.js';
import { audible, play } from './sound.js';

const EVERY_MS = 4000;
/** Why, in words; empty: silence. */
let needed = '';
/** @type {any} */
let lock = null;
const title = document.title;

function ring() {
  if (!needed) return;
  play([1047, 784, 1047, 784, 1047, 784], 0.22, 0.9);
  shake([400, 150, 400, 150, 400]);
  document.title = document.title === title ? `▲ ${needed}` : title;
}

/** Browsers refuse it, and complain, before the first touch. @param {number[]} pattern ms */
function shake(pattern) {
  const it = /** @type {any} */ (navigator);
  if (it.userActivation?.hasBeenActive) it.vibrate?.(pattern);
}

async function stayAwake() {
  if (!needed || lock || document.hidden) return;
  lock = await /** @type {any} */ (navigator).wakeLock?.request('screen').catch(() => null);
  lock?.addEventListener?.('release', () => { lock = null; });
}

/** @param {string} why in words; empty: nothing waits */
export function alarm(why) {
  if (why === needed) return;
  needed = why;
  document.body.classList.toggle('alarm', needed !== '');
  if (needed) {
    ring();
    stayAwake();
  } else {
    document.title = title;
    lock?.release?.();
    shake([0]);
  }
}

/** Says it while an order would not be heard; any touch helps. Its room stays until the cards are drawn anew: no button moves under a glove. @param {boolean} [anew] they are */
export function soundHint(anew = false) {
  const hint = byId('sound-hint');
  hint.style.visibility = audible() ? 'hidden' : '';
  if (anew || !audible()) hint.hidden = audible();
}

setInterval(ring, EVERY_MS);
document.addEventListener('visibilitychange', stayAwake);
