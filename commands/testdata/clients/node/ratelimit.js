"use strict";
// ratelimiter: a sliding window in a sorted set, with MULTI and no scripts.
const assert = require("node:assert/strict");
const { Redis } = require("ioredis");
const Limiter = require("ratelimiter");

async function main() {
  const db = new Redis({ port: Number(process.env.REDIX_TEST_PORT), host: "127.0.0.1", password: "secret", db: 5 });
  const get = (id) => new Promise((done, failed) => new Limiter({ id, db, max: 5, duration: 60000 }).get((e, limit) => (e ? failed(e) : done(limit))));
  const left = [];
  for (let i = 0; i < 7; i++) left.push((await get("alice")).remaining);
  assert.deepEqual(left, [5, 4, 3, 2, 1, 0, 0]);
  assert.equal((await get("bob")).remaining, 5);
  await Promise.all(Array.from({ length: 50 }, (_, i) => get("crowd")));
  assert.equal((await get("crowd")).remaining, 0);
  await db.flushdb();
  db.disconnect();
}
main().catch((e) => { console.error(e); process.exit(1); });
