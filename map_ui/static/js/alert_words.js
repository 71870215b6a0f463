// @ts-check
/** An alert in words; what is for machines is not said. */
import { SHAPES } from './alert_order.js';
import { h } from './dom.js';
import { shortTime, t } from './page.js';
import { crewName, departmentName, ownerName, segmentName, watchName, word } from './vocabulary.js';

/** What an alert says. @param {import('./board_state.js').Alert} alert @returns {string} */
export function alertTitle(alert) {
  const titled = word('alert_codes', alert.code);
  return titled === alert.code ? alert.code.replaceAll('_', ' ') : titled;
}

/** What the alerts of one line say, each thing once. @param {import('./board_state.js').Alert[]} alerts */
export const titles = (alerts) => [...new Set(alerts.map(alertTitle))].join(' · ');

/** How urgent, by shape and word. @param {number} rank */
export function urgency(rank) {
  const words = [t('Critical'), t('Critical'), t('To act on'), t('Late'), t('Information')];
  return h('span', { class: `sign rank-${rank}` }, h('b', { 'aria-hidden': 'true' }, SHAPES[rank] ?? SHAPES[2]), ' ', words[rank] ?? words[2]);
}

/** What an alert is about: its order and where that is, and the facts. @param {{order_id?: string, facts?: Record<string, any>}} alert @param {string} [address] of its order */
export const alertAbout = ({ order_id: order, facts }, address = '') => [order, order && address, alertFacts(facts)].filter(Boolean).join(' · ');

/** @param {Record<string, any>} [facts] @returns {string} */
export function alertFacts(facts = {}) {
  return [...ofOrder(facts), ...ofShortage(facts), ...ofAuditor(facts), facts.text].filter(Boolean).join(' · ');
}

/** @param {Record<string, any>} facts */
function ofOrder(facts) {
  return [
    facts.crew_id && crewName(facts.crew_id),
    facts.watch && watchName(facts.watch),
    facts.rung && t('rung {rung}', { rung: Number(facts.rung) }),
    (facts.label || facts.segment) && segmentName(facts.label ?? facts.segment),
    facts.owner && ownerName(facts.owner),
    facts.above && t('told to you as the superior'),
    facts.reason && word('reasons', facts.reason),
    facts.until && t('until {time}', { time: shortTime(facts.until) }),
  ];
}

/** Too few crews. @param {Record<string, any>} facts */
function ofShortage(facts) {
  if (!facts.shortage) return [];
  return [
    facts.trade && word('trades', facts.trade), facts.department && departmentName(facts.department),
    t('{n} [order|orders] without a free crew', { n: Number(facts.orders) }),
    facts.missed && t('{n} missed [promise|promises]', { n: Number(facts.missed) }),
    (facts.leaders ?? []).join(', '),
  ];
}

/** What the auditor found. @param {Record<string, any>} facts */
function ofAuditor(facts) {
  if (!facts.code?.startsWith('audit_')) return [];
  /** @type {Record<string, string>} */
  const clocks = { machine: t('clock of the machine'), database: t('clock of the database'), workers: t('clock of the workers') };
  /** @type {Record<string, string>} */
  const effects = { phone: t('telephone calls'), cut: t('calls to hang up'), message: t('messages'), alert: t('alerts'), centre: t('orders to centres'), desired: t('orders to vehicles') };
  return [
    facts.about && (effects[facts.about] ?? facts.about),
    facts.count && t('number: {n}', { n: Number(facts.count) }),
    facts.seconds && t('for {n} s', { n: Number(facts.seconds) }),
    facts.megabytes && t('{n} MB', { n: Number(facts.megabytes) }),
    facts.orders && t('orders: {orders}', { orders: String(facts.orders) }),
    facts.oldest && t('oldest: {what}', { what: String(facts.oldest) }),
    ...Object.entries(clocks).map(([name, said]) => name in facts && t('{clock} differs by {n} s', { clock: said, n: Number(facts[name]) })),
    facts.who, facts.outcome, facts.why,
  ];
}
