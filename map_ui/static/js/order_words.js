// @ts-check
/** What an order's history says, in a person's words: no code, no key and no machine number reaches the page. */
import { fullTime, t } from './page.js';
import { areaName, centreName, crewName, ownerName, roleName, segmentName, watchName, word } from './vocabulary.js';

/** What happened. @param {string} kind of an event @returns {string} */
export function eventName(kind) {
  /** @type {Record<string, string>} */
  const names = {
    take_call: t('Call taken'), rung: t('Rung climbed'), attempt: t('Attempt to reach somebody'), in_hand: t('Taken in hand'), overdue: t('Segment overdue'), promise_missed: t('Promise missed'),
    joined: t('Another call joined'), not_reached: t('Call-back reached nobody'), grouped: t('Joined an incident'), parted: t('Left its incident'), expedite: t('The customer chases'), supervise: t('Superior watches'), crew_free: t('Crew free for this order'), reordered: t('Another place in the sequence'), route: t('Responsibility decided'), locate: t('Place given or corrected'), removed: t('Device confirmed the removal'),
    gps_departed: t('Seen departing by GPS'), photo: t('Photo'), message: t('Message'), late_receipt: t('Receipt that came late'), also_received: t('Received on one more device'), no_free_crew: t('No crew is free'), unreceipted: t('The terminal does not confirm it'), recall_unreceipted: t('The terminal does not confirm the recall'), escalated: t('Escalation'),
  };
  return names[kind] ?? word('steps', kind);
}

/** What ended an alert's cause. @param {string} settled */
export function settledBy(settled) {
  /** @type {Record<string, string>} */
  const names = { told_again: t('told anew'), took_up: t('taken up'), closed: t('closed'), standby: t('Standby'), away: t('Away') };
  return names[settled] ?? eventName(settled);
}

/** Who acknowledged an alert, or took the step that ended its cause. @param {string|null} by */
export const seenBy = (by) => (by === 'system' ? roleName(by) : crewName(by));

/** The one at the other end of a telephone. @param {string|undefined} code */
export function whom(code) {
  /** @type {Record<string, string>} */
  const names = { centre_duty: t('duty phone of the repair centre'), crew_duty: t('duty phone of the crew'), leader1: t('leader 1'), leader2: t('leader 2'), on_call: t('who is on call') };
  return code ? names[code] ?? code : '–';
}

/** Who acted. @param {string} role @param {string} id */
function actor(role, id) {
  if (role === 'crew') return crewName(id);
  if (role === 'system' || role === 'device' || id === role || !id) return roleName(role);
  return `${roleName(role)} ${id}`;
}

/** @param {any} by `{role, id}`, or "role:id" */
export function who(by) {
  if (typeof by === 'string') return actor(by.split(':')[0], by.split(':').slice(1).join(':'));
  return by ? actor(by.role, by.id) : '–';
}

/** Which way a press came. @param {string} via */
function way(via) {
  if (via === 'terminal') return t('in-vehicle terminal');
  if (via === 'gps') return t('seen by GPS');
  if (via.startsWith('phone')) return t('by telephone');
  return t('crew\'s phone page');
}

/** @param {string} link */
function line(link) {
  if (['up', 'online'].includes(link)) return t('line up');
  if (link === 'device_off') return t('terminal off');
  return link === 'unknown' ? t('line unknown') : t('line down');
}

/** @param {{lat: number|null, lon: number|null}} place */
const spot = ({ lat, lon }) => (lat === null || lon === null ? t('no place') : `${lat.toFixed(5)}, ${lon.toFixed(5)}`);

/**
 * How each fact is said, in this order; what is not here is for machines.
 * @type {Record<string, (value: any, event: any) => string>}
 */
