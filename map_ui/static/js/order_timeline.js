// @ts-check
/** One order's story in the order of time: events, receipts, attempts, alerts and contacts, who, where, and by which clock. */
import { alertTitle } from './alert_words.js';
import { h } from './dom.js';
import { comparable, offset } from './order_claims.js';
import { eventName, facts, outcome, seenBy, settledBy, who, whom } from './order_words.js';
import { clockTime, fullTime, page, t } from './page.js';
import { table } from './tables.js';
import { roleName, watchName, word } from './vocabulary.js';

/** @typedef {{at: string, what: any, who: any, where: any, source: string, said: any, kind: string}} Line */

const APART_MS = 1000;

/** Whether the phone's clock was off by more than a person would notice. @param {any} data */
const wrong = (data) => comparable() && Math.abs(data?.offset_s ?? 0) >= 2;

/** By which clock a time is known. @param {any} e */
export function source(e) {
  const told = t('told {time}', { time: clockTime(e.recorded_at) });
  if (e.data?.claimed_at) return [t('the device said {time}: placed where it can have been', { time: clockTime(e.data.claimed_at) }), told].join(', ');
  if (!wrong(e.data) && Date.parse(e.recorded_at) - Date.parse(e.at) < APART_MS) return t('clock of the centre');
  if (e.data?.device_at && comparable()) return [t('clock of the device: {time} ({off})', { time: clockTime(e.data.device_at), off: offset(e.data.offset_s) }), told].join(', ');
  return [e.data?.via === 'gps' ? t('time of the GPS fix') : t('clock of the device'), told].join(', ');
}

/** Where the vehicle was. @param {any} v */
function where(v) {
  if (!v) return '–';
  const place = `${v.lat.toFixed(5)}, ${v.lon.toFixed(5)}`;
  const far = v.to_fault_m === null ? '' : t('{km} km from the fault', { km: (v.to_fault_m / 1000).toFixed(v.to_fault_m < 1000 ? 2 : 1) });
  const age = v.how === 'last' ? t('{n} s before', { n: Math.round(v.age_s) }) : '';
  return h('span', { title: t('vehicle {device}', { device: v.device }) }, [far, age, place].filter(Boolean).join(' · '));
}

/** What an event says beyond its name. @param {any} e */
function said(e) {
  if (e.kind === 'attempt') return [whom(e.data.to), outcome(e.data.state), e.data.note, e.data.number].filter(Boolean).join(' · ');
  if (e.kind === 'rung') return [watchName(e.data.watch), t('rung {rung}', { rung: e.data.rung }), e.data.phone ? t('rings {whom}', { whom: whom(e.data.phone) }) : ''].filter(Boolean).join(' · ');
  return facts(e);
}

/** @param {any} s the order's story @returns {Line[]} the oldest first */
export function lines(s) {
  const places = new Map((s.vehicle ?? []).map((/** @type {any} */ v) => [v.seq, v]));
  const events = s.events.map((/** @type {any} */ e) => ({ at: e.at, kind: e.kind, what: eventName(e.kind), who: who(e.by), where: where(places.get(e.seq)), source: source(e), said: said(e) }));
  const alerts = s.alerts.flatMap((/** @type {any} */ a) => [
    { at: a.raised_at, kind: 'alert', what: t('Alert: {title}', { title: alertTitle(a) }), who: t('to {role}', { role: roleName(a.role) }), where: '', source: t('clock of the centre'), said: '' },
    ...(a.acknowledged_at ? [{ at: a.acknowledged_at, kind: 'alert', what: (a.settled ? t('Alert over: {title}', { title: alertTitle(a) }) : t('Alert acknowledged: {title}', { title: alertTitle(a) })), who: seenBy(a.acknowledged_by), where: '', source: t('clock of the centre'), said: a.settled ? settledBy(a.settled) : '' }] : []),
  ]);
  const contacts = s.contacts.map((/** @type {any} */ c) => ({ at: c.at, kind: 'contact', what: t('Contact with the customer ({channel})', { channel: word('channels', c.channel) }), who: [c.name, c.phone].filter(Boolean).join(' · ') || '–', where: '', source: t('clock of the centre'), said: (c.outcome === 'cancelled' ? word('reasons', c.text) : c.text) || '–' }));
  return [...events, ...alerts, ...contacts].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** @param {any} s */
export function timeline(s) {
  return table({
    title: t('The whole story'), note: t('Times are of {zone}. What a device tells later than it happened stands at its own time.', { zone: page.timezone }),
    columns: [[t('Time')], [t('What')], [t('Who')], [t('Facts')], [t('Where the vehicle was')], [t('By which clock')]],
    rows: lines(s).map((one) => [fullTime(one.at), one.what, one.who, one.said || '–', one.where || '–', one.source]),
  });
}
