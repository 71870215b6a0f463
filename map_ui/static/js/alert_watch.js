// @ts-check
/** Alerts on pages without the live feed: asked for again and again, so that what others acknowledge falls silent here. */
import { Alerts } from './alerts.js';
import { request } from './api.js';
import { banner } from './banner.js';
import { t } from './page.js';

const EVERY_MS = 3000;

export function watchAlerts() {
  const alerts = new Alerts({ open: (id) => open(`/orders/${encodeURIComponent(id)}`, '_blank', 'noopener'), changed: () => look() });
  let reached = performance.now(), asked = 0, shown = 0;
  async function look() {
    const turn = ++asked;
    try {
      const found = await request('GET', '/api/alerts', undefined, { timeout: 2 * EVERY_MS });
      reached = performance.now();
      if (turn > shown) alerts.show(new Map(found.alerts.map((/** @type {any} */ a) => [String(a.id), a])));
      shown = Math.max(shown, turn); // an older answer would bring back what was acknowledged
    } catch (error) {
      if (/** @type {any} */ (error).status === 401) reached = performance.now(); // that nobody hears it any more, the shell says
    }
    banner(performance.now() - reached > 2 * EVERY_MS + 1000 ? t('No connection to the centre: alerts are not heard here.') : '');
  }
  look();
  setInterval(look, EVERY_MS);
}
