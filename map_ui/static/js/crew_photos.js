// @ts-check
/** Photos of an order: made small in the phone, kept with the presses, sent when there is a network. */
import { newKey } from './api.js';
import { clock } from './clock.js';
import { fill, h } from './dom.js';
import { t } from './page.js';
import { notice } from './shell.js';

const SIDE = 1600;
const LARGEST = 1_500_000;
const QUALITIES = [0.8, 0.6, 0.4];

/** The size that fits (pure): never larger than it is. @param {number} width @param {number} height @param {number} [most] @returns {[number, number]} */
export function fit(width, height, most = SIDE) {
  const scale = Math.min(1, most / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

/** A small JPEG, upright, without what the camera says of place and owner. @param {Blob} file @returns {Promise<Blob>} */
async function small(file) {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  const [width, height] = fit(picture.width, picture.height);
  const canvas = h('canvas', { width, height });
  canvas.getContext('2d').drawImage(picture, 0, 0, width, height);
  picture.close();
  for (const quality of QUALITIES) {
    /** @type {Blob|null} */
    const made = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
    if (made && made.size <= LARGEST) return made;
  }
  throw new Error('no small picture of this file');
}

/** @param {{id: string}} order @param {(press: import('./outbox.js').Press) => Promise<void>} add @param {FileList|null} files */
async function take(order, add, files) {
  for (const file of files ?? []) {
    try {
      const blob = await small(file);
      const at = new Date(clock.now()).toISOString();
      await add({ key: newKey(), path: `/api/crew/orders/${encodeURIComponent(order.id)}/photos?at=${encodeURIComponent(at)}`, blob, order: order.id, at, label: t('Photo'), lane: 'photo' });
    } catch {
      notice(t('This file is no picture that the phone can read.'), 'bad');
    }
  }
}

/**
 * The button that opens the camera, saying how many there are.
 * @param {{id: string}} order @param {number} sent @param {number} waiting @param {(press: import('./outbox.js').Press) => Promise<void>} add
 */
export function photoButton(order, sent, waiting, add) {
  const input = h('input', { type: 'file', accept: 'image/*', multiple: true, class: 'unseen', on: { change: () => take(order, add, input.files).then(() => { input.value = ''; }) } });
  input.setAttribute('capture', 'environment');
  const button = h('label', { class: 'button' }, input, h('span'));
  countPhotos(button, sent, waiting);
  return button;
}

/** How many there are, on a button that stays: the camera may be open. @param {HTMLElement} button @param {number} sent @param {number} waiting */
export function countPhotos(button, sent, waiting) {
  const number = sent + waiting ? ` (${sent + waiting})` : '';
  fill(/** @type {Element} */ (button.lastElementChild), `${t('Photo')}${number}`, waiting ? [' ', h('span', { class: 'chip warn' }, t('not sent yet'))] : null);
}
