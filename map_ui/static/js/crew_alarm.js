// @ts-check
/** The alarm of an order that nobody has acknowledged: sound, vibration, and a screen that stays on. */
import { t } from './page.js';
import { play } from './sound.js';

const EVERY_MS = 4000;
let needed = false;
/** @type {any} */
let lock = null;
const title = document.title;

function ring() {
  if (!needed) return;
  play([1047, 784, 1047, 784, 1047, 784], 0.22, 0.6);
  shake([400, 150, 400, 150, 400]);
  document.title = document.title === title ? `▲ ${t('New order')}` : title;
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

/** @param {boolean} unacknowledged */
export function alarm(unacknowledged) {
  if (unacknowledged === needed) return;
  needed = unacknowledged;
  document.body.classList.toggle('alarm', needed);
  if (needed) {
    ring();
    stayAwake();
  } else {
    document.title = title;
    lock?.release?.();
    shake([0]);
  }
}

setInterval(ring, EVERY_MS);
document.addEventListener('visibilitychange', stayAwake);
