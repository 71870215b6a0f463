// @ts-check
/**
 * Vehicles cut out once as pixels: 6 statuses x 33 headings (the last: unknown) x fresh or faded. Status shows by
 * shape and by colour; the nose shows the heading.
 */
import { NO_HEADING, STATUSES } from './positions.js';

const HEADINGS = NO_HEADING + 1;
const SIZE = 30;
/** What is more transparent is left out. */
const CLEAR = 24;

/** Fill colours of the statuses; each differs in lightness too. */
export const COLOURS = {
  standby: '#1f9d61', assigned: '#e0a100', en_route: '#2f7de1', on_scene: '#8a4fd3', away: '#7d8791', off_shift: '#a3abb3',
};

/** Corners of each status' shape around the origin, in radii; one that has none here is a disc. @type {Record<string, number[][]>} */
const CORNERS = {
  assigned: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  en_route: [[0, -1.3], [1, 1], [0, 0.5], [-1, 1]],
  on_scene: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
  away: [[-1, -0.8], [1, -0.8], [0, 1]],
  off_shift: [[-1, -1 / 3], [-1 / 3, -1 / 3], [-1 / 3, -1], [1 / 3, -1], [1 / 3, -1 / 3], [1, -1 / 3], [1, 1 / 3], [1 / 3, 1 / 3], [1 / 3, 1], [-1 / 3, 1], [-1 / 3, 1 / 3], [-1, 1 / 3]],
};

/** Draw the shape of a status around the origin. @param {CanvasRenderingContext2D|OffscreenCanvasRenderingContext2D} c @param {string} status @param {number} r */
function shape(c, status, r) {
  c.beginPath();
  if (CORNERS[status]) polygon(c, CORNERS[status].map(([x, y]) => [x * r, y * r]));
  else c.arc(0, 0, r, 0, 2 * Math.PI);
}

/** The same shape as what CSS cuts out of a box (pure): a list of thousands needs no canvas a row. @param {string} status @param {number} r of the shape, px @param {number} middle of the box, px */
export function cutOut(status, r, middle) {
  const px = (/** @type {number} */ n) => `${(middle + n * r).toFixed(2)}px`;
  return CORNERS[status] ? `polygon(${CORNERS[status].map(([x, y]) => `${px(x)} ${px(y)}`).join(', ')})` : `circle(${r}px at ${middle}px ${middle}px)`;
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
    this.size = Math.ceil(SIZE * ratio);
    this.edge = edge;
    this.width = 0;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = this.size;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));
    /** @type {Stamp[]} */
    this.stamps = [];
    for (let status = 0; status < STATUSES.length; status++) {
      for (let turn = 0; turn < HEADINGS; turn++) {
        for (const faded of [false, true]) this.stamps.push(new Stamp(this.cut(STATUSES[status], turn, faded), this.size));
      }
    }
  }

  /** Make them for a picture so wide. @param {number} width */
  fit(width) {
    if (this.width === width) return;
    this.width = width;
    for (const stamp of this.stamps) stamp.fit(width);
  }

  /** @param {number} status @param {number} turn @param {boolean} faded */
  of(status, turn, faded) {
    return this.stamps[(status * HEADINGS + turn) * 2 + (faded ? 1 : 0)];
  }

  /** @param {string} status @param {number} turn @param {boolean} faded */
  cut(status, turn, faded) {
    const c = this.context;
    c.clearRect(0, 0, this.size, this.size);
    c.save();
    c.scale(this.ratio, this.ratio);
    c.translate(SIZE / 2, SIZE / 2);
    c.globalAlpha = faded ? 0.4 : 1;
    const colour = /** @type {Record<string, string>} */ (COLOURS)[status];
    const turns = turn < NO_HEADING ? (turn * 2 * Math.PI) / NO_HEADING : 0;
    c.lineJoin = 'round';
    if (turn < NO_HEADING) {
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

/** One sprite without its clear pixels, to be pressed into a picture (pure). */
export class Stamp {
  /** @param {Uint32Array} sprite a square of pixels @param {number} size of its side */
  constructor(sprite, size) {
    this.size = size;
    this.at = Uint16Array.from([...sprite.keys()].filter((i) => sprite[i] >>> 24 > CLEAR));
    this.pixels = Uint32Array.from(this.at, (i) => sprite[i]);
    this.steps = new Int32Array(this.at.length);
  }

  /** For a picture so wide. @param {number} width */
  fit(width) {
    for (let i = 0; i < this.at.length; i++) this.steps[i] = Math.floor(this.at[i] / this.size) * width + (this.at[i] % this.size);
  }

  /** Clear pixels leave what is there; all of it has to lie in the picture. @param {Uint32Array} picture @param {number} corner where its upper left pixel goes */
  press(picture, corner) {
    const { steps, pixels } = this;
    for (let i = 0; i < steps.length; i++) picture[corner + steps[i]] = pixels[i];
  }
}
