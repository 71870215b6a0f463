// @ts-check
/** The process definition: changed as text, weighed by the centre, put in force. */
import { ApiError, get, post } from '../api.js';
import { fill, h } from '../dom.js';
import { fullTime, t, titled } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { confirmed, problem } from './forms.js';

/** The text with its version one higher (pure). @param {string} text @param {string[]} known ids such as `fault_repair@3` */
export function raised(text, known) {
  const highest = Math.max(0, ...known.map((id) => Number(id.split('@')[1]) || 0));
  return text.replace(/^(\s*version\s*=\s*)(\d+)/m, (_, before, now) => `${before}${Math.max(highest, Number(now)) + 1}`);
}

/** Where line and column begin in a text (pure). @param {string} text @param {number} line @param {number} column both from 1 */
export function offset(text, line, column) {
  let at = 0;
  for (let n = 1; n < line && at >= 0; n += 1) at = text.indexOf('\n', at) + 1 || text.length;
  return Math.min(text.length, at + column - 1);
}

/** @param {number|null} seconds */
const minutes = (seconds) => (seconds === null ? '–' : t('{n} min', { n: Math.round(seconds / 6) / 10 }));

/** @param {HTMLElement} box */
export async function show(box) {
  let state = await get('/api/admin/process');
  const text = h('textarea', { id: 'definition', class: 'code', rows: 24, autocapitalize: 'off', wrap: 'off', 'aria-label': t('Process definition') });
  text.setAttribute('spellcheck', 'false');
  const result = h('div', { class: 'stacked', id: 'weighed', 'aria-live': 'polite' });
  const version = h('select', { id: 'version', 'aria-label': t('Version'), on: { change: async () => { text.value = (await get(`/api/admin/process/${encodeURIComponent(version.value)}/text`)).text; fill(result); } } });
  const history = h('div', {});
  text.addEventListener('input', () => fill(result));

  function draw() {
    text.value = state.text;
    fill(version, state.known.map((/** @type {string} */ id) => h('option', { value: id, selected: id === state.current }, id === state.current ? t('{id} (in force)', { id }) : id)));
    fill(history, table({ title: t('Who put which in force'), empty: t('The one that ships with the program holds.'), columns: [[t('Time')], [t('Version')], [t('Who')], [t('What differed')]], rows: state.adoptions.map((/** @type {any} */ a) => [fullTime(a.at), a.process, a.by, h('span', { lang: 'en' }, a.difference.join('; ') || '–')]) }));
  }

  /** @param {any} error */
  function fault(error) {
    const { line, column, field } = error instanceof ApiError ? error.facts : /** @type {any} */ ({});
    const where = line ? t('Line {line}, column {column}', { line, column }) : t('It cannot be used');
    fill(result, h('section', { class: 'panel warn', role: 'alert' }, h('h2', {}, where), h('p', { lang: 'en' }, error.message), field === 'version' ? h('p', {}, t('Orders began under this version: raise it first.')) : null));
    if (!line) return;
    const at = offset(text.value, line, column), end = text.value.indexOf('\n', at);
    text.focus();
    text.setSelectionRange(at, end < 0 ? text.value.length : end);
    text.scrollTop = Math.max(0, (line - 6) * (text.scrollHeight / Math.max(1, text.value.split('\n').length)));
  }

  async function weigh() {
    fill(result, h('p', { class: 'empty' }, t('Loading…')));
    try {
      weighed(text.value, await post('/api/admin/process/check', { text: text.value }));
    } catch (error) {
      fault(error);
    }
  }

  /** @param {string} what @param {any} found */
  function weighed(what, found) {
    const lines = found.diff.map((/** @type {string} */ line) => h('span', { class: line.startsWith('+') ? 'added' : line.startsWith('-') ? 'gone' : line.startsWith('@') ? 'soft' : '' }, `${line}\n`));
    fill(result,
      found.gaps ? h('section', { class: 'panel warn' }, h('p', { lang: 'en' }, found.gaps)) : null,
      table({ title: t('Limits of {id}', { id: found.process }), note: t('Beside each limit: what it would be if it were set as usual consumption and one minute, from the orders of the last {n} days.', { n: found.days }), columns: [[t('Segment')], [t('In force'), 'number'], [t('New'), 'number'], [t('Median + 1 minute'), 'number'], [t('Orders'), 'number']], rows: found.limits.map((/** @type {any} */ one) => [`${one.segment} ${titled(one.title)}`, minutes(one.before_s), one.before_s !== one.limit_s ? h('b', { class: 'soon' }, minutes(one.limit_s)) : minutes(one.limit_s), one.n < 5 ? h('span', { title: t('too few orders to tell') }, one.median_plus_1min === null ? '–' : `(${minutes(one.median_plus_1min)})`) : minutes(one.median_plus_1min), one.n]) }),
      h('section', { class: 'panel' }, h('h2', {}, t('What changes')), found.lines.length ? h('ul', { class: 'changes', lang: 'en' }, found.lines.map((/** @type {string} */ line) => h('li', {}, line))) : h('p', {}, t('Nothing that the program knows.')), found.diff.length ? h('details', {}, h('summary', {}, t('Line by line')), h('pre', { class: 'diff', tabindex: '0' }, lines)) : null,
        found.same ? h('p', {}, t('It is in force already.')) : h('button', { type: 'button', class: 'primary', id: 'adopt', on: { click: () => adopt(what, found) } }, t('Put {id} in force', { id: found.process }))));
  }

  /** @param {string} what @param {any} found */
  async function adopt(what, found) {
    const done = await confirmed({ title: t('Put {id} in force?', { id: found.process }), text: t('New orders begin under it from now on, everywhere. Running orders end under {before}.', { before: found.before }), confirm: t('Put in force') }, async () => { state = await post('/api/admin/process/adopt', { text: what, before: found.before }); });
    if (done) { notice(t('{id} is in force.', { id: found.process })); draw(); fill(result); }
  }

  const raise = h('button', { type: 'button', id: 'raise', on: { click: () => { text.value = raised(text.value, state.known); fill(result); } } }, t('Raise the version'));
  const check = h('button', { type: 'button', class: 'primary', id: 'check', on: { click: weigh } }, t('Check'));
  try {
    draw();
    fill(box, h('section', { class: 'panel form' }, h('h2', {}, t('Process definition')), h('p', {}, t('Steps, limits, watches and chains, as docs/process-file.md describes them. Nothing changes until it is put in force.')), h('div', { class: 'buttons' }, version, raise, check), text), result, history);
  } catch (error) {
    fill(box, h('p', { class: 'problem' }, problem(error)));
  }
}
