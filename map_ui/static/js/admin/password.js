// @ts-check
/** One's own password. */
import { ApiError, post } from '../api.js';
import { byId } from '../dom.js';
import { t } from '../page.js';
import { startShell } from '../shell.js';
import { problem } from './forms.js';

startShell();
const form = byId('own-password'), told = byId('problem');
form.addEventListener('submit', async (/** @type {Event} */ event) => {
  event.preventDefault();
  const { old, fresh, again } = Object.fromEntries(new FormData(form));
  try {
    if (fresh !== again) throw new Error(t('The two passwords differ.'));
    if (fresh === old) throw new Error(t('The new password is the old one.'));
    await post('/api/session/password', { old, new: fresh });
    location.assign('/');
  } catch (error) {
    told.textContent = error instanceof ApiError && error.status === 401 ? t('The old password is wrong.') : problem(error);
    told.hidden = false;
  }
});
