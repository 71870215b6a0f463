// @ts-check
/** Alerts on pages without the live feed: asked for again and again, so that what others acknowledge falls silent here. */
import { Alerts } from './alerts.js';
import { get } from './api.js';

const EVERY_MS = 3000;

export function watchAlerts() {
  const alerts = new Alerts({ open: (id) => open(`/orders/${encodeURIComponent(id)}`, '_blank', 'noopener'), changed: () => look() });
  async function look() {
    const found = await get('/api/alerts').catch(() => null); // that nobody hears it any more, the shell says
    if (found) alerts.show(new Map(found.alerts.map((/** @type {any} */ a) => [String(a.id), a])));
  }
  look();
  setInterval(look, EVERY_MS);
}
