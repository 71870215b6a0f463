// @ts-check
/** How this phone can report its position with an app that is there already. */
import { fill, h } from './dom.js';
import { page, t } from './page.js';

/** @param {Element} box @param {any} stack */
export function deviceHelp(box, stack) {
  const id = typeof stack?.phone_device === 'object' ? stack.phone_device?.id : stack?.phone_device;
  if (!id || !page.trackingPort) {
    fill(box, h('p', {}, t('No device id is set for this crew. Ask the administrator.')));
    return;
  }
  const server = `http://${location.hostname}:${page.trackingPort}`;
  const query = 'lat={0}&lon={1}&timestamp={2}&hdop={3}&altitude={4}&speed={5}&bearing={6}';
  fill(box,
    h('dl', { class: 'facts' }, h('dt', {}, t('Device id')), h('dd', {}, h('code', {}, id)), h('dt', {}, t('Server')), h('dd', {}, h('code', {}, server))),
    h('h3', {}, 'Traccar Client'), h('p', {}, t('Enter the device id and the server above, accuracy high, every 10 s; then switch the service on.')),
    h('h3', {}, 'OsmAnd'), h('p', {}, t('Trip recording, online tracking: enter this address, every 10 s.')), h('p', {}, h('code', {}, `${server}/?id=${encodeURIComponent(id)}&${query}`)));
}
