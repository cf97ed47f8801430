#!/usr/bin/env bash
# Installs the package on this machine, uses it, upgrades it, removes it and purges it again. Needs root and Debian, and no redix
# that is installed already. Where policy-rc.d forbids starting services (containers), or nothing runs them, the init
# script is started by this test.
set -euo pipefail
cd "$(dirname "$0")/../../.."
skip() { echo "*** THE DEBIAN PACKAGE IS NOT TRIED: $1"; exit 0; }
[ "$(id -u)" = 0 ] || skip "not root"
command -v dpkg >/dev/null && command -v redis-cli >/dev/null || skip "no dpkg or no redis-cli here"
if dpkg -s redix >/dev/null 2>&1 || [ -e /etc/redix ] || [ -e /var/lib/redix ]; then skip "redix is installed already"; fi
if (exec 3<>/dev/tcp/127.0.0.1/6379) 2>/dev/null; then skip "port 6379 is taken"; fi
say() { echo "  $*"; }
fail() { echo "FAILED: $*"; tail -n 20 /var/log/redix/redix.log 2>/dev/null || true; exit 1; }
cleanup() {
	/etc/init.d/redix stop >/dev/null 2>&1 || true
	dpkg --purge redix >/dev/null 2>&1 || true
	rm -rf /var/lib/redix
	if getent passwd redix >/dev/null; then deluser --quiet --system redix || true; fi
}
trap cleanup EXIT
systemd=no
if [ -d /run/systemd/system ]; then systemd=yes; else echo "  NOT TRIED: redix.service, since no systemd runs here; the init script is"; fi
service() { # action
	if [ $systemd = yes ]; then systemctl "$1" redix; else /etc/init.d/redix "$1" >/dev/null; fi
}
answers() { # waits until it does, and has loaded
	for _ in $(seq 100); do
		[ "$(redis-cli -p 6379 ping 2>/dev/null)" != PONG ] || return 0
		sleep 0.1
	done
	return 1
}
allowed=yes
if [ $systemd = no ] && [ -x /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d redix start >/dev/null 2>&1; then
	allowed=no
	say "policy-rc.d forbids starting services: the test runs the init script itself"
fi
pid() { redis-cli info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p'; }

first=$(docs/packaging/deb/build.sh)
second=$(VERSION=99.0 docs/packaging/deb/build.sh)
dpkg -i "$first" >/dev/null
[ $allowed = yes ] || service start
answers || fail "it does not answer after the installation"
say "installed and started"
[ "$(ps -o user= -p "$(pid)")" = redix ] || fail "it does not run as user redix"
[ "$(stat -c %a:%U /var/lib/redix)" = 750:redix ] || fail "rights of /var/lib/redix"
redis-cli set kept "through the upgrade" >/dev/null
redis-cli config set maxclients 1234 >/dev/null
[ "$(redis-cli config rewrite)" = OK ] || fail "CONFIG REWRITE"
old=$(pid)
mv /var/log/redix/redix.log /var/log/redix/redix.log.1
kill -HUP "$old"
for _ in $(seq 50); do [ ! -s /var/log/redix/redix.log ] || break; sleep 0.05; done
[ -e /var/log/redix/redix.log ] || fail "SIGHUP does not open the log anew"
if command -v logrotate >/dev/null; then
	logrotate -d /etc/logrotate.d/redix >/dev/null 2>&1 || fail "logrotate does not take its file"
else
	say "NOT TRIED: the file for logrotate, which is not here"
fi
service status >/dev/null || fail "status of a server that runs"

dpkg -i --force-confold "$second" >/dev/null
[ $allowed = yes ] || service restart
answers || fail "it does not answer after the upgrade"
[ "$(pid)" != "$old" ] || fail "the upgrade has not restarted it"
[ "$(redis-cli get kept)" = "through the upgrade" ] || fail "the upgrade has lost data"
[ "$(redis-cli config get maxclients | tail -1)" = 1234 ] || fail "the upgrade has lost the configuration"
say "upgraded, with data and configuration kept"

service stop
if redis-cli ping >/dev/null 2>&1; then fail "it answers after a stop"; fi
[ ! -e /run/redix/redix.pid ] || fail "the pid file is left"
service start
answers || fail "it does not start again"
[ "$(redis-cli get kept)" = "through the upgrade" ] || fail "the restart has lost data"
[ $allowed = yes ] || service stop # removing it may not stop it
dpkg --remove redix >/dev/null
if redis-cli ping >/dev/null 2>&1; then fail "it answers after the removal"; fi
[ -d /var/lib/redix/appendonlydir ] || fail "the removal has taken the data"
dpkg --purge redix >/dev/null 2>&1
[ ! -e /etc/redix/redix.conf ] && [ ! -e /var/log/redix ] || fail "the purge has left the configuration or the log"
[ -d /var/lib/redix/appendonlydir ] || fail "the purge has taken the data"
say "stopped, started, removed and purged; the data is still there"
rm -f "$second"
