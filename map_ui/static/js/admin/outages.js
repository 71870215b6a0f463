// @ts-check
/** Planned outages: what is coming, under way, over or called off; the hotline tells its callers of them. */
import { get, post, request } from '../api.js';
import { fill, h, keepingFocus, say } from '../dom.js';
import { named, page, t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { addButton, button, buttons, confirmed, edit, problem } from './forms.js';

/** @typedef {{id: string, from: string, to: string, reason: string, territory: string, polygon: string, addresses: string, called_off: string}} Entry as the centre says it, and is told what somebody saw */
/** @typedef {{id: string, ends_at: string, state: string, entry: Entry}} Outage */

const PATH = '/api/admin/planned-outages';
const DAY = 86_400_000;
const EVERY_MS = 30_000;

/** @param {string} state */
function stateChip(state) {
  /** @type {Record<string, [string, string]>} */
  const chips = { coming: ['', t('coming')], under_way: ['warn', t('under way')], over: ['', t('over')], called_off: ['bad', t('called off')] };
  const [look, name] = chips[state] ?? ['', state];
  return h('span', { class: `chip ${look}` }, name);
}

/** What may be done with an outage now, as the centre decides it (pure). @param {Outage} one @param {number} now @returns {string[]} */
export function deeds(one, now) {
  if (one.state === 'coming') return ['change', 'call_off'];
  if (one.state === 'under_way') return ['extend', 'end', 'change', 'call_off'];
  return one.state === 'over' && now - Date.parse(one.ends_at) < DAY ? ['extend'] : [];
}

/** As a field of date and time shows it; an offset (the hour that comes twice) is not shown. @param {string} said */
export const shownTime = (said) => said.replace(' ', 'T').replace(/([+-]\d\d:\d\d)$/, '');
/** To the minute, as a list shows it. @param {string} said */
export const listedTime = (said) => said.replace(/(:\d\d):\d\d(\.\d+)?/, '$1');
/** What was meant: what nobody touched stays exactly as it was. @param {string} typed @param {string} was */
export const meantTime = (typed, was) => (was && typed === shownTime(was) ? was : typed.replace('T', ' '));
/** Lines of a field as one cell, and back. @param {string} lines @param {string} mark */
export const asCell = (lines, mark) => lines.split(/[\r\n]+/).map((one) => one.trim()).filter(Boolean).join(mark);

/** @param {Partial<Entry>} entry @param {any[]} territories @returns {import('./forms.js').Field[]} */
function fields(entry, territories) {
  const zone = page.timezone, known = territories.map((one) => /** @type {[string, string]} */ ([one.id, `${named(one)} (${one.id})`]));
  return [
    { name: 'from', label: t('From (time of {zone})', { zone }), kind: 'when', value: shownTime(entry.from ?? '') }, { name: 'to', label: t('Until (time of {zone})', { zone }), kind: 'when', value: shownTime(entry.to ?? '') },
    { name: 'reason', label: t('Reason, as the caller is told'), value: entry.reason ?? '' },
    { name: 'territory', label: t('A whole territory'), kind: 'select', options: [['', '–'], ...known], required: false, value: entry.territory ?? '' },
    { name: 'addresses', label: t('Addresses, one a line (each with its flats and units)'), kind: 'area', required: false, value: (entry.addresses ?? '').split(' | ').join('\n') },
    { name: 'polygon', label: t('Area: a corner a line, longitude and latitude (WGS-84)'), kind: 'area', required: false, value: (entry.polygon ?? '').split('; ').join('\n') },
  ];
}

/** @param {any} said @param {Entry|null} was */
const put = (said, was) => {
  const { called_off, ...kept } = was ?? { called_off: '', id: '', from: '', to: '' };
  const entry = { ...kept, ...said, from: meantTime(said.from ?? shownTime(kept.from), kept.from), to: meantTime(said.to ?? shownTime(kept.to), kept.to) };
  for (const [name, mark] of [['addresses', ' | '], ['polygon', '; ']]) if (name in said) entry[name] = asCell(said[name], mark);
  return request('PUT', PATH, { was, entry });
};

/** @param {HTMLElement} box */
export async function show(box) {
  const states = /** @type {[string, string][]} */ ([['open', t('Coming and under way')], ['over', t('Over')], ['called_off', t('Called off')], ['all', t('All')]]);
  const state = h('select', { id: 'outage-state', 'aria-label': t('State'), on: { change: () => draw() } }, states.map(([value, name]) => h('option', { value }, name)));
  const search = h('input', { type: 'search', id: 'outage-search', placeholder: t('Address, reason, territory or id'), 'aria-label': t('Search'), on: { input: () => draw() } });
  const list = h('div');
  const count = h('p', { class: 'soft', role: 'status', id: 'outage-count' });
  /** @type {any[]} */
  let territories = [];
  let asked = 0;

  /** @param {Outage} one @param {number} now */
  function row(one, now) {
    const { entry } = one, of = one.id, land = territories.find((l) => l.id === entry.territory);
    /** @type {Record<string, () => any>} */
    const known = {
      change: () => button(t('Change'), () => again(edit({ title: t('Change {name}', { name: of }), fields: fields(entry, territories) }, (said) => put(said, entry))), { of }),
      extend: () => button(t('Extend'), () => again(edit({ title: t('When does {id} end?', { id: of }), text: entry.reason, fields: [{ name: 'to', label: t('Until (time of {zone})', { zone: page.timezone }), kind: 'when', value: shownTime(entry.to) }] }, (said) => put(said, entry))), { of }),
      end: () => button(t('End now'), () => again(confirmed({ title: t('Has {id} ended?', { id: of }), text: t('Callers from there are no longer told of it: an order is made of every call.'), confirm: t('End now') }, () => post(`${PATH}/end`, { was: entry }))), { of, danger: true }),
      call_off: () => button(t('Call off'), () => again(confirmed({ title: t('Call {id} off?', { id: of }), text: t('It does not take place, and this cannot be taken back: plan another one then.'), confirm: t('Call off') }, () => post(`${PATH}/call-off`, { was: entry }))), { of, danger: true }),
    };
    const gone = entry.territory && !land ? h('span', { class: 'chip bad' }, t('There is no territory {id} any more', { id: entry.territory })) : null;
    const where = [land ? named(land) : '', entry.polygon ? t('an area on the map') : '', entry.addresses.split(' | ').filter(Boolean).join(', ')].filter(Boolean).join(' · ');
    return [of, stateChip(one.state), listedTime(entry.from), listedTime(entry.to), gone ? h('span', {}, gone, ' ', where) : where, entry.reason, buttons(deeds(one, now).map((deed) => known[deed]()))];
  }

  /** @param {Promise<any>} done */
  async function again(done) {
    await done;
    await draw();
  }

  async function draw() {
    const mine = ++asked;
    const found = await get(`${PATH}?state=${state.value}&q=${encodeURIComponent(search.value.trim())}`).catch((error) => { notice(problem(error), 'bad'); return null; });
    if (!found || mine !== asked) return;
    territories = found.territories;
    say(count, t('{n} [outage|outages]', { n: `${found.outages.length}${found.more ? '+' : ''}` }));
    keepingFocus(list, () => fill(list, table({
      title: t('Planned outages'), note: t('Times of {zone}. The hotline’s desk shows every change within seconds.', { zone: page.timezone }), empty: search.value.trim() || state.value !== 'open' ? t('No outage is like that.') : t('No outage is planned. A call from anywhere becomes an order.'),
      columns: [[t('Id')], [t('State')], [t('From')], [t('Until')], [t('Where')], [t('Reason')], ['']], rows: found.outages.map((/** @type {Outage} */ one) => row(one, Date.parse(found.now))),
    }), found.more ? h('p', { class: 'soft' }, t('There are more: search for what you need.')) : null));
  }

  await draw();
  fill(box, h('div', { class: 'filters' }, state, search), count, list,
    addButton(t('Plan an outage'), () => again(edit({ title: t('A planned outage'), confirm: t('Add'), text: t('Say where: a territory, addresses or an area; one is enough.'), fields: fields({}, territories) }, (said) => put(said, null))), 'add-outage'),
    h('p', { class: 'soft' }, t('Many at once: '), h('a', { href: '/admin/lists?list=planned-outages' }, t('as a list, out and in'))));
  setInterval(() => { if (!document.hidden && !document.querySelector('dialog') && !list.contains(document.activeElement)) draw(); }, EVERY_MS);
}