const SAID = {
  centre_id: (v) => centreName(v),
  trade: (v) => word('trades', v),
  area_class: (v) => areaName(v),
  address: (v, { kind, data }) => (kind === 'locate' ? `${v} (${spot(data)})` : ''),
  was: (v) => t('before: {address}', { address: `${v.address} (${spot(v)})` }),
  crew_id: (v, { by }) => (by?.role === 'crew' && by.id === v ? '' : crewName(v)),
  to_crew: (v) => t('to {crew}', { crew: crewName(v) }),
  place: (v, { data }) => t('{n} of {all}', { n: v, all: data.of ?? '–' }),
  behind: (v) => t('after {n} [order|orders] aboard', { n: v.length }),
  via: (v) => way(String(v)),
  link: (v) => line(v),
  links: (v) => [...new Set(Object.values(v).map((link) => line(String(link))))].join(', '),
  watch: (v) => watchName(v),
  segment: (v) => segmentName(v),
  owner: (v) => t('responsible: {who}', { who: ownerName(v) }),
  rung: (v) => t('rung {rung}', { rung: v }),
  to: (v) => whom(v),
  who: (v) => whom(v),
  phone: (v, { kind }) => (kind === 'rung' || kind === 'escalated' ? t('rings {whom}', { whom: whom(v) }) : String(v)),
  skipped: () => outcome('skipped'),
  heard: (v) => t('not needed: acknowledged by {who}', { who: seenBy(v) }),
  name: (v) => String(v),
  number: (v) => String(v),
  state: (v) => outcome(v),
  reason: (v) => word('reasons', v),
  satisfied: (v) => (v ? t('satisfied') : t('not satisfied')),
  cause_code: (v) => word('causes', v),
  equipment: (v) => word('equipment', v),
  cause: (v) => t('cause: {text}', { text: v }),
  work_done: (v) => t('work done: {text}', { text: v }),
  material: (v) => t('material: {text}', { text: v }),
  customers: (v) => t('{n} [customer|customers] affected', { n: v }),
  incident_id: (v) => t('incident of {order}', { order: v }),
  lead: (v) => t('with {order}', { order: v }),
  given_up: (v) => (v ? t('given up') : ''),
  again_at: (v) => t('again at {time}', { time: fullTime(v) }),
  withheld: (v) => (v ? t('number withheld') : ''),
  corrected: (v) => (v ? t('with the corrected place') : ''),
  insists: (v) => (v ? t('the caller insists on an order') : ''),
  text: (v) => String(v),
  crews: (v, { data }) => t('{crews} [crew|crews]: {busy} with orders, {away} away, {off} off shift', { crews: v, busy: data.busy, away: data.away, off: data.off_shift }),
};

/** The facts of an event that matter to a person. @param {any} event @returns {string} */
export function facts(event) {
  const data = event.data ?? {};
  return Object.entries(SAID).map(([name, say]) => {
    const value = data[name];
    const empty = value === undefined || value === null || value === '' || (Array.isArray(value) && !value.length);
    return empty ? '' : say(value, event);
  }).filter(Boolean).join(' · ');
}

/** From what an interval is known: "send by hotline:anna", with a reason or a link. @param {string} text */
export function evidence(text) {
  if (!text) return '–';
  return text.split('; ').map((part) => {
    const found = /^(\w+) by (\w+):([^:,\s]+)(?:: (\w+))?(?:, link (\w+))?/.exec(part);
    if (!found) return part === 'the order ahead was finished' ? t('the order ahead was finished') : part;
    const [, step, role, id, reason, link] = found;
    return [eventName(step), actor(role, id), reason ? word('reasons', reason) : '', link ? line(link) : ''].filter(Boolean).join(' · ');
  }).join('; ');
}

/** @param {string} state of a telephone attempt */
export function outcome(state) {
  /** @type {Record<string, string>} */
  const names = { queued: t('waits for the telephone'), skipped: t('not rung: quiet hours'), dialling: t('dialling'), ringing: t('ringing'), answered: t('answered'), busy: t('busy'), no_answer: t('no answer'), failed: t('could not be rung'), machine: t('answered by a machine'), completed: t('call ended'), cut: t('cut: no longer needed'), rejected: t('call refused') };
  return names[state] ?? (state?.startsWith('keypress') ? t('key {key} pressed', { key: state.slice(9) }) : state ?? '–');
}

/** How crews are chosen. @param {string} code */
export function policyName(code) {
  /** @type {Record<string, string>} */
  const names = { risk: t('least risk of a missed promise'), nearest: t('nearest first'), mean: t('least mean arrival') };
  return names[code] ?? code;
}
