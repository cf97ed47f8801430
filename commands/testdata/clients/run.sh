#!/usr/bin/env bash
# Clients of other languages, and what is built on them, unmodified, against build/redix on both reactors. Everything is
# installed into a temporary folder (Debian packages: into the system, where this is root). What cannot be had is skipped,
# loudly. A client passes if its program ends well and redix has nothing to warn of.
set -uo pipefail
cd "$(dirname "$0")"
here=$PWD redix=$PWD/../../../build/redix
tmp=$(mktemp -d)
pids=()
failed=0 skipped=0
stop() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$tmp"; }
trap stop EXIT
skip() { echo "*** SKIPPED: $1"; skipped=$((skipped + 1)); }

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	want=()
	for p in python3-redis php-redis php-cli ruby-redis python3-kombu prometheus-redis-exporter redis-tools; do
		dpkg -s "$p" >/dev/null 2>&1 || want+=("$p")
	done
	if [ ${#want[@]} -gt 0 ]; then
		echo "installing ${want[*]}"
		{ timeout 60 apt-get -qq update && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 timeout 120 apt-get -qq -y --no-install-recommends install "${want[@]}"; } >/dev/null 2>&1 || true
	fi
fi
node=no
if command -v npm >/dev/null; then
	cp node/package.json "$tmp/" && (cd "$tmp" && timeout 90 npm install --silent --no-audit --no-fund >/dev/null 2>&1) && node=yes
fi

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# start REACTOR: a server with a password, whose port and log are in $port and $log.
start() {
	log=$tmp/$1.log
	port=$(free_port)
	mkdir -p "$tmp/$1"
	"$redix" --io-reactor "$1" --port "$port" --bind 127.0.0.1 --requirepass secret --save "" --appendonly yes --dir "$tmp/$1" --loglevel debug >"$log" 2>&1 &
	pids+=($!)
	for _ in $(seq 100); do "$redix" --ping --port "$port" --bind 127.0.0.1 >/dev/null 2>&1 && return; sleep 0.05; done
	echo "redix does not start:"; cat "$log"; exit 1
}

# try NAME COMMAND...: the program gets the port in REDIX_TEST_PORT.
try() {
	local name=$1 from
	shift
	from=$(wc -l <"$log")
	if ! REDIX_TEST_PORT=$port timeout 60 "$@" >"$tmp/out" 2>&1; then
		echo "FAILED: $name on $reactor"; tail -n 30 "$tmp/out"; failed=1
		return
	fi
	if tail -n +$((from + 1)) "$log" | grep -E 'level=(WARN|ERROR)|protocol error' >"$tmp/warned"; then
		echo "FAILED: $name on $reactor: redix warns:"; cat "$tmp/warned"; failed=1
		return
	fi
	echo "ok $name ($reactor)"
}

# exporter: Debian's prometheus-redis-exporter scrapes without an error line.
exporter() {
	local web errors
	web=$(free_port)
	REDIS_PASSWORD=secret prometheus-redis-exporter -redis.addr "redis://127.0.0.1:$REDIX_TEST_PORT" -web.listen-address "127.0.0.1:$web" -export-client-list -check-keys '*' >"$tmp/exporter.log" 2>&1 &
	local pid=$!
	for _ in $(seq 50); do curl -sf "http://127.0.0.1:$web/metrics" >"$tmp/metrics" && break; sleep 0.1; done
	curl -sf "http://127.0.0.1:$web/metrics" >"$tmp/metrics"
	kill $pid; wait $pid 2>/dev/null
	grep -q '^redis_up 1' "$tmp/metrics" || { echo "redis_up is not 1"; cat "$tmp/exporter.log"; return 1; }
	grep -q '^redis_exporter_last_scrape_error{err=""} 0' "$tmp/metrics" || { echo "the last scrape failed"; cat "$tmp/exporter.log"; return 1; }
	for m in redis_connected_clients redis_commands_processed_total redis_memory_used_bytes redis_commands_total redis_db_keys redis_config_maxclients; do
		grep -q "^$m" "$tmp/metrics" || { echo "no $m"; return 1; }
	done
	errors=$(grep -iE 'level=(error|warning)' "$tmp/exporter.log")
	[ -z "$errors" ] || { echo "$errors"; return 1; }
}
export -f exporter free_port
export tmp

cli() {
	local c=(redis-cli -3 -p "$REDIX_TEST_PORT" --no-auth-warning -a secret)
	[ "$("${c[@]}" set cli value)" = OK ] && [ "$("${c[@]}" get cli)" = value ] || return 1
	[ "$("${c[@]}" hset clih a 1 b 2)" = 2 ] && "${c[@]}" hgetall clih | grep -q "^a 1$" || return 1
	"${c[@]}" --bigkeys | grep -q "Biggest string" || return 1
	"${c[@]}" --memkeys | grep -q "Biggest" || return 1
	printf 'SET piped 1\r\nSET piped2 2\r\n' | "${c[@]}" --pipe | grep -q "errors: 0, replies: 2" || return 1
	[ "$("${c[@]}" --scan --pattern 'piped*' | wc -l)" = 2 ] || return 1
}
export -f cli

for reactor in epoll evio; do
	start $reactor
	if command -v redis-cli >/dev/null; then try "hiredis (redis-cli -3)" bash -c cli; else skip "redis-cli is not here"; fi
	if [ $node = yes ]; then
		for f in node-redis ioredis session ratelimit; do
			try "$f" env NODE_PATH="$tmp/node_modules" node "$here/node/$f.js"
		done
	else
		skip "node-redis, ioredis, express-session, rate limiter: npm cannot install them here"
	fi
	if /usr/bin/python3 -c "import redis" 2>/dev/null; then try python3-redis /usr/bin/python3 "$here/client.py"; else skip "python3-redis is not here"; fi
	if php -r 'exit(class_exists("Redis") ? 0 : 1);' 2>/dev/null; then try php-redis php "$here/client.php"; else skip "php-redis is not here"; fi
	if ruby -e 'require "redis"' 2>/dev/null; then try ruby-redis ruby "$here/client.rb"; else skip "ruby-redis is not here"; fi
	if /usr/bin/python3 -c "import kombu" 2>/dev/null; then try "kombu" /usr/bin/python3 "$here/broker.py"; else skip "python3-kombu is not here"; fi
	if command -v prometheus-redis-exporter >/dev/null && command -v curl >/dev/null; then try prometheus-redis-exporter bash -c exporter; else skip "prometheus-redis-exporter is not here"; fi
done
[ $skipped = 0 ] || echo "*** $skipped CLIENTS WERE SKIPPED"
exit $failed
