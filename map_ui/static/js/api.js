// @ts-check
/** The HTTP interface: JSON (a photo is sent as it is), keys that make a resend harmless, errors that a person can read. */
import { badInput } from './bad_input.js';
import { page, t } from './page.js';
import { heard } from './session.js';

export class ApiError extends Error {
  /** @param {number} status @param {string} code @param {string} message @param {Record<string, any>} facts */
  constructor(status, code, message, facts) {
    super(message);
    this.status = status;
    this.code = code;
    this.facts = facts;
  }
}

/** A new idempotency key. */
export function newKey() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();  // not there without https
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 * @param {{key?: string, timeout?: number}} [options]
 * @returns {Promise<any>}
 */
export async function request(method, path, body, { key, timeout = 15000 } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  const raw = body instanceof Blob ? body : null;
  if (method !== 'GET') headers['Content-Type'] = raw ? raw.type : 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  if (page.person) headers['Dispatch45-Person'] = encodeURIComponent(page.person.username); // nothing is done in another's name
  let response;
  try {
    response = await fetch(path, {
      method, headers, credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(timeout),
      body: method === 'GET' ? undefined : raw ?? JSON.stringify(body ?? {}),
    });
  } catch {
    throw new ApiError(0, 'unreachable', t('The centre cannot be reached.'), {});
  }
  const text = await response.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = null; }
  const error = value?.error ?? {};
  heard(response.ok, error.facts);
  if (response.ok) return value;
  throw new ApiError(response.status, error.code ?? 'error', error.message ?? response.statusText, error.facts ?? {});
}

/** @param {string} path */
export const get = (path) => request('GET', path);
/** @param {string} path @param {any} [body] @param {string} [key] */
export const post = (path, body, key = newKey()) => request('POST', path, body, { key });

/** What to tell the person. @param {any} error */
export function explain(error) {
  if (!(error instanceof ApiError)) return String(error?.message ?? error);
  const known = {
    unreachable: t('The centre cannot be reached.'),
    unauthenticated: t('You are signed out. Sign in again.'),
    forbidden: t('Your role may not do this.'),
    not_found: t('This does not exist (any more).'),
    conflict: t('Somebody else decided first. The page shows the new state.'),
    illegal_step: t('This step is not possible any more: the order has moved on.'),
    too_many: t('Too many requests. Wait a moment.'),
    internal: t('Something is broken at the centre; its log says what.'),
    unavailable: t('A part of the system does not answer now. Try again.'),
    contended: t('Others are changing the same just now. Try again.'),
  };
  const why = {
    holds_orders: t('The crew still holds orders.'),
    max_away: t('Another crew of this trade is away already.'),
    min_cover: t('Too few crews of this trade would stay.'),
    away: t('The crew is away.'),
    full: t('The vehicle is full.'),
    has_it: t('The crew has this order already.'),
    reassign: t('The crew has this order already.'),
    other_centre: t('The crew belongs to another centre.'),
    off_shift: t('The crew is off shift.'),
    not_yours: t('The order is not with this crew any more.'),
    own_order: t('The order is not with this crew any more.'),
    key_reused: error.facts?.order === '' ? t('The call was kept before, without an order. Take it once more for an order.') : t('This was taken before, as order {order}, with other content: look there first.', { order: error.facts?.order ?? '' }),
    arrived: t('Somebody has arrived: the place stands.'),
    ended: t('The order has ended.'),
    already: t('This step was taken already.'),
    under_way: t('The crew is under way with the order ahead: recall it first.'),
    stack_changed: t('The orders of this crew have changed meanwhile.'),
    not_asked: t('The crew does not ask to be away any more.'),
    routed: t('Nobody is responsible for this order yet: decide that first.'),
    route: t('The order is with a crew: recall it first.'),
    called_back: t('Call the customer back first.'),
    photos: t('The order has as many photos as it can have.'),
    two_crews: t('Two of them are with a crew: recall one first.'),
    follows: t('It belongs to the incident of {order}: act on that one, or part it first.', { order: error.facts?.lead ?? '' }),
    not_sent: t('It has not been sent to the centre yet.'),
    planned_outage: t('The place lies in a planned outage: Alt+O when the caller is told, Alt+I for an order all the same.'),
    no_outage: t('No planned outage runs at this place now: take the call (Alt+Enter).'),
    another_person: t('{name} is signed in here now. Nothing was sent.', { name: error.facts?.person ?? '' }),
    yourself: t('Nobody locks himself out.'),
    must_change: t('Choose a password of your own first.'),
  };
  if (error.code === 'bad_input') return badInput(error) || t('It did not work.');
  const reasons = /** @type {Record<string, string>} */ (why);
  return reasons[error.facts?.why] ?? reasons[error.facts?.guard] ?? /** @type {Record<string, string>} */ (known)[error.code] ?? (error.message || t('It did not work.'));
}
