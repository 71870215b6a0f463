// @ts-check
/** Nothing that can be pressed moves under a finger, and a key that is held down acts once. */
let held = false;
/** A mouse clicks as it is lifted; the click of a touch comes some time later, and goes to what is under it then. */
const TAP_MS = 350;
/** A touch was lifted, and may still click. @type {any} */
let lifting = 0;
/** What is drawn when the finger is lifted. @type {Map<object, () => void>} */
const late = new Map();

/**
 * Draw later what came while a finger or mouse button is down on something that can be pressed: it must not move, or
 * the press is lost. `draw` is wrapped: called meanwhile it does nothing, and once when the finger is lifted.
 * @template {unknown[]} A @param {(...given: A) => void} draw @returns {(...given: A) => void}
 */
export const notUnderAFinger = (draw) => (...given) => {
  late.delete(draw);
  if (held) late.set(draw, () => draw(...given)); else draw(...given);
};

/** What was put off, unless the finger is down again; one that fails keeps none of the others. */
function drawLate() {
  const [first] = late;
  if (held || !first) return;
  late.delete(first[0]);
  try { first[1](); } finally { drawLate(); }
}

function release() {
  clearTimeout(lifting);
  lifting = 0;
  held = false;
  setTimeout(drawLate);
}

// From the first moment on: a page that is still being made would not see that a finger is lifted, and draw no more. The
// button that opens a menu presses nothing, and where the menu takes what follows, it is never lifted.
globalThis.addEventListener?.('pointerdown', (e) => { clearTimeout(lifting); lifting = 0; held = e.button === 0 && !!/** @type {Element} */ (e.target).closest?.('button, a, summary, label, [role=option], [role=tab]'); });
for (const lifted of ['pointercancel', 'blur']) globalThis.addEventListener?.(lifted, release);
globalThis.addEventListener?.('pointerup', (e) => { if (e.pointerType === 'mouse') release(); else lifting = setTimeout(release, TAP_MS); });
globalThis.addEventListener?.('click', () => { if (lifting) release(); }, true);

/** Whether a key that repeats itself would act, not only move or write (pure). @param {{key: string, altKey: boolean}} press @param {boolean} writing whether it goes into a field */
export function actsAgain({ key, altKey }, writing) {
  if (altKey || key === 'Enter') return altKey || !writing;
  return !writing && key.length === 1 && ![' ', 'j', 'k'].includes(key);
}

// Else the alerts behind the one that somebody reads are acknowledged, and what is asked next is answered, by one long press.
globalThis.addEventListener?.('keydown', (e) => {
  const field = /** @type {Element} */ (e.target).closest?.('input, textarea, select');
  if (!e.repeat || !actsAgain(e, e.key === 'Enter' ? field?.tagName === 'TEXTAREA' : !!field)) return;
  e.preventDefault();
  e.stopImmediatePropagation();
}, true);
