import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

/** The service worker in a world of its own. @param {(url: string) => Promise<any>} network */
function worker(network, older = new Map()) {
  const heard = {}, kept = new Map();
  const cache = { addAll: async () => {}, put: async (name, answer) => kept.set(name, answer), match: async (name) => kept.get(name) };
  const self = { addEventListener: (type, f) => { heard[type] = f; }, location: { origin: 'http://centre.test' }, skipWaiting: async () => {}, clients: { claim: async () => {} } };
  const code = readFileSync(new URL('../js/sw.js', import.meta.url), 'utf8');
  vm.runInNewContext(code, {
    SHELL: { version: '1', page: '/crew', files: [] }, self, URL, Promise, setTimeout: (f, _, value) => setTimeout(f, 20, value),
    caches: { open: async () => cache, keys: async () => [], match: async (name) => kept.get(name) ?? older.get(name) }, fetch: (request) => network(request.url ?? request), Response: { error: () => 'no page' },
  });
  const ask = (path, mode = 'navigate', method = 'GET') => {
    let answer;
    heard.fetch({ request: { url: `http://centre.test${path}`, method, mode }, respondWith: (found) => { answer = found; } });
    return answer;
  };
  const install = () => new Promise((resolve, reject) => { heard.install({ waitUntil: (work) => work.then(resolve, reject) }); });
  return { ask, kept, install };
}
const page = (text) => ({ ok: true, redirected: false, text, clone: () => text });

test('the page comes from the network, and is kept', async () => {
  const { ask, kept } = worker(async () => page('fresh'));
  assert.equal((await ask('/crew')).text, 'fresh');
  assert.equal(kept.get('/crew'), 'fresh');
});

test('without a network, where the line is up and nothing comes, and where the centre is broken, the page is as it was last', async () => {
  for (const network of [async () => { throw new Error('offline'); }, () => new Promise(() => {}), async () => ({ ...page('broken'), ok: false, status: 503 })]) {
    const { ask, kept } = worker(network);
    kept.set('/crew', 'kept');
    assert.equal(await ask('/crew'), 'kept');
  }
});

test('a newer worker takes no page away that it cannot keep itself', async () => {
  for (const network of [async () => ({ ...page('broken'), ok: false, status: 503 }), async () => { throw new Error('offline'); }]) {
    await assert.rejects(worker(network, new Map([['/crew', 'kept']])).install(), /older/);
    await worker(network).install();
  }
  const { install, kept } = worker(async () => page('fresh'), new Map([['/crew', 'kept']]));
  await install();
  assert.equal(kept.get('/crew'), 'fresh');
});

test('a page that was never kept cannot be there; a sign-in page is not kept as the crew\'s', async () => {
  assert.equal(await worker(async () => { throw new Error('offline'); }).ask('/crew'), 'no page');
  const { ask, kept } = worker(async () => ({ ...page('sign in'), redirected: true }));
  await ask('/crew');
  assert.equal(kept.has('/crew'), false);
});

test('answers of the interface and presses are never kept', () => {
  const { ask } = worker(async () => page('x'));
  assert.equal(ask('/api/crew/stack', 'cors'), undefined);
  assert.equal(ask('/api/orders/W1/photos/x', 'no-cors'), undefined);
  assert.equal(ask('/crew', 'navigate', 'POST'), undefined);
});
