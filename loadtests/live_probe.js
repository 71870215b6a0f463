// What a page is measured by, from outside: put into it before its own scripts. Nothing of the page knows of it.
(() => {
  const nothing = () => ({ frames: [], long: [], latencies: [], paints: 0, pictures: new Set(), positions: 0, vehicles: 0, other: 0, ticks: [] });
  const probe = globalThis.probe = { on: false, ...nothing() };
  let last = 0, sent = 0;
  const count = (at) => {
    if (probe.on && last) probe.frames.push(at - last);
    last = at;
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) if (probe.on) probe.long.push(entry.duration); }).observe({ type: 'longtask' });

  const Socket = globalThis.WebSocket;
  globalThis.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        if (!(data instanceof ArrayBuffer)) {
          if (probe.on) probe.other += data.length;
          return;
        }
        sent = new DataView(data).getFloat64(8, true);
        if (!probe.on) return;
        probe.positions += data.byteLength;
        probe.vehicles += data.byteLength / 16 - 1;
      });
    }
  };

  // The picture is painted when the frame after the one that wrote it begins.
  const write = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (image, ...where) {
    write.call(this, image, ...where);
    if (!probe.on || !this.canvas.classList.contains('live-canvas')) return;
    const pixels = new Uint32Array(image.data.buffer);
    let sum = 0;
    for (let i = 0; i < pixels.length; i += 997) sum = (sum * 31 + pixels[i]) | 0;
    probe.pictures.add(sum);
    probe.paints++;
    if (!sent) return;
    const since = sent;
    sent = 0;
    requestAnimationFrame(() => probe.latencies.push(Date.now() - since));
  };

  // What the page does once a second: the countdowns.
  const every = globalThis.setInterval;
  globalThis.setInterval = (work, ms, ...given) => every(ms !== 1000 ? work : () => {
    const began = performance.now();
    work(...given);
    if (probe.on) probe.ticks.push([performance.now(), performance.now() - began]);
  }, ms, ...given);
  probe.start = () => { Object.assign(probe, nothing(), { on: true, began: performance.now() }); };
  // What it has counted goes with its answer: it is not of the page's heap.
  probe.stop = () => {
    const { frames, long, latencies, paints, positions, vehicles, other, ticks, pictures } = probe;
    Object.assign(probe, nothing(), { on: false });
    return { frames, long, latencies, paints, positions, vehicles, other, ticks, pictures: pictures.size, seconds: (performance.now() - probe.began) / 1000 };
  };
})();
