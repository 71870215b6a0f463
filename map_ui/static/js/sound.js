// @ts-check
/** Tones without a file. Browsers allow sound only after the first key or touch. */

/** @type {AudioContext|null} */
let audio = null;

/** Whether a tone would be heard now. */
export const audible = () => audio?.state === 'running';

function make() {
  const Audio = globalThis.AudioContext;
  if (Audio) audio ??= new Audio();
}

function wake() {
  make();
  if (audio?.state === 'suspended') audio.resume().catch(() => null);
}

// Made while nobody waits: on a slow phone it takes a tenth of a second, which the first touch would be late by.
if (typeof document !== 'undefined') (globalThis.requestIdleCallback ?? setTimeout)(make);
for (const type of ['pointerdown', 'keydown']) addEventListener(type, wake, { passive: true });

/** Play tones one after the other. @param {number[]} tones Hz @param {number} [each] seconds @param {number} [loudness] 0..1 */
export function play(tones, each = 0.18, loudness = 0.25) {
  if (!audio || audio.state !== 'running') return;
  tones.forEach((tone, i) => {
    const start = /** @type {AudioContext} */ (audio).currentTime + i * each;
    const source = new OscillatorNode(/** @type {AudioContext} */ (audio), { frequency: tone, type: 'square' });
    const gain = new GainNode(/** @type {AudioContext} */ (audio), { gain: 0 });
    gain.gain.setValueAtTime(loudness, start);
    gain.gain.exponentialRampToValueAtTime(0.001, start + each * 0.95);
    source.connect(gain).connect(/** @type {AudioContext} */ (audio).destination);
    source.start(start);
    source.stop(start + each);
  });
}
