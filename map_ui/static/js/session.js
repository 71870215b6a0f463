// @ts-check
/** Whether this page's person is still the one who is signed in: every answer of the centre says so. */

/** `out`: the session has ended; `another`: somebody else has signed in beside this page. @typedef {''|'out'|'another'} Session */
/** @type {{state: Session, name: string}} `name` of the other person */
const now = { state: '', name: '' };
/** @type {((state: Session, name: string) => void)[]} */
const listeners = [];

/** @param {(state: Session, name: string) => void} told at every change */
export const onSession = (told) => { listeners.push(told); };

/** What an answer says of the session. A wrong password is no end of one. @param {boolean} taken @param {Record<string, any>} [facts] of a refusal */
export function heard(taken, facts = {}) {
  /** @type {Record<string, Session>} */
  const ends = { signed_out: 'out', another_person: 'another' };
  const state = taken ? '' : ends[facts.why];
  if (state === undefined || (state === now.state && (facts.person ?? '') === now.name)) return;
  Object.assign(now, { state, name: facts.person ?? '' });
  listeners.forEach((told) => told(now.state, now.name));
}
