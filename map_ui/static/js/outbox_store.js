// @ts-check
/** Presses in the browser's database: there when the page is killed, written before a person is told that they are kept. */

const NAME = 'dispatch45';
const PRESSES = 'presses';

/** @typedef {import('./outbox.js').Kept} Kept */

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answered = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** Whether it was new, as nearly each one is: who presses waits for no look first. @param {IDBObjectStore} presses @param {Kept} one @returns {Promise<boolean>} */
const added = (presses, one) => new Promise((resolve, reject) => {
  const request = presses.add(one);
  request.onsuccess = () => resolve(true);
  request.onerror = (event) => {
    if (request.error?.name !== 'ConstraintError') return reject(request.error);
    event.preventDefault(); // or it would end the transaction
    resolve(false);
  };
});

/** @type {Promise<IDBDatabase>|null} */
let opened = null;

/** @returns {Promise<IDBDatabase>} */
function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      const presses = request.result.createObjectStore(PRESSES, { keyPath: 'no', autoIncrement: true });
      presses.createIndex('key', 'key', { unique: true });
      presses.createIndex('owner', 'owner');
    };
    request.onsuccess = () => {
      request.result.onversionchange = () => { request.result.close(); opened = null; };
      resolve(request.result);
    };
    request.onerror = () => { opened = null; reject(request.error); };
  });
  return opened;
}

/** One transaction, durable on the disk when this resolves. @param {(presses: IDBObjectStore) => Promise<void>} work */
async function write(work) {
  const transaction = (await open()).transaction(PRESSES, 'readwrite', { durability: 'strict' });
  const done = new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(null);
    transaction.onabort = () => reject(transaction.error);
  });
  await work(transaction.objectStore(PRESSES));
  await done;
}

/** @type {import('./outbox.js').Store} */
export const browserStore = {
  async all(owner) {
    const presses = (await open()).transaction(PRESSES).objectStore(PRESSES);
    return answered(presses.index('owner').getAll(owner));
  },
  put: (one) => write(async (presses) => {
    if (await added(presses, one)) return;
    const no = await answered(presses.index('key').getKey(one.key));
    await answered(presses.put({ ...one, no: Number(no) }));
  }),
  drop: (keys) => write(async (presses) => {
    for (const key of keys) {
      const no = await answered(presses.index('key').getKey(key));
      if (no !== undefined) await answered(presses.delete(no));
    }
  }),
};
