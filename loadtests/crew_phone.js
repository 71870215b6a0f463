// @ts-check
/**
 * Crews' phones with everything going wrong: `node crew_phone.js '{"base", "crews", "sequences", "seed"}'`. The queue is the page's own
 * (outbox.js, crew_presses.js beside this file); the network between it and the real interface loses requests and answers, doubles
 * them, and is away; pages are killed, also while a press is being kept; clocks are wrong and jump; another device of the crew takes
 * steps first. One line of JSON a sequence: what the phone said was kept, what it was told was refused, and what the other one took.
 */
import { expected, Outbox } from './js/outbox.js';
import { pressOf, receiptOf } from './js/crew_presses.js';

const job = JSON.parse(process.argv[2]);
const HOUR = 3_600_000;
const JPEG = [0xff, 0xd8, 0xff, 0xe0];

/** mulberry32: small, seeded, good enough. @param {number} seed */
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** @param {string} username */
async function signIn(username) {
  const answer = await fetch(`${job.base}/api/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username, password: job.password }) });
  if (!answer.ok) throw new Error(`${username}: ${answer.status} ${await answer.text()}`);
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
  return async (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body, /** @type {string} */ key = '') => {
    const headers = { Cookie: cookie, 'Content-Type': body instanceof Blob ? body.type : 'application/json', ...(key ? { 'Idempotency-Key': key } : {}) };
    const said = await fetch(job.base + path, { method, headers, body: method === 'GET' ? undefined : body instanceof Blob ? body : JSON.stringify(body ?? {}) });
    const text = await said.text();
    return { status: said.status, value: text ? JSON.parse(text) : null };
  };
}

/** What the phone's disk holds. Survives its page. */
class Disk {
  constructor() { /** @type {any[]} */ this.rows = []; this.number = 0; this.dead = false; }
  /** The same disk as a page sees it that may be killed at any time. @param {{alive: boolean}} page @param {() => boolean} dies */
  of(page, dies) {
    const never = new Promise(() => {});
    const work = async (/** @type {() => any} */ done) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (!page.alive) return never;
      if (dies()) { page.alive = false; return never; } // before it was written
      const found = done();
      if (dies()) { page.alive = false; return never; } // written, and nobody was told
      return found;
    };
    return {
      all: async (/** @type {string} */ owner) => structuredClone(this.rows.filter((one) => one.owner === owner)),
      put: (/** @type {any} */ one) => work(() => {
        const at = this.rows.findIndex((row) => row.key === one.key);
        if (at < 0) this.rows.push({ ...one, no: ++this.number });
        else this.rows[at] = { ...one, no: this.rows[at].no };
      }),
      drop: (/** @type {string[]} */ keys) => work(() => { this.rows = this.rows.filter((row) => !keys.includes(row.key)); }),
    };
  }
}

/** The network: each request meets one of its moods. @param {() => number} dice @param {any} counts */
function weather(dice, counts) {
  const air = { offline: false, calm: false };
  return {
    air,
    /** @param {() => Promise<any>} ask @returns {Promise<{status: number, value?: any}>} */
    async carry(ask) {
      const lost = { status: 0 };
      if (air.calm) return ask();
      if (air.offline) { counts.offline += 1; return lost; }
      const mood = dice();
      if (mood < 0.15) { counts.lostRequests += 1; return lost; }
      if (mood < 0.4) { counts.lostAnswers += 1; await ask(); return lost; }
      if (mood < 0.55) { counts.doubled += 1; const [one] = await Promise.all([ask(), ask()]); return one; }
      if (mood < 0.62) { counts.late += 1; setTimeout(() => waitFor(ask()), 20 + 60 * dice()); return lost; }
      return ask();
    },
  };
}

/** @type {Set<Promise<any>>} */
const late = new Set();
/** @param {Promise<any>} one */
function waitFor(one) {
  late.add(one);
  one.catch(() => null).finally(() => late.delete(one));
}

const counts = { offline: 0, lostRequests: 0, lostAnswers: 0, doubled: 0, late: 0, kills: 0, killsWhileKeeping: 0, clockJumps: 0, tabs: 0, recalls: 0, overtaken: 0, requests: 0 };

/** One order of one crew. @param {any} who @param {number} number */
async function sequence(who, number) {
  const dice = random(job.seed * 1_000_003 + number);
  const { hotline, dispatcher, crew, name } = who;
  const disk = new Disk();
  const { air, carry } = weather(dice, counts);
  const key = (/** @type {string} */ what) => `s${job.seed}-${number}-${what}`;
  const order = await newOrder(hotline, dispatcher, name, number, who.centre);
  /** @type {{key: string, step: string}[]} */
  const kept = [];
  let skew = dice() < 0.5 ? 0 : (dice() - 0.5) * 6 * HOUR;
  let page = { alive: true };
  let dying = false;
  const dies = () => dying && dice() < 0.4;
  const open = async () => {
    const mine = page;
    const box = new Outbox(name, disk.of(mine, dies), {
      changed: () => {}, trouble: (error) => { if (mine.alive) throw error; },
      async send(press) {
        if (!mine.alive) return new Promise(() => {});
        const found = await carry(() => { counts.requests += 1; return crew('POST', press.path, press.blob ?? press.body, press.key).catch(() => ({ status: 0 })); });
        if (!mine.alive) return new Promise(() => {});
        return { status: found.status, why: found.value?.error?.message, facts: found.value?.error?.facts };
      },
    });
    await box.load();
    return box;
  };
  let box = await open();
  const reopen = async () => { counts.kills += 1; page.alive = false; page = { alive: true }; dying = false; box = await open(); };
  const soon = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms, 'late'));

  /** As a finger does; it is confirmed to the person only when `add` says that it is kept. @param {any} press @param {string} step */
  const touch = async (press, step) => {
    if (dice() < 0.15) { skew += (dice() - 0.5) * 4 * HOUR; counts.clockJumps += 1; }
    dying = dice() < 0.12;
    let done = await Promise.race([box.add(press).then(() => 'kept'), soon(40)]);
    if (done !== 'kept' && page.alive) {
      await Promise.race([box.add(press), soon(2000)]);
      if (page.alive) done = 'kept'; // a dead page tells nobody anything
    }
    if (done === 'kept') kept.push({ key: press.key, step });
    if (!page.alive) { counts.killsWhileKeeping += 1; await reopen(); }
    dying = false;
    return done === 'kept';
  };
  const button = (/** @type {string} */ step, more = {}) => {
    const now = Date.now();
    return pressOf(order, step, step, more, { key: key(step), now: now + (dice() - 0.5) * 2000, device: now + skew, known: dice() < 0.9 });
  };
  /** @type {{key: string, step: string}[]} what the crew's other device took, which has a good network */
  const ahead = [];
  /** It goes on up to this step; now and then it arrives without having departed. @param {number} n of the plan */
  const overtake = async (n) => {
    const skips = n >= 2 && dice() < 0.4;
    for (const step of plan.slice(0, n + 1)) {
      const one = { key: key(`other-${step}`), step };
      if ((skips && step === 'depart') || ahead.some((before) => before.key === one.key)) continue;
      const { status } = await crew('POST', `/api/crew/orders/${order.id}/${step}`, { generation: order.generation }, one.key);
      if (status === 200) { counts.overtaken += 1; ahead.push(one); }
    }
  };
  await touch(receiptOf(order), 'receipt');
  const plan = dice() < 0.08 ? ['acknowledge', 'reject'] : ['acknowledge', 'depart', 'arrive', 'restore', 'record'];
  const recalled = dice() < 0.15 ? Math.floor(dice() * 4) : -1;
  for (const [n, step] of plan.entries()) {
    if (n === recalled) { counts.recalls += 1; await dispatcher('POST', `/api/orders/${order.id}/recall`, { reason: 'nearer_crew' }); }
    if (plan.length === 5 && step !== 'record' && dice() < 0.12) await overtake(n);
    air.offline = dice() < 0.35;
    const more = step === 'reject' ? { reason: 'wrong_trade' } : step === 'record' ? { cause: 'a branch', cause_code: 'tree', work_done: 'cut' } : {};
    // A press that died before it was kept shows its button still: the person touches it again, which is another press,
    // until one is kept: the next step has no button before.
    for (let name = step, kept = false; !kept; name += '-again') kept = await touch({ ...button(step, more), key: key(name) }, step) || box.waiting.some((one) => one.key === key(name));
    if (step === 'arrive' && dice() < 0.3) await touch({ key: key('photo'), path: `/api/crew/orders/${order.id}/photos`, blob: new Blob([Uint8Array.from([...JPEG, number & 255, number >> 8, n])], { type: 'image/jpeg' }), order: order.id, at: new Date().toISOString(), label: 'photo', lane: 'photo' }, 'photo');
    if (dice() < 0.1) await touch({ key: key(`message-${n}`), path: '/api/crew/messages', body: { text: key(`message-${n}`) }, order: '', at: new Date().toISOString(), label: 'message', lane: 'message' }, 'message');
    if (dice() < 0.2) await reopen();
    if (dice() < 0.1) { counts.tabs += 1; const other = await open(); await Promise.race([other.flush(), soon(60)]); }
    if (dice() < 0.4) await Promise.race([box.flush(), soon(60)]);
  }
  air.calm = true;
  await reopen();
  for (let tries = 0; box.waiting.length && tries < 50; tries++) { await box.flush(); await soon(2); }
  await Promise.all(late);
  return { number, crew: name, order: order.id, generation: order.generation, recalled: recalled >= 0, kept, ahead, waiting: box.waiting.map((one) => one.key), refused: box.refused.map((one) => one.press.key), expected: expected('', order.id, box.waiting) };
}

/** Taken, sent, and dispatched to the crew. @param {any} hotline @param {any} dispatcher @param {string} crew @param {number} number @param {number} centre */
async function newOrder(hotline, dispatcher, crew, number, centre) {
  const [row, column] = [Math.floor(number / 90), number % 90];
  const call = await hotline('POST', '/api/calls', { channel: 'phone', address: `${number} Test Street`, lat: 20 + centre * 0.1 + 0.005 + row * 0.001, lon: 110.005 + column * 0.001, fault_type: 'meter', voltage: 'lv', customer_name: 'x', customer_phone: `+86${number}` });
  const id = call.value?.order_id;
  if (!id) throw new Error(`no order: ${JSON.stringify(call)}`);
  await hotline('POST', `/api/orders/${id}/send`);
  const sent = await dispatcher('POST', `/api/orders/${id}/dispatch`, { crew_id: crew });
  if (sent.status !== 200) throw new Error(`not dispatched: ${JSON.stringify(sent.value)}`);
  return { id, generation: sent.value.generation };
}

const hotline = await signIn('holly');
await Promise.all(job.crews.map(async (/** @type {any} */ one, /** @type {number} */ n) => {
  const who = { hotline, dispatcher: await signIn(one.dispatcher), crew: await signIn(one.crew), name: one.crew, centre: one.centre };
  for (let number = n; number < job.sequences; number += job.crews.length) console.log(JSON.stringify(await sequence(who, number)));
}));
console.log(JSON.stringify({ counts }));
