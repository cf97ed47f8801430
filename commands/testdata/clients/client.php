<?php
// phpredis as Debian packages it: commands, MULTI and pipelines, SCAN, serializer, sessions' handler.
function check($ok, $what) { if (!$ok) { fwrite(STDERR, "wrong: $what\n"); exit(1); } }
$r = new Redis();
$r->connect("127.0.0.1", (int) getenv("REDIX_TEST_PORT"), 5);
check($r->auth("secret") && $r->select(7) && $r->ping("hi") === "hi", "connect");
check($r->set("key", "value", ["ex" => 100]) && $r->get("key") === "value" && $r->get("none") === false, "strings");
check($r->hMSet("hash", ["a" => 1, "b" => 2]) && $r->hGetAll("hash") == ["a" => "1", "b" => "2"], "hashes");
check($r->zAdd("zset", 1.5, "x", 2, "y") === 2 && $r->zRange("zset", 0, -1, true) == ["x" => 1.5, "y" => 2.0], "sorted sets");
check($r->multi()->set("n", 41)->incr("n")->exec() === [true, 42], "MULTI");
$p = $r->pipeline();
for ($i = 0; $i < 1000; $i++) $p->incr("many");
check($p->exec()[999] === 1000, "pipeline");
$r->mSet(array_combine(array_map(fn($i) => "scan:$i", range(1, 500)), range(1, 500)));
$r->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
$seen = []; $it = null;
while (($keys = $r->scan($it, "scan:*", 50)) !== false) foreach ($keys as $k) $seen[$k] = true;
check(count($seen) === 500, "SCAN: " . count($seen));
check($r->xAdd("stream", "*", ["f" => "v"]) && count($r->xRange("stream", "-", "+")) === 1, "streams");
check($r->incr("hash") === false && strpos($r->getLastError(), "WRONGTYPE") === 0, "errors");
check(version_compare($r->info()["redis_version"], "7.0", ">"), "INFO");
ini_set("session.save_handler", "redis");
ini_set("session.save_path", "tcp://127.0.0.1:" . getenv("REDIX_TEST_PORT") . "?auth=secret&database=7");
ini_set("session.use_cookies", "0");
ini_set("session.cache_limiter", "");
session_id("abc");
check(session_start(), "session_start");
$_SESSION["user"] = "ann";
session_write_close();
check($r->ttl("PHPREDIS_SESSION:abc") > 0 && strpos($r->get("PHPREDIS_SESSION:abc"), "ann") !== false, "session");
$r->flushDB();
