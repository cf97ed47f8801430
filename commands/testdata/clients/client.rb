# redis-rb as Debian packages it: commands, pipelines, transactions with WATCH, SCAN, pub/sub, blocking.
require "redis"

def check(ok, what) = ok || abort("wrong: #{what}")
options = { port: Integer(ENV["REDIX_TEST_PORT"]), password: "secret", db: 8 }
r = Redis.new(**options)
check r.ping == "PONG", "PING"
check r.set("key", "value", ex: 100) == "OK" && r.get("key") == "value" && r.get("none").nil?, "strings"
r.mapped_hmset("hash", { "a" => 1, "b" => 2 })
check r.hgetall("hash") == { "a" => "1", "b" => "2" }, "hashes"
r.zadd("zset", [[1.5, "x"], [2, "y"]])
check r.zrange("zset", 0, -1, with_scores: true) == [["x", 1.5], ["y", 2.0]], "sorted sets"
check r.pipelined { |p| 1000.times { p.incr("many") } }.last == 1000, "pipeline"
check r.multi { |m| m.set("n", 41); m.incr("n") } == ["OK", 42], "MULTI"
lost = r.watch("key") do
  Redis.new(**options).set("key", "changed")
  r.multi { |m| m.get("key") }
end
check lost.nil?, "WATCH"
r.mset(*(1..500).flat_map { |i| ["scan:#{i}", i] })
check r.scan_each(match: "scan:*").to_a.uniq.size == 500, "SCAN"
check r.xadd("stream", { f: "v" }) && r.xrange("stream").size == 1, "streams"
got = nil
Redis.new(**options).subscribe_with_timeout(10, "news") do |on|
  on.subscribe { r.publish("news", "hello") }
  on.message { |_, m| got = m; raise Redis::TimeoutError }
end rescue nil
check got == "hello", "pub/sub: #{got.inspect}"
Thread.new { sleep 0.1; Redis.new(**options).rpush("queue", "job") }
check r.blpop("queue", timeout: 10) == ["queue", "job"], "BLPOP"
begin
  r.incr("hash")
  abort "INCR of a hash works"
rescue Redis::CommandError => e
  check e.message.start_with?("WRONGTYPE"), e.message
end
check Gem::Version.new(r.info["redis_version"]) > Gem::Version.new("7.0"), "INFO"
r.flushdb
