"use strict";
// ioredis: its ready check reads INFO; automatic pipelining, transactions, streams of SCAN, pub/sub, blocking, key prefix.
const assert = require("node:assert/strict");
const { Redis } = require("ioredis");

async function main() {
  const options = { port: Number(process.env.REDIX_TEST_PORT), host: "127.0.0.1", password: "secret", db: 3, connectionName: "io", enableAutoPipelining: true, keyPrefix: "i:" };
  const client = new Redis(options);
  const errors = [];
  client.on("error", (e) => errors.push(e));
  await new Promise((done) => client.once("ready", done));
  assert.equal(await client.set("key", "value", "EX", 100), "OK");
  assert.equal(await client.get("key"), "value");
  await client.hset("hash", { a: 1, b: 2 });
  assert.deepEqual(await client.hgetall("hash"), { a: "1", b: "2" });
  await Promise.all(Array.from({ length: 2000 }, () => client.incr("many")));
  assert.equal(await client.get("many"), "2000");
  const replies = await client.pipeline().set("p", 1).incr("p").incr("hash").exec();
  assert.deepEqual(replies[1], [null, 2]);
  assert.match(replies[2][0].message, /WRONGTYPE/);
  assert.deepEqual(await client.multi().set("t", 1).incr("t").exec(), [[null, "OK"], [null, 2]]);
  let seen = 0;
  for await (const keys of client.scanStream({ match: "i:*" })) seen += keys.length;
  assert.equal(seen, 5);
  const sub = new Redis({ ...options, keyPrefix: "" });
  await sub.subscribe("i:news");
  const message = new Promise((done) => sub.on("message", (channel, m) => done(channel + " " + m)));
  await client.publish("i:news", "hello");
  assert.equal(await message, "i:news hello");
  const blocked = new Redis(options);
  const popped = blocked.blpop("queue", 10);
  await client.rpush("queue", "job");
  assert.deepEqual(await popped, ["i:queue", "job"]);
  await client.flushdb();
  for (const c of [client, sub, blocked]) c.disconnect();
  assert.deepEqual(errors, []);
}
main().catch((e) => { console.error(e); process.exit(1); });
