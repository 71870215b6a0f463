// @ts-check
/** The way that a device took, from the positions that are kept. */
import { get } from './api.js';

const PAGE = 5000;

/** Its fixes from one instant to another (ms since 1970), page by page; null where this person does not see them. @param {string} device @param {number} from @param {number} to @returns {Promise<{at: number, lat: number, lon: number}[]|null>} */
export async function trackOf(device, from, to) {
  const fixes = [];
  let after = '';
  do {
    const asked = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(Math.max(from, to)).toISOString(), limit: String(PAGE), after });
    const found = await get(`/api/devices/${encodeURIComponent(device)}/track?${asked}`).catch(() => null);
    if (!found) return null;
    fixes.push(...found.fixes.map((/** @type {any} */ one) => ({ at: Date.parse(one.fix_at), lat: one.lat, lon: one.lon })));
    after = found.next ?? '';
  } while (after);
  return fixes;
}
