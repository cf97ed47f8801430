"use strict";
// node-redis as its guide shows it: RESP3, commands, pipelines, transactions, iterators, pub/sub, a pool, blocking.
const assert = require("node:assert/strict");
const { createClient, createClientPool } = require("redis");

async function main() {
  const options = { url: `redis://default:secret@127.0.0.1:${process.env.REDIX_TEST_PORT}/2`, name: "node" };
  const errors = [];
  const client = await createClient(options).on("error", (e) => errors.push(e)).connect();
  assert.equal(await client.clientGetName(), "node");
  assert.equal(await client.set("n:key", "value", { EX: 100 }), "OK");
  assert.equal(await client.get("n:key"), "value");
  assert.equal(await client.get("n:none"), null);
  assert.equal(await client.hSet("n:hash", { a: "1", b: "2" }), 2);
  assert.deepEqual({ ...(await client.hGetAll("n:hash")) }, { a: "1", b: "2" });
  await client.zAdd("n:zset", [{ score: 1.5, value: "x" }, { score: 2, value: "y" }]);
  assert.deepEqual(await client.zRangeWithScores("n:zset", 0, -1), [{ value: "x", score: 1.5 }, { value: "y", score: 2 }]);
  const id = await client.xAdd("n:stream", "*", { f: "v" });
  assert.equal((await client.xRange("n:stream", "-", "+"))[0].id, id);
  assert.deepEqual(await client.multi().set("n:count", "41").incr("n:count").exec(), ["OK", 42]);
  const many = await Promise.all(Array.from({ length: 2000 }, (_, i) => client.incr("n:many").then(() => i)));
  assert.equal(many.length, 2000);
  assert.equal(await client.get("n:many"), "2000");
  let seen = 0;
  for await (const keys of client.scanIterator({ MATCH: "n:*" })) seen += keys.length;
  assert.equal(seen, 6);
  await assert.rejects(client.incr("n:hash"), /WRONGTYPE/);
  const sub = await client.duplicate().connect();
  const message = new Promise((done) => sub.subscribe("n:news", (m) => done(m)).then(() => client.publish("n:news", "hello")));
  assert.equal(await message, "hello");
  sub.destroy();
  const pool = await createClientPool(options).connect();
  const popped = pool.blPop("n:queue", 10);
  await client.rPush("n:queue", "job");
  assert.equal((await popped).element, "job");
  await pool.close();
  await client.flushDb();
  await client.close();
  assert.deepEqual(errors, []);
}
main().catch((e) => { console.error(e); process.exit(1); });
