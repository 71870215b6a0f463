// @ts-check
/** Lists as CSV: out, and in again after a look at what it would do; all of it or nothing. */
import { newKey, request } from '../api.js';
import { fill, h } from '../dom.js';
import { t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { confirmed, problem, tell } from './forms.js';

const KINDS = ['people', 'departments', 'crews', 'vehicles', 'phones', 'planned-outages'];
const SHOWN = 200;
/** Milliseconds: the passwords of 500 new people are hashed slowly, and the answer alone says them. */
const PATIENCE = 180_000;

/** @param {string} kind */
function kindName(kind) {
  /** @type {Record<string, string>} */
  const names = { people: t('People'), departments: t('Departments'), crews: t('Crews'), vehicles: t('Vehicles'), phones: t('Phones'), 'planned-outages': t('Planned outages') };
  return names[kind] ?? kind;
}

/** UTF-8, or what spreadsheets in China write. @param {ArrayBuffer} bytes @returns {string} */
export function decoded(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

/** @param {any} fault */
function faultName({ code, value }) {
  /** @type {Record<string, string>} */
  const names = {
    required: t('is missing'), form: t('holds characters that are not allowed'), number: t('is not a number, or not one that can be'), choice: t('is none of the words that can stand here'), time: t('is not a time (HH:MM)'), phone: t('is not a number that a telephone can dial'),
    twice: t('stands twice'), unknown_column: t('no column of this list has this name'), missing_column: t('this column is missing'), too_many_cells: t('the line has more cells than there are columns'), too_many_rows: t('the list is too long'),
    not_csv: t('this is not CSV (is a quotation mark missing?)'), reference: t('is not there, or does not fit'),
    instant: t('is not a time (2026-03-02 08:30)'), ends_first: t('is not after the begin'), where: t('territory, polygon and addresses are all empty'), polygon: t('is no area: three corners "lon lat; lon lat; lon lat" or more, whose sides do not cross'), outage_called_off: t('was called off: give it another id'), outage_over: t('is over: give it another id'),
  };
  return names[code] ? h('span', {}, names[code], value && code !== 'reference' && code !== 'not_csv' ? h('span', {}, ': ', h('code', {}, value)) : null) : h('span', { lang: 'en' }, value);
}

/** @param {any} found */
const faults = (found) => table({ title: t('Nothing was imported: {n} faults', { n: found.faults.length }), columns: [[t('Line'), 'number'], [t('Column'), 'number'], [t('Heading')], [t('What is wrong')]], rows: found.faults.slice(0, SHOWN).map((/** @type {any} */ f) => [f.line || '–', f.column || '–', h('span', { lang: 'en' }, f.name || '–'), faultName(f)]) });

/** @param {string} title @param {string[]} names */
const some = (title, names) => h('p', {}, h('b', {}, title), ' ', names.slice(0, 40).join(', ') || '–', names.length > 40 ? ' …' : '');

/** A rehearsal, or with what it said the import. @param {string} kind @param {any} body */
const take = (kind, body) => request('POST', `/api/admin/lists/${kind}`, body, { key: newKey(), timeout: PATIENCE });

/** @param {HTMLElement} box */
export function show(box) {
  const result = h('div', { class: 'stacked', id: 'import-result', 'aria-live': 'polite' });
  const kind = h('select', { id: 'list-kind', on: { change: () => names() } }, KINDS.map((k) => h('option', { value: k }, kindName(k))));
  const file = h('input', { id: 'list-file', type: 'file', accept: '.csv,text/csv' });
  const download = h('a', { class: 'button', id: 'list-download' }, t('Download the list'));
  const names = () => { download.href = `/api/admin/lists/${kind.value}.csv`; fill(result); file.value = ''; };
  file.addEventListener('click', () => { file.value = ''; }); // the same file, mended, is a change again
  file.addEventListener('change', async () => { if (file.files?.[0]) await look(kind.value, decoded(await file.files[0].arrayBuffer())); });

  /** @param {string} of @param {string} text */
  async function look(of, text) {
    fill(result, h('p', { class: 'empty' }, t('Loading…')));
    try {
      const found = await take(of, { text });
      if (found.faults.length) return fill(result, faults(found));
      const nothing = !found.new.length && !found.changed.length;
      return fill(result, h('section', { class: 'panel' }, h('h2', {}, t('This list would')), some(t('Add ({n}):', { n: found.new.length }), found.new), some(t('Change ({n}):', { n: found.changed.length }), found.changed), h('p', {}, t('Leave as they are: {n}. What does not stand in the list stays too.', { n: found.same })),
        nothing ? null : h('button', { type: 'button', class: 'primary', id: 'import', on: { click: () => put(of, text, found) } }, t('Import'))));
    } catch (error) {
      return fill(result, h('p', { class: 'problem' }, problem(error)));
    }
  }

  /** @param {string} of @param {string} text @param {any} seen */
  async function put(of, text, seen) {
    let begun = false;
    const ended = await confirmed({ title: t('Import the list?'), text: t('{a} are added, {c} are changed: all of them or none.', { a: seen.new.length, c: seen.changed.length }), confirm: t('Import') }, async () => {
      begun = true;
      fill(result, h('p', { class: 'empty', id: 'importing' }, t('The list is being imported. With many new people it takes up to a minute: leave this page open, it shows their passwords.')));
      const done = await take(of, { text, seen: seen.seen });
      if (!done.done) return fill(result, faults(done));
      notice(t('The list is imported.'));
      names();
      const passwords = Object.entries(done.passwords);
      if (passwords.length) await tell({ title: t('Passwords of the new people'), text: t('It is shown this once and stored nowhere. It only serves to choose an own one at the first sign-in.'), lines: passwords.map(([name, one]) => `${name}  ${one}`) });
      return undefined;
    });
    if (begun && !ended) await look(of, text);
  }

  fill(box, h('section', { class: 'panel form' }, h('h2', {}, t('Lists as CSV')), h('p', {}, t('Download a list, change it in a spreadsheet, and import it again. First you see what it would do; a list with one fault changes nothing.')),
    h('label', { htmlFor: 'list-kind' }, t('List')), kind, h('p', {}, download), h('label', { htmlFor: 'list-file' }, t('Import a file')), file), result);
  const wanted = new URLSearchParams(location.search).get('list') ?? '';
  if (KINDS.includes(wanted)) kind.value = wanted;
  names();
}
