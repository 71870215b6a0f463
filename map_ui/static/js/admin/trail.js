// @ts-check
/** What administrators did: who, when, what. */
import { get } from '../api.js';
import { deed } from '../deeds.js';
import { fill, h } from '../dom.js';
import { fullTime, t } from '../page.js';
import { table } from '../tables.js';
import { roleName } from '../vocabulary.js';

const PAGE = 100;

/** A value as it is kept. @param {any} value @returns {string} */
const plain = (value) => (value === null || value === undefined || value === '' ? '–' : Array.isArray(value) ? value.map(plain).join(', ') : typeof value === 'object' ? Object.values(value).map(plain).join(' ') : String(value));

/** The facts of a note: what was and what is now where both are kept (pure). @param {string} action @param {Record<string, any>} data */
export function kept(action, data) {
  const pairs = /^(add|change|remove|call_off)_|^(enable|disable)_person/.test(action);
  return Object.entries(data).filter(([, v]) => v !== null && v !== undefined && String(v).length).map(([name, v]) => (pairs && Array.isArray(v) && v.length === 2 ? `${name}: ${plain(v[0])} → ${plain(v[1])}` : `${name}: ${plain(v)}`)).join(' · ');
}

/** @param {any} one note */
function facts(one) {
  const said = kept(one.action, one.data);
  return said ? h('span', { lang: 'en', class: 'facts-kept' }, said) : '–';
}

/** @param {HTMLElement} box */
export async function show(box) {
  /** @type {any[]} */
  const rows = [];
  const more = async () => {
    const found = await get(`/api/admin/audit?before=${rows.at(-1)?.id ?? 0}`);
    rows.push(...found);
    fill(box, table({
      title: t('Audit trail'), note: t('The newest first. Lines are sealed by a chain of hashes, which the command “dispatch45 audit verify” checks.'),
      columns: [[t('Time')], [t('Who')], [t('What')], [t('Whom or where from')], [t('Facts')]],
      rows: rows.map((one) => [fullTime(one.at), `${roleName(one.by_role)} ${one.by_id}`, deed(one.action), one.subject || '–', facts(one)]),
    }), found.length === PAGE ? h('p', {}, h('button', { type: 'button', on: { click: more } }, t('Older ones'))) : null);
  };
  await more();
}
