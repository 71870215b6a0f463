// @ts-check
/** What the call taker can read out: how far an order is, why an order may be the caller's, who was told what (pure). */
import { fullTime, shortTime, t } from './page.js';

/** Until when a crew is promised; null where that says nothing any more. @param {any} order @param {number} now server time, ms */
function promise(order, now) {
  if (order.points?.H || ['restored', 'recorded', 'closed', 'cancelled'].includes(order.state)) return '';
  if (Date.parse(order.deadline) < now) return t('It should have been there by {time}. We are sorry; I pass it on at once.', { time: shortTime(order.deadline) });
  return t('It is promised to be there by {time}.', { time: shortTime(order.deadline) });
}

/** How far the order is, in a sentence or two to the caller. @param {any} order @param {number} now server time, ms @returns {string} */
export function progress(order, now) {
  const p = order.points ?? {};
  /** @type {Record<string, () => string>} */
  const said = {
    received: () => t('We have had your report since {time} and are sending it to the repair centre.', { time: shortTime(order.reported_at) }),
    returned: () => t('We have had your report since {time} and are looking for the centre that repairs it.', { time: shortTime(order.reported_at) }),
    sent: () => t('Your report of {time} is at the repair centre, which is choosing a crew.', { time: shortTime(order.reported_at) }),
    at_centre: () => t('Your report of {time} is at the repair centre, which is choosing a crew.', { time: shortTime(order.reported_at) }),
    dispatched: () => t('At {time} your report was given to a crew.', { time: shortTime(p.D) }),
    delivered: () => t('At {time} your report was given to a crew.', { time: shortTime(p.D) }),
    acknowledged: () => t('A crew took your report at {time} and is getting ready.', { time: shortTime(p.F) }),
    en_route: () => t('A crew has been on its way since {time}.', { time: shortTime(p.G ?? p.F) }),
    on_scene: () => t('The crew arrived at {time} and is repairing it.', { time: shortTime(p.H) }),
    restored: () => t('The fault is repaired.'), recorded: () => t('The fault is repaired.'), closed: () => t('The fault is repaired.'),
    cancelled: () => t('This report was cancelled.'),
  };
  return [said[order.state]?.() ?? t('Your report of {time} is being worked on.', { time: shortTime(order.reported_at) }), promise(order, now)].filter(Boolean).join(' ');
}

/** Why an order may be the caller's. @param {{why: string[], metres: number|null}} repeat @returns {string} */
export function because({ why, metres }) {
  /** @type {Record<string, string>} */
  const names = { same_phone: t('same telephone'), same_address: t('same address'), same_place: t('same place'), near: t('near'), same_equipment: t('same transformer or line'), same_territory: t('same territory') };
  const far = metres === null || why.includes('same_place') ? '' : t('{n} m away', { n: Math.round(metres) });
  return [...why.map((one) => names[one] ?? one), far].filter(Boolean).join(' · ');
}

/**
 * Where the call is about, and whose land that is, as the call taker reads it beneath the address (pure).
 * @param {{lat: number, lon: number}|null} place @param {{centre: string, area: string}|null} land null: not known yet; no centre: a person decides
 * @param {''|'none'|'silent'} searched what became of the search for what is typed
 */
export function placeWords(place, land, searched) {
  if (!place) {
    if (searched === 'none') return t('No address is like that. Pick the place on the map (Alt+M, arrows, Enter), or go on without a place: then a person decides who is responsible.');
    if (searched === 'silent') return t('The search for addresses does not answer. Pick the place on the map (Alt+M, arrows, Enter), or go on without a place: then a person decides who is responsible.');
    return t('No place yet: choose an address, or the map (Alt+M, arrows, Enter). With words alone a person has to decide who is responsible.');
  }
  const at = t('Place: {lat}, {lon}', { lat: place.lat.toFixed(5), lon: place.lon.toFixed(5) });
  if (!land) return at;
  return land.centre ? `${land.centre} · ${land.area} · ${at}` : t('{place}: in no territory, or in several. A person decides who is responsible.', { place: at });
}

/** The same of an order that is taken already (pure). @type {typeof placeWords} */
export function latePlaceWords(place, land, searched) {
  if (place) return placeWords(place, land, searched);
  if (searched === 'none') return t('No address is like that. Pick the place on the map (Alt+M, arrows, Enter).');
  if (searched === 'silent') return t('The search for addresses does not answer. Pick the place on the map (Alt+M, arrows, Enter).');
  return t('No place yet: choose an address, or the map (Alt+M, arrows, Enter).');
}

/** @param {{id: string, reason: string, starts_at: string, ends_at: string}} outage */
export const outageWords = (outage) => t('Planned outage {id}, {from} to {to}: {reason}', { id: outage.id, from: fullTime(outage.starts_at), to: fullTime(outage.ends_at), reason: outage.reason });

/** How a caller's call-back stands. @param {{outcome: string, tries: number, again_at: string|null}} caller @returns {string} */
export function callerState(caller) {
  /** @type {Record<string, string>} */
  const ends = { satisfied: t('called back: satisfied'), unsatisfied: t('called back: not satisfied'), given_up: t('given up after {n} tries', { n: caller.tries }) };
  if (ends[caller.outcome]) return ends[caller.outcome];
  return [caller.tries ? t('not reached {n} [time|times]', { n: caller.tries }) : '', caller.again_at ? t('again at {time}', { time: fullTime(caller.again_at) }) : ''].filter(Boolean).join(' · ');
}

/**
 * What has to be decided before this call may be taken, the first thing first; empty: nothing.
 * @param {{phone: string, withheld: boolean, channel: string, repeats: any[], outages: any[], join: string, apart: boolean, insists: boolean}} call
 * @returns {''|'outage'|'repeat'|'phone'}
 */
export function undecided({ phone, withheld, channel, repeats, outages, join, apart, insists }) {
  if (join) return phone || withheld || channel !== 'phone' ? '' : 'phone';
  if (outages.length && !insists) return 'outage';
  if (!apart && repeats.some((one) => one.is_open)) return 'repeat';
  return phone || withheld || channel !== 'phone' ? '' : 'phone';
}
