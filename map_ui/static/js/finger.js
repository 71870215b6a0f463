// @ts-check
/** Nothing that can be pressed moves under a finger. */
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
addEventListener('pointerdown', (e) => { held = !!/** @type {Element} */ (e.target).closest?.('button, a, summary, label, [role=option], [role=tab]'); });
