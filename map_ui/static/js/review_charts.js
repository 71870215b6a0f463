// @ts-check
/** The manager's charts: what ECharts is given (pure), and where it is drawn. The tables below say the same. */
import { enlarged } from './dom.js';
import { t } from './page.js';

/** @typedef {{good: string, late: string, soon: string, accent: string, ink: string, soft: string, line: string, size?: number}} Palette `size` of letters, px */

const echarts = /** @type {any} */ (globalThis).echarts;
/** @type {Map<Element, any>} */
const drawn = new Map();

/** @returns {Palette} */
function palette() {
  const style = getComputedStyle(document.documentElement);
  const of = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
  return { good: of('good'), late: of('late'), soon: of('soon'), accent: of('accent'), ink: of('ink'), soft: of('soft'), line: of('line'), size: 12 * enlarged() };
}

/** @param {Palette} p */
function base(p) {
  const size = p.size ?? 12;
  const axis = { axisLabel: { color: p.soft, fontSize: size }, axisLine: { lineStyle: { color: p.line } }, splitLine: { lineStyle: { color: p.line } } };
  return {
    axis,
    option: {
      animation: false, textStyle: { color: p.ink, fontFamily: 'inherit', fontSize: size }, aria: { enabled: false },
      grid: { left: 8, right: 8, top: 32 + size, bottom: 4, containLabel: true },
      legend: { top: 0, left: 0, textStyle: { color: p.ink, fontSize: size }, itemWidth: 16, itemHeight: 10 },
      tooltip: { trigger: 'axis', renderMode: 'richText', confine: true },
    },
  };
}

/**
 * Orders in time, late and not judged yet, with the share in time as a line.
 * @param {any[]} shares by day or by hour @param {Palette} p @param {{name: string, values: (number|null)[]}} [more] further bars
 */
export function shareOption(shares, p, more) {
  const { axis, option } = base(p);
  const bar = (/** @type {string} */ name, /** @type {string} */ color, /** @type {any[]} */ data, /** @type {any} */ style = {}) => ({ name, type: 'bar', stack: 'orders', barMaxWidth: 56, data, itemStyle: { color, ...style } });
  const series = [
    bar(t('In time'), p.good, shares.map((s) => s.within)),
    bar(t('Late'), p.late, shares.map((s) => s.judged - s.within), shares.length > 60 ? {} : { decal: { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [3, 3], color: 'rgba(255,255,255,.35)' } }),
    bar(t('Not judged yet'), p.line, shares.map((s) => s.orders - s.judged)),
    { name: t('Share in time, %'), type: 'line', yAxisIndex: 1, data: shares.map((s) => s.within_pct), connectNulls: false, symbolSize: shares.length > 60 ? 0 : 6, lineStyle: { color: p.accent, width: 2 }, itemStyle: { color: p.accent } },
  ];
  if (more) series.push(/** @type {any} */ ({ name: more.name, type: 'line', data: more.values, symbol: 'triangle', symbolSize: 9, lineStyle: { color: p.soon, type: 'dashed' }, itemStyle: { color: p.soon } }));
  return {
    ...option, series,
    xAxis: { type: 'category', data: shares.map((s) => s.name), ...axis, splitLine: { show: false } },
    yAxis: [{ type: 'value', minInterval: 1, ...axis }, { type: 'value', min: 0, max: 100, ...axis, splitLine: { show: false } }],
  };
}

/** Minutes that each party's limits were exceeded by. @param {{owner: string, seconds: number}[]} rows @param {(code: string) => string} named @param {Palette} p */
export function ownerOption(rows, named, p) {
  const { axis, option } = base(p);
  const shown = [...rows].sort((a, b) => a.seconds - b.seconds);
  return {
    ...option, legend: { show: false }, grid: { ...option.grid, top: 8, right: 48 },
    xAxis: { type: 'value', ...axis }, yAxis: { type: 'category', data: shown.map((r) => named(r.owner)), ...axis },
    series: [{ type: 'bar', name: t('Minutes over segment limits'), data: shown.map((r) => Math.round(r.seconds / 6) / 10), itemStyle: { color: p.late }, label: { show: true, position: 'right', color: p.ink, fontSize: p.size } }],
  };
}

/**
 * Draw into an element of the page, at once.
 * @param {HTMLElement} box @param {(p: Palette) => any} option @param {(name: string) => void} [open] when a bar is pressed
 */
export function draw(box, option, open) {
  let chart = drawn.get(box);
  if (!chart) {
    chart = echarts.init(box, null, { renderer: 'canvas' });
    drawn.set(box, chart);
    new ResizeObserver(() => chart.resize()).observe(box);
    document.addEventListener('themechange', () => chart.setOption(chart.again(palette()), true));
    chart.on('click', (/** @type {any} */ e) => chart.open?.(e.name));
  }
  chart.again = option;
  chart.open = open;
  chart.setOption(option(palette()), true);
  chart.getZr().flush(); // now, not in a frame that a page in the background never gets
}
