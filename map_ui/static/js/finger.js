// @ts-check
/** Nothing that can be pressed moves under a finger, and a key that is held down acts once. */
let held = false;

/**
 * Draw later what came while a finger or mouse button is down on something that can be pressed: it must not move, or
 * the press is lost. `draw` is wrapped: called meanwhile it does nothing, and once when the finger is lifted.
 * @template {unknown[]} A @param {(...given: A) => void} draw @returns {(...given: A) => void}
 */
export function notUnderAFinger(draw) {
  /** @type {A|null} */
  let late = null;
  for (const lifted of ['pointerup', 'pointercancel', 'blur']) {
    addEventListener(lifted, () => { held = false; setTimeout(() => { if (late && !held) { const given = late; late = null; draw(...given); } }); });
  }
  return (...given) => { if (held) late = given; else { late = null; draw(...given); } };
}
globalThis.addEventListener?.('pointerdown', (e) => { held = !!/** @type {Element} */ (e.target).closest?.('button, a, summary, label, [role=option], [role=tab]'); });

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
