// @ts-check
/** How a button of an order becomes a press that is kept: its place, its key, and its times by both clocks. */

/**
 * The press of one button (pure). `at` is the centre's time as the phone knows it; beside it stands what the phone's own clock
 * showed, and how far that was off, so that a wrong clock can be seen in the order's history.
 * @param {{id: string, generation: number}} order @param {string} step @param {string} label @param {any} more
 * @param {{key: string, now: number, device: number, known: boolean}} when milliseconds since 1970; `known`: whether the centre was ever heard
 * @returns {import('./outbox.js').Press}
 */
export function pressOf(order, step, label, more, { key, now, device, known }) {
  const at = new Date(now).toISOString();
  const offset = known ? { offset_s: Math.round(now - device) / 1000 } : {};
  return {
    key, path: `/api/crew/orders/${encodeURIComponent(order.id)}/${step}`, order: order.id, at, label,
    body: { generation: order.generation, at, device_at: new Date(device).toISOString(), ...offset, ...more },
  };
}

/** The page's machine receipt. @param {{id: string, generation: number}} order @returns {import('./outbox.js').Press} */
export function receiptOf(order) {
  return {
    key: `shown-${order.id}-${order.generation}`, path: `/api/crew/orders/${encodeURIComponent(order.id)}/receipt`, order: order.id, at: '', label: '',
    body: { generation: order.generation },
  };
}
