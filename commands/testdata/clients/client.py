"""redis-py as Debian packages it: pool, pipelines with WATCH, pub/sub, SCAN, streams, blocking, its parsers of INFO and CLIENT LIST."""
import os
import threading

import redis

r = redis.Redis(port=int(os.environ["REDIX_TEST_PORT"]), password="secret", db=6, client_name="py", decode_responses=True)
assert r.ping()
assert r.client_getname() == "py"
assert r.set("key", "value", ex=100) and r.get("key") == "value" and 0 < r.ttl("key") <= 100
assert r.hset("hash", mapping={"a": 1, "b": 2}) == 2 and r.hgetall("hash") == {"a": "1", "b": "2"}
r.zadd("zset", {"x": 1.5, "y": 2})
assert r.zrange("zset", 0, -1, withscores=True) == [("x", 1.5), ("y", 2.0)]
assert r.geoadd("geo", (13.361389, 38.115556, "Palermo")) == 1 and abs(r.geopos("geo", "Palermo")[0][0] - 13.361389) < 1e-4
with r.pipeline() as p:
    for i in range(1000):
        p.incr("many")
    assert p.execute()[-1] == 1000
with r.pipeline() as p:
    p.watch("key")
    r.set("key", "changed")
    p.multi()
    p.get("key")
    try:
        p.execute()
        raise SystemExit("a broken WATCH was not noticed")
    except redis.WatchError:
        pass
r.mset({f"scan:{i}": i for i in range(500)})
assert len(set(r.scan_iter("scan:*", count=50))) == 500
entry = r.xadd("stream", {"f": "v"})
r.xgroup_create("stream", "group", id="0")
assert r.xreadgroup("group", "me", {"stream": ">"})[0][1][0] == (entry, {"f": "v"})
assert r.xack("stream", "group", entry) == 1 and r.xinfo_groups("stream")[0]["pending"] == 0
s = r.pubsub(ignore_subscribe_messages=True)
s.subscribe("news")
s.get_message(timeout=5)
assert r.publish("news", "hello") == 1
assert s.get_message(timeout=5)["data"] == "hello"
s.close()
t = threading.Timer(0.1, lambda: r.rpush("queue", "job"))
t.start()
assert r.blpop("queue", timeout=10) == ("queue", "job")
try:
    r.incr("hash")
    raise SystemExit("INCR of a hash works")
except redis.ResponseError as e:
    assert "WRONGTYPE" in str(e)
info = r.info()
assert info["redis_version"].startswith("7.2") and info["loading"] == 0 and info["db6"]["keys"] > 500
assert any(c["name"] == "py" for c in r.client_list())
assert r.config_get("maxclients")["maxclients"] == "10000"
assert "get" in r.command()
assert r.slowlog_get() is not None and r.memory_usage("key") > 0
r.flushdb()
