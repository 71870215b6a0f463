// @ts-check
/** Too few crews: the reports on the manager's desk, their evidence, and what is done about them. */
import { explain, get, post } from './api.js';
import { fill, h } from './dom.js';
import { fullTime, localDay, t } from './page.js';
import { ask, notice } from './shell.js';
import { centreName, departmentName, roleName, word } from './vocabulary.js';

const DAY_MS = 86_400_000;

/** @param {any} one */
const scopeName = (one) => [centreName(one.scope.centre_id), word('trades', one.scope.trade), one.scope.department_id ? departmentName(one.scope.department_id) : t('all departments')].join(' · ');

/** @param {string} kind of a step */
function stepName(kind) {
  /** @type {Record<string, string>} */
  const names = { opened: t('Report opened'), took_up: t('Taken up'), noted: t('Note'), told_again: t('Told again: nobody had answered'), closed: t('Closed') };
  return names[kind] ?? kind;
}

/** @param {string} state */
function stateChip(state) {
  /** @type {Record<string, string>} */
  const names = { open: t('waits for an answer'), taken_up: t('measure under way'), closed: t('closed') };
  return h('span', { class: `chip ${state === 'open' ? 'bad' : state === 'closed' ? '' : 'good'}` }, names[state] ?? state);
}

/** @param {any} one @param {Element} box */
function actions(one, box) {
  /** @param {string} step @param {any} said */
  const act = async (step, said) => {
    if (!said) return;
    try {
      await post(`/api/manager/shortages/${encodeURIComponent(one.id)}/${step}`, said);
      notice(t('Kept.'));
    } catch (error) {
      notice(explain(error), 'bad');
    }
    await showShortages(box);
  };
  const takeUp = async () => {
    const said = await ask({ title: t('What will be done?'), confirm: t('Take up'), fields: [{ name: 'text', label: t('Measure'), kind: 'area' }, { name: 'until', label: t('By when (YYYY-MM-DD)'), value: localDay(Date.now() + 7 * DAY_MS) }] });
    if (said && !/^\d{4}-\d{2}-\d{2}$/.test(said.until)) return notice(t('The day is expected as YYYY-MM-DD.'), 'bad');
    return act('take-up', said && { text: said.text, until: `${said.until}T23:59:59Z` });
  };
  const say = (/** @type {string} */ step, /** @type {string} */ title) => async () => act(step, await ask({ title, confirm: title, fields: [{ name: 'text', label: step === 'close' ? t('What came of it') : t('Note'), kind: 'area' }] }));
  if (one.state === 'closed') return null;
  return h('p', { class: 'buttons' },
    h('button', { type: 'button', class: 'primary', on: { click: takeUp } }, one.state === 'open' ? t('Take up') : t('Another measure')),
    h('button', { type: 'button', on: { click: say('note', t('Add a note')) } }, t('Add a note')),
    one.state === 'taken_up' ? h('button', { type: 'button', on: { click: say('close', t('Close the report')) } }, t('Close the report')) : null);
}

/** @param {any} one @param {Element} box */
function report(one, box) {
  const missed = one.evidence.filter((/** @type {any} */ o) => o.missed).length;
  const underWay = one.state === 'taken_up' ? [t('by {time}', { time: fullTime(one.until) }), t('{n} more since it was taken up', { n: one.since_taken_up })] : [];
  return h('details', { class: 'panel', open: one.state !== 'closed' },
    h('summary', {}, scopeName(one), ' ', stateChip(one.state), ' ', h('span', { class: 'soft' }, fullTime(one.opened_at))),
    h('p', {}, [t('{n} [order|orders] without a free crew', { n: one.evidence.length }), t('{n} [promise|promises] missed', { n: missed }), ...underWay].join(' · ')),
    h('p', { class: 'soft' }, t('Responsible leaders'), ': ', one.leaders.map((/** @type {any} */ l) => `${l.name} ${l.phone}`).join(', ') || '–'),
    h('p', {}, one.evidence.map((/** @type {any} */ o) => [h('a', { href: `/orders/${encodeURIComponent(o.order_id)}`, title: fullTime(o.at) }, o.order_id), o.missed ? h('b', { class: 'late' }, ` ${t('late')}`) : '', ' '])),
    h('ol', {}, one.steps.map((/** @type {any} */ s) => h('li', {}, fullTime(s.at), ' · ', stepName(s.kind), ' · ', s.by.role === 'system' ? roleName('system') : s.by.id, s.text ? ` · ${s.text}` : ''))),
    actions(one, box));
}

/** @param {Element} box @returns {Promise<void>} */
export async function showShortages(box) {
  try {
    const { reports } = await get('/api/manager/shortages');
    fill(box, h('section', { class: 'panel' }, h('h2', {}, t('Too few crews')), h('p', { class: 'soft' }, t('Orders that waited while a trade or a department had no free crew, where that was too often.')),
      reports.length ? reports.map((/** @type {any} */ one) => report(one, box)) : h('p', { class: 'empty' }, t('No shortage was reported.'))));
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, explain(error)));
  }
}
