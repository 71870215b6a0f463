// @ts-check
/** Alerts on pages without the live feed: asked for again and again, so that what others acknowledge falls silent here. */
import { Alerts } from './alerts.js';
import { ApiError, get } from './api.js';

const EVERY_MS = 3000;

export function watchAlerts() {
  const alerts = new Alerts({ open: (id) => open(`/orders/${encodeURIComponent(id)}`, '_blank', 'noopener'), changed: () => look() });
  async function look() {
    try {
      const found = await get('/api/alerts');
      alerts.show(new Map(found.alerts.map((/** @type {any} */ a) => [String(a.id), a])));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) location.reload();
    }
  }
  look();
  setInterval(look, EVERY_MS);
}
