/* Service worker of the crew's page: keeps the shell, never an answer of the API. `SHELL` is put before this file. */
/* global SHELL */
const CACHE = `dispatch45-${SHELL.version}`;
const PATIENCE_MS = 3000;

self.addEventListener('install', (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(CACHE);
    await cache.addAll(SHELL.files);
    await Promise.all([SHELL.page, '/api/vocabulary'].map((name) => keep(cache, name, name).catch(() => null)));
    const there = (await cache.match(SHELL.page)) || !(await caches.match(SHELL.page));
    if (!there) throw new Error('this page cannot be kept now: the older worker keeps its own'); // it is tried again with the next visit
    await self.skipWaiting();
  })());
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith('dispatch45-') && name !== CACHE) await caches.delete(name);
    await self.clients.claim();
  })());
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith('/static/')) event.respondWith(kept(event.request));
  else if (event.request.mode === 'navigate' && url.pathname === SHELL.page) event.respondWith(fresh(event.request));
  else if (url.pathname === '/api/vocabulary') event.respondWith(fresh(event.request));
});

/** Files that never change under their address. */
async function kept(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/** Ask the network, and keep a good answer under a name. */
async function keep(cache, name, request) {
  const response = await fetch(request);
  if (response.ok && !response.redirected) await cache.put(name, response.clone());
  return response;
}

/** From the network where there is one, else as it was last: also where the line is up and nothing comes, or the centre is broken. */
async function fresh(request) {
  const cache = await caches.open(CACHE);
  const name = new URL(request.url).pathname;
  const last = await cache.match(name);
  const answer = keep(cache, name, request);
  if (!last) return answer.catch(() => Response.error());
  const late = new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS, last); });
  return Promise.race([answer.then((found) => (found.status >= 500 ? last : found), () => last), late]);
}
