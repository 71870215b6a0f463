// @ts-check
/** The panes of the control room: tabs of the details, and one pane at a time on a narrow screen. */
import { byId } from './dom.js';

/** Open a tab; its panel hears `shown`. @param {string} name */
export function tab(name) {
  for (const button of document.querySelectorAll('.tabs [role=tab]')) {
    const on = button.id === `tab-${name}`;
    button.setAttribute('aria-selected', String(on));
    button.setAttribute('tabindex', on ? '0' : '-1');
    const panel = byId(String(button.getAttribute('aria-controls')));
    const opened = on && panel.hidden;
    panel.hidden = !on;
    if (opened) panel.dispatchEvent(new Event('shown'));
  }
}

/** On a narrow screen one view at a time. @param {string} name */
export function lookAt(name) {
  document.body.dataset.view = name;
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.small-tabs button'))) button.setAttribute('aria-pressed', String(button.dataset.view === name));
}

/** @param {() => void} sized called when the panes have other sizes */
export function startPanes(sized) {
  for (const button of document.querySelectorAll('.tabs [role=tab]')) {
    button.addEventListener('click', () => tab(button.id.slice(4)));
    button.addEventListener('keydown', (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[/** @type {KeyboardEvent} */ (e).key];
      if (!step) return;
      const all = [...document.querySelectorAll('.tabs [role=tab]')];
      const next = /** @type {HTMLElement} */ (all[(all.indexOf(button) + step + all.length) % all.length]);
      tab(next.id.slice(4));
      next.focus();
    });
  }
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.small-tabs button'))) button.addEventListener('click', () => { lookAt(button.dataset.view ?? 'board'); sized(); });
  lookAt('board');
  sized();
}
