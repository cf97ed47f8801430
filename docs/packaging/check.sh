#!/usr/bin/env bash
# Lints what is in this directory, each with the tool that is there; says which it had to leave out.
set -euo pipefail
cd "$(dirname "$0")"
missing() { echo "*** NOT CHECKED: $1 (no $2 here)"; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

for f in redix.bash-completion check.sh deb/build.sh deb/test.sh; do bash -n "$f"; done
for f in deb/postinst deb/prerm deb/postrm deb/redix.init; do sh -n "$f"; done

if command -v mandoc >/dev/null; then mandoc -T lint -W warning redix.1; else missing "the man page" mandoc; fi
if command -v man >/dev/null; then
	# A system that leaves out man pages may have a stand-in for man.
	man -l redix.1 2>/dev/null | grep -q "Redis-compatible in-memory server" || missing "the man page as man shows it" "real man"
fi

if command -v systemd-analyze >/dev/null; then
	sed "s|/usr/bin/redix|/bin/true|; /^Documentation/d" redix.service >"$tmp/redix.service"
	problems=$(systemd-analyze verify "$tmp/redix.service" 2>&1 | grep "redix.service" || true)
	[ -z "$problems" ] || { echo "redix.service: $problems"; exit 1; }
else
	missing "the unit" systemd-analyze
fi

if command -v logrotate >/dev/null; then
	logrotate -d redix.logrotate >"$tmp/log" 2>&1 && ! grep -q "^error" "$tmp/log" || { cat "$tmp/log"; exit 1; }
else
	missing "the rotation of logs" logrotate
fi

# Completion, as bash runs it: of a flag, and of a flag's values.
redix=$PWD/../../build/redix
if [ -x "$redix" ]; then
	complete_() {
		bash -c 'source ./redix.bash-completion; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _redix; printf "%s " "${COMPREPLY[@]}"' _ "$redix" "$@"
	}
	for want in "--appendfs=>--appendfsync " "--appendfsync e=>everysec " "--appendonly =>yes no " "--hel=>--help "; do
		read -ra words <<<"${want%%=>*}"
		[[ ${want%%=>*} != *" " ]] || words+=("")
		got=$(complete_ "${words[@]}")
		[ "$got" = "${want##*=>}" ] || { echo "completion of '${want%%=>*}': '$got', want '${want##*=>}'"; exit 1; }
	done
else
	missing completion build/redix
fi

# The manifest: YAML that says what the probes need. The Dockerfile: a linter from npm, in a folder of its own.
if python3 -c "import yaml" 2>/dev/null; then
	python3 - <<'END'
import yaml
docs = list(yaml.safe_load_all(open("kubernetes.yaml")))
assert [d["kind"] for d in docs] == ["Secret", "Service", "StatefulSet"], "kinds"
c = docs[2]["spec"]["template"]["spec"]["containers"][0]
ports = {p["name"]: p["containerPort"] for p in c["ports"]}
assert c["args"][c["args"].index("--http-port") + 1] == str(ports["http"]), "the HTTP port is another one"
for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
    assert c[probe]["httpGet"] == {"path": path, "port": "http"}, probe
for p in docs[1]["spec"]["ports"]:
    assert ports[p["targetPort"]] == p["port"], "service"
assert docs[1]["spec"]["selector"] == docs[2]["spec"]["template"]["metadata"]["labels"], "labels"
END
else
	missing "the manifest" "python3 with yaml"
fi
if command -v npm >/dev/null && (cd "$tmp" && npm install --silent --no-audit --no-fund dockerfile-utils@0.16 >/dev/null 2>&1); then
	(cd "$tmp" && npx dockerfile-utils lint "$OLDPWD/Dockerfile") >"$tmp/lint" 2>&1 || { cat "$tmp/lint"; exit 1; }
else
	missing "the Dockerfile" "npm with dockerfile-utils"
fi
echo "packaging: checked"
