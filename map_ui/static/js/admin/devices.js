// @ts-check
/** Vehicles with their terminals, and the crews' phones: protocol, authentication code, whose they are. */
import { get, post } from '../api.js';
import { fill, h } from '../dom.js';
import { named, t } from '../page.js';
import { notice } from '../shell.js';
import { table } from '../tables.js';
import { addButton, button, buttons, confirmed, edit, problem, putEntry, tell } from './forms.js';

export const PROTOCOLS = ['jt808', 'jt905', 'gt06', 'h02', 'tk103', 'gps103', 'gl200', 'meitrack', 'teltonika', 'nmea', 'osmand', 'owntracks'];

/** All devices of all crews, as the centre knows each (pure). @param {any[]} crews @returns {{id: string, kind: 'terminal'|'phone', label: string, protocol: string, crew_id: string}[]} */
export function devicesOf(crews) {
  return crews.flatMap((crew) => [
    ...(crew.vehicle?.device ? [{ id: crew.vehicle.device, kind: /** @type {'terminal'} */ ('terminal'), label: crew.vehicle.plate, protocol: crew.vehicle.protocol, crew_id: crew.id }] : []),
    ...(crew.phone_device ? [{ id: crew.phone_device, kind: /** @type {'phone'} */ ('phone'), label: '', protocol: 'osmand', crew_id: crew.id }] : []),
  ]);
}

/** @param {any} org @param {'terminal'|'phone'} kind @param {any} [was] */
export function deviceForm(org, kind, was) {
  const field = kind === 'terminal' ? 'vehicle' : 'phone_device';
  const free = org.crews.filter((/** @type {any} */ c) => c.id === was?.crew_id || !(kind === 'terminal' ? c.vehicle?.device : c[field]));
  const whose = /** @type {import('./forms.js').Field} */ ({ name: 'crew_id', label: t('Crew'), kind: 'select', options: free.map((/** @type {any} */ c) => [c.id, `${named(c)} (${c.id})`]), value: was?.crew_id ?? free[0]?.id });
  /** @type {import('./forms.js').Field[]} */
  const id = was ? [] : [{ name: 'id', label: kind === 'terminal' ? t('Number of the terminal (as it reports it)') : t('Number of the phone (as it reports it)') }];
  /** @type {import('./forms.js').Field[]} */
  const vehicle = kind === 'terminal' ? [{ name: 'label', label: t('Number plate'), value: was?.label ?? '', required: false }, { name: 'protocol', label: t('Protocol'), kind: 'select', options: [['', t('any')], ...PROTOCOLS.map((p) => /** @type {[string, string]} */ ([p, p]))], value: was?.protocol ?? 'jt808', required: false }] : [];
  const title = was ? t('Change {name}', { name: was.id }) : kind === 'terminal' ? t('New vehicle') : t('New phone');
  return edit({ title, fields: [...id, ...vehicle, whose] }, ({ id: given, ...said }) => putEntry('devices', was?.id ?? given, was ?? null, { kind, label: '', protocol: kind === 'phone' ? 'osmand' : '', ...said }));
}

/** @param {any} device */
async function showCode(device) {
  await confirmed({ title: t('Show the authentication code of {name}?', { name: device.id }), text: t('Whoever has it can speak for this device. It is noted that you looked.'), confirm: t('Show it') }, async () => {
    const { code } = await post(`/api/admin/devices/${encodeURIComponent(device.id)}/code`);
    await tell({ title: t('Authentication code of {name}', { name: device.id }), text: t('Terminals of JT/T 808 and 905 are given it when they register; enter it by hand only where they do not.'), lines: [code] });
  });
}

/** @param {HTMLElement} box */
export async function show(box) {
  const org = await get('/api/admin/organisation');
  const again = () => show(box).catch((error) => notice(problem(error), 'bad'));
  const crew = (/** @type {string} */ id) => named(org.crews.find((/** @type {any} */ c) => c.id === id)) || id;
  const all = devicesOf(org.crews);
  /** @param {any} d */
  const acts = (d) => buttons(button(t('Change'), async () => { await deviceForm(org, d.kind, d); await again(); }, { of: d.id }), d.kind === 'terminal' ? button(t('Code'), () => showCode(d), { of: d.id }) : null,
    button(t('Take away'), async () => {
      if (await confirmed({ title: t('Take {device} from {crew}?', { device: d.label || d.id, crew: crew(d.crew_id) }), text: t('It is not let in any more, and what is on its screen is not changed any more.'), confirm: t('Take away') }, () => putEntry('devices', d.id, d, null))) notice(t('{name} is taken away.', { name: d.id }));
      await again();
    }, { danger: true, of: d.id }));
  const add = (/** @type {string} */ label, /** @type {'terminal'|'phone'} */ kind, /** @type {string} */ id) => (org.crews.length ? addButton(label, async () => { if (await deviceForm(org, kind)) await again(); }, id) : h('p', { class: 'soft' }, t('A device needs a crew first.')));
  const link = (/** @type {any} */ d) => h('a', { href: `/devices/${encodeURIComponent(d.id)}` }, d.id);
  fill(box,
    table({ title: t('Vehicles'), empty: t('There is none yet.'), columns: [[t('Number plate')], [t('Terminal')], [t('Protocol')], [t('Crew')], ['']], rows: all.filter((d) => d.kind === 'terminal').map((d) => [d.label || '–', link(d), d.protocol || t('any'), crew(d.crew_id), acts(d)]) }),
    add(t('Add a vehicle'), 'terminal', 'add-vehicle'),
    table({ title: t('Phones'), empty: t('There is none yet.'), columns: [[t('Phone')], [t('Crew')], ['']], rows: all.filter((d) => d.kind === 'phone').map((d) => [link(d), crew(d.crew_id), acts(d)]) }),
    add(t('Add a phone'), 'phone', 'add-phone'), h('p', { class: 'soft' }, h('a', { href: '/devices' }, t('How the devices are, and who is not known'))));
}
