// @ts-check
/** Filters that a manager has named, and to whom their figures are sent. */
import { explain, get, post, request } from './api.js';
import { fill, h } from './dom.js';
import { t } from './page.js';
import { notice } from './shell.js';

/** @typedef {import('./review_query.js').Query} Query */

/**
 * @param {Element} box @param {() => Query} now what would be kept @param {(kept: Query) => void} open
 */
export async function startSavedViews(box, now, open) {
  const draw = async () => {
    try {
      const { views, channels } = await get('/api/manager/views');
      fill(box, h('details', { class: 'panel', open: views.length > 0 }, h('summary', {}, t('Saved views and letters')),
        views.length ? h('ul', { class: 'views' }, views.map((/** @type {any} */ v) => row(v))) : h('p', { class: 'empty' }, t('Nothing is kept yet. Choose days and a filter above, and give them a name.')), form(channels)));
    } catch (error) {
      fill(box, h('p', { class: 'problem' }, explain(error)));
    }
  };

  /** @param {any} view */
  function row(view) {
    /** @type {Record<string, string>} */
    const every = { '': '', day: t('sent daily from {hour} h', { hour: view.hour }), week: t('sent on Mondays from {hour} h', { hour: view.hour }) };
    return h('li', {}, h('button', { type: 'button', class: 'link', on: { click: () => open(view.query) } }, view.name), ' ', h('span', { class: 'soft' }, every[view.every]), ' ',
      view.to_nobody ? h('strong', { class: 'late' }, '▲ ', t('Its recipients are gone: keep it again, with others'), ' ') : null,
      h('button', { type: 'button', class: 'icon-button', 'aria-label': t('Remove the view {name}', { name: view.name }), on: { click: () => remove(view) } }, '✕'));
  }

  /** @param {any} view */
  async function remove(view) {
    try {
      await request('DELETE', `/api/manager/views/${view.id}`);
    } catch (error) {
      notice(explain(error), 'bad');
    }
    await draw();
  }

  /** @param {any[]} channels */
  function form(channels) {
    const made = h('form', { class: 'keep' },
      h('label', {}, t('Name of this view'), h('input', { name: 'name', required: true, maxlength: 80 })),
      h('label', {}, t('Send its figures'), h('select', { name: 'every' }, [['', t('never')], ['day', t('every day: yesterday')], ['week', t('on Mondays: the week before')]].map(([value, text]) => h('option', { value }, text)))),
      h('label', {}, t('from (hour)'), h('input', { name: 'hour', type: 'number', min: 0, max: 23, value: 7 })),
      h('label', {}, t('to'), h('select', { name: 'channels', multiple: true, size: Math.min(4, Math.max(2, channels.length)) }, channels.map((c) => h('option', { value: c.id }, `${c.recipient} · ${c.label}`)))),
      h('button', { type: 'submit' }, t('Keep')),
      channels.length ? null : h('p', { class: 'soft' }, t('An administrator adds recipients under “Recipients of alerts”.')));
    made.addEventListener('submit', async (/** @type {Event} */ e) => {
      e.preventDefault();
      const picked = [...made.channels.selectedOptions].map((/** @type {any} */ o) => Number(o.value));
      try {
        await post('/api/manager/views', { name: made.elements.namedItem('name').value.trim(), query: now(), every: made.every.value, hour: Number(made.hour.value), channels: made.every.value ? picked : [] });
        notice(t('Kept.'));
        await draw();
      } catch (error) {
        notice(explain(error), 'bad');
      }
    });
    return made;
  }

  await draw();
}
