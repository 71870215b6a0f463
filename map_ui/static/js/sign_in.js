// @ts-check
import { explain, ApiError, get, request } from './api.js';
import { byId } from './dom.js';
import { forgetPage, startShell } from './shell.js';
import { t } from './page.js';

startShell();
const form = byId('sign-in');
const problem = byId('problem');

form.addEventListener('submit', async (/** @type {SubmitEvent} */ event) => {
  event.preventDefault();
  problem.hidden = true;
  const { username, password } = Object.fromEntries(new FormData(form));
  try {
    const person = await request('POST', '/api/session', { username, password });
    await forgetPage().catch(() => null);
    if (person.must_change) return location.assign('/password');
    const next = new URLSearchParams(location.search).get('next') ?? '/';
    return location.assign(/^\/(?![/\\])/.test(next) ? next : '/');
  } catch (error) {
    const wrong = error instanceof ApiError && (error.status === 401 || error.status === 403);
    problem.textContent = wrong ? t('User name or password is wrong.') : explain(error);
    problem.hidden = false;
    return form.password.select();
  }
});

get('/api/setup').then(({ waiting }) => { if (waiting) location.replace('/setup'); }, () => null);

for (const button of document.querySelectorAll('.account')) {
  button.addEventListener('click', () => {
    const { username, password } = /** @type {HTMLElement} */ (button).dataset;
    form.username.value = username;
    form.password.value = password;
    form.requestSubmit();
  });
}
