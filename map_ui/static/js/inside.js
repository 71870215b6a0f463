// @ts-check
/** Where the name of a polygon is best written (pure). */

/** @typedef {[number, number][]} Ring lon, lat */

/** @param {number} x @param {number} y @param {Ring[]} rings the outer one and its holes */
export function inside(x, y, rings) {
  let odd = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [xi, yi] = ring[i], [xj, yj] = ring[j];
      if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
    }
  }
  return odd;
}

/**
 * A place inside, far from every corner: the best of a grid. `view` (west, south, east, north): only there; null where
 * nothing of it lies there.
 * @param {Ring[]} rings @param {number} [steps] @param {[number, number, number, number]} [view] @returns {[number, number]|null} lon, lat
 */
export function namePlace(rings, steps = 16, view = [-Infinity, -Infinity, Infinity, Infinity]) {
  const xs = rings[0].map(([x]) => x), ys = rings[0].map(([, y]) => y);
  const [west, east, south, north] = [Math.max(view[0], Math.min(...xs)), Math.min(view[2], Math.max(...xs)), Math.max(view[1], Math.min(...ys)), Math.min(view[3], Math.max(...ys))];
  if (west > east || south > north) return null;
  /** @type {[number, number]|null} */
  let best = null;
  let most = -1;
  for (let a = 1; a < steps; a++) {
    for (let b = 1; b < steps; b++) {
      const x = west + ((east - west) * a) / steps, y = south + ((north - south) * b) / steps;
      if (!inside(x, y, rings)) continue;
      const room = Math.min(...rings.flat().map(([cx, cy]) => Math.hypot(cx - x, cy - y)));
      if (room > most) { most = room; best = [x, y]; }
    }
  }
  return best;
}

/**
 * Which boxes can be shown so that none covers another: an earlier one goes before a later one (pure).
 * @param {{left: number, right: number, top: number, bottom: number}[]} boxes @returns {boolean[]}
 */
export function withRoom(boxes) {
  /** @type {typeof boxes} */
  const shown = [];
  return boxes.map((box) => {
    if (shown.some((one) => box.left < one.right && one.left < box.right && box.top < one.bottom && one.top < box.bottom)) return false;
    shown.push(box);
    return true;
  });
}
