// @ts-check
/** The call-back list: everybody who reported a repaired fault, each until there is an end. */
import { callerState } from './call_words.js';
import { clock } from './clock.js';
import { h } from './dom.js';
import { t } from './page.js';
import { ask } from './shell.js';

/** Those whose time to be called again has not come stand last. @param {any[]} orders @param {Record<string, any[]>} callers @param {number} now */
export function inTurn(orders, callers, now) {
  const later = (/** @type {any} */ o) => Number((callers[o.id] ?? []).filter((c) => c.outcome === 'waiting').every((c) => c.again_at && Date.parse(c.again_at) > now));
  return [...orders].sort((a, b) => later(a) - later(b));
}

/** @param {any} order @param {any} caller @param {boolean} satisfied @param {(order: any, step: string, body: any) => Promise<void>} act */
async function reached(order, caller, satisfied, act) {
  const said = await ask({ title: satisfied ? t('The customer is satisfied') : t('The customer is not satisfied'), text: `${order.address} · ${caller.phone || '–'}`, confirm: t('Save'), danger: !satisfied, fields: [{ name: 'text', label: t('What the customer says'), kind: 'area', required: !satisfied }] });
  if (said) await act(order, 'call-back', { satisfied, text: said.text, phone: caller.phone });
}

/** @param {any} order @param {any} caller @param {(order: any, step: string, body: any) => Promise<void>} act */
async function notReached(order, caller, act) {
  const said = await ask({
    title: t('Nobody was reached'), text: `${order.address} · ${caller.phone || '–'}`, confirm: t('Save'),
    fields: [{ name: 'next', label: t('What next'), kind: 'select', options: [['15', t('again in 15 minutes')], ['60', t('again in an hour')], ['240', t('again in four hours')], ['1440', t('again tomorrow at this time')], ['up', t('give it up')]] },
      { name: 'text', label: t('Remark'), kind: 'area', required: false }],
  });
  if (!said) return;
  const again = said.next === 'up' ? {} : { again_at: new Date((Math.ceil(clock.now() / 60_000) + Number(said.next)) * 60_000).toISOString() };
  await act(order, 'not-reached', { phone: caller.phone, given_up: said.next === 'up', text: said.text, ...again });
}

/** One line for each caller, with its end or the ways to it. @param {any} order @param {any[]} callers @param {(order: any, step: string, body: any) => Promise<void>} act */
export function callerLines(order, callers, act) {
  return h('ul', { class: 'callers' }, callers.map((caller) => {
    const open = caller.outcome === 'waiting';
    const last = open && !caller.phone;
    return h('li', { data: { phone: caller.phone } }, h('span', {}, caller.name || '–', ' ', caller.phone ? h('a', { href: `tel:${caller.phone}` }, caller.phone) : h('span', { class: 'chip warn' }, t('no number'))), h('span', { class: 'soft' }, callerState(caller)),
      open ? h('div', { class: 'buttons' },
        last ? null : [h('button', { type: 'button', class: 'primary', on: { click: () => reached(order, caller, true, act) } }, t('Satisfied')), h('button', { type: 'button', class: 'danger-soft', on: { click: () => reached(order, caller, false, act) } }, t('Not satisfied'))],
        last ? h('button', { type: 'button', on: { click: () => act(order, 'not-reached', { phone: '', given_up: true, text: '' }) } }, t('Nobody can be called: end it')) : h('button', { type: 'button', on: { click: () => notReached(order, caller, act) } }, t('Not reached'))) : null);
  }));
}
