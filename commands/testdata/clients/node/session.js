"use strict";
// express-session with connect-redis: a session is made, found again, touched, and destroyed, over HTTP.
const assert = require("node:assert/strict");
const express = require("express");
const session = require("express-session");
const { RedisStore } = require("connect-redis");
const { createClient } = require("redis");

async function main() {
  const client = await createClient({ url: `redis://:secret@127.0.0.1:${process.env.REDIX_TEST_PORT}/4` }).on("error", (e) => { throw e; }).connect();
  const app = express();
  app.use(session({ store: new RedisStore({ client, prefix: "s:", ttl: 60 }), secret: "x", resave: false, saveUninitialized: false }));
  app.get("/visit", (q, r) => { q.session.visits = (q.session.visits ?? 0) + 1; r.send(String(q.session.visits)); });
  app.get("/leave", (q, r) => q.session.destroy(() => r.send("left")));
  const server = app.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const url = `http://127.0.0.1:${server.address().port}`;
  const first = await fetch(url + "/visit");
  const headers = { cookie: first.headers.get("set-cookie").split(";")[0], connection: "close" };
  assert.equal(await first.text(), "1");
  assert.equal(await (await fetch(url + "/visit", { headers })).text(), "2");
  const [key] = await client.keys("s:*");
  const ttl = await client.ttl(key);
  assert.ok(ttl > 50 && ttl <= 60, "ttl " + ttl);
  assert.equal(await (await fetch(url + "/leave", { headers })).text(), "left");
  assert.equal(await client.dbSize(), 0);
  assert.equal(await (await fetch(url + "/visit", { headers })).text(), "1");
  await client.flushDb();
  await client.close();
  server.closeAllConnections();
  server.close();
}
main().catch((e) => { console.error(e); process.exit(1); });
