// @ts-check
/** Administration: the section that the address names. */
import { watchAlerts } from '../alert_watch.js';
import { explain } from '../api.js';
import { byId, fill, h } from '../dom.js';
import { startShell } from '../shell.js';
import { loadWords } from '../vocabulary.js';

startShell();
await loadWords();
watchAlerts();
const box = byId('admin');
/** Only the section that is looked at is loaded. @type {Record<string, () => Promise<{show: (box: HTMLElement) => Promise<void>|void}>>} */
const SECTIONS = {
  people: () => import('./people.js'), organisation: () => import('./units.js'), devices: () => import('./devices.js'), duties: () => import('./duties.js'), outages: () => import('./outages.js'),
  territories: () => import('./land.js'), process: () => import('./process.js'), lists: () => import('./lists.js'), trail: () => import('./trail.js'), system: () => import('./system.js'),
};

try {
  const section = SECTIONS[box.dataset.section ?? ''] ?? SECTIONS.system;
  await (await section()).show(box);
} catch (error) {
  fill(box, h('p', { class: 'problem' }, explain(error)));
}
