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

/** A place inside, far from every corner: the best of a grid. @param {Ring[]} rings @param {number} [steps] @returns {[number, number]} lon, lat */
export function namePlace(rings, steps = 16) {
  const xs = rings[0].map(([x]) => x), ys = rings[0].map(([, y]) => y);
  const [west, east, south, north] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  /** @type {[number, number]} */
  let best = [(west + east) / 2, (south + north) / 2];
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
