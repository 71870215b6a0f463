// @ts-check
/**
 * Vehicles cut out once as pixels: 6 statuses x 33 headings (the last: unknown) x fresh or faded. Status shows by
 * shape and by colour; the nose shows the heading.
 */
import { STATUSES } from './positions.js';

const HEADINGS = 33;
const SIZE = 30;

/** Fill colours of the statuses; each differs in lightness too. */
export const COLOURS = {
  standby: '#1f9d61', assigned: '#e0a100', en_route: '#2f7de1', on_scene: '#8a4fd3', away: '#7d8791', off_shift: '#a3abb3',
};

/** Draw the shape of a status around the origin. @param {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} c @param {string} status @param {number} r */
export function shape(c, status, r) {
  c.beginPath();
  if (status === 'standby') c.arc(0, 0, r, 0, 2 * Math.PI);
  else if (status === 'assigned') polygon(c, [[0, -r * 1.2], [r * 1.2, 0], [0, r * 1.2], [-r * 1.2, 0]]);
  else if (status === 'en_route') polygon(c, [[0, -r * 1.3], [r, r], [0, r * 0.5], [-r, r]]);
  else if (status === 'on_scene') c.rect(-r, -r, 2 * r, 2 * r);
  else if (status === 'away') polygon(c, [[-r, -r * 0.8], [r, -r * 0.8], [0, r]]);
  else polygon(c, [[-r, -r / 3], [-r / 3, -r / 3], [-r / 3, -r], [r / 3, -r], [r / 3, -r / 3], [r, -r / 3], [r, r / 3], [r / 3, r / 3], [r / 3, r], [-r / 3, r], [-r / 3, r / 3], [-r, r / 3]]);
}

/** @param {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} c @param {number[][]} points */
function polygon(c, points) {
  points.forEach(([x, y], i) => (i ? c.lineTo(x, y) : c.moveTo(x, y)));
  c.closePath();
}

export class Sprites {
  /** @param {number} ratio device pixels per CSS pixel @param {string} edge colour of the outline */
  constructor(ratio, edge) {
    this.ratio = ratio;
    this.size = Math.round(SIZE * ratio);
    this.edge = edge;
    /** @type {Uint32Array[]} */
    this.pixels = [];
    for (let status = 0; status < STATUSES.length; status++) {
      for (let turn = 0; turn < HEADINGS; turn++) {
        for (const faded of [false, true]) this.pixels.push(this.cut(STATUSES[status], turn, faded));
      }
    }
  }

  /** @param {number} status @param {number} turn @param {boolean} faded */
  of(status, turn, faded) {
    return this.pixels[(Math.min(status, STATUSES.length - 1) * HEADINGS + turn) * 2 + (faded ? 1 : 0)];
  }

  /** @param {string} status @param {number} turn @param {boolean} faded */
  cut(status, turn, faded) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = this.size;
    const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
    c.scale(this.ratio, this.ratio);
    c.translate(SIZE / 2, SIZE / 2);
    c.globalAlpha = faded ? 0.4 : 1;
    const colour = /** @type {Record<string, string>} */ (COLOURS)[status];
    const turns = turn < 32 ? (turn * 2 * Math.PI) / 32 : 0;
    c.lineJoin = 'round';
    if (turn < 32) {
      c.save();
      c.rotate(turns);
      c.beginPath();
      polygon(c, [[0, -13.5], [4.5, -7], [-4.5, -7]]);
      c.fillStyle = colour;
      c.strokeStyle = this.edge;
      c.lineWidth = 1.5;
      c.stroke();
      c.fill();
      c.restore();
    }
    c.save();
    if (status === 'en_route') c.rotate(turns);
    shape(c, status, 7);
    c.strokeStyle = this.edge;
    c.lineWidth = 3;
    c.stroke();
    c.fillStyle = colour;
    c.fill();
    c.restore();
    return new Uint32Array(c.getImageData(0, 0, this.size, this.size).data.buffer);
  }
}

/**
 * Write a sprite into a picture; clear pixels leave what is there (pure).
 * @param {Uint32Array} picture @param {number} width @param {number} height
 * @param {Uint32Array} sprite @param {number} size @param {number} x left @param {number} y top
 */
export function blit(picture, width, height, sprite, size, x, y) {
  const left = Math.max(0, -x), right = Math.min(size, width - x);
  const top = Math.max(0, -y), bottom = Math.min(size, height - y);
  for (let row = top; row < bottom; row++) {
    let from = row * size + left;
    let to = (y + row) * width + x + left;
    for (let column = left; column < right; column++, from++, to++) {
      const pixel = sprite[from];
      if (pixel >>> 24 > 24) picture[to] = pixel;
    }
  }
}
