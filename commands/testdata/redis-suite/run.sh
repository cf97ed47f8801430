#!/usr/bin/env bash
# Redis's own test suite, as Debian's source package of Redis 7.0 has it, or that of Redis 7.2, as Redict 7.3 has it with another name,
# with build/redix in the place of src/redis-server.
#
#	run.sh [UNIT...]    the units named (unit/type/list ...); without any, all in skip.tsv's list of units
#
# The suite starts servers with its own configuration files; its tools are the machine's redis-cli and redis-benchmark,
# and redix itself for redis-check-aof and redis-check-rdb. Nothing of it is kept here but names of tests that are left out,
# each with its reason: skip.tsv. A line of the result counts the tests of a unit: passed, failed, left out by
# name, and left out by the suite itself or by a tag.
#
#	SUITE_SOURCE   an unpacked source tree of Redis 7.0 or 7.2, or of Redict 7.3, instead of fetching one
#	SUITE_SECONDS  time for one unit (600)
#	SUITE_ONLY     a test's name, or a regular expression behind a slash: run only this
#	SUITE_ARGS     more arguments for the suite, separated by spaces (--accurate ...)
#	SUITE_KEEP     a folder for the suite's output and the servers' files, kept afterwards
set -uo pipefail
cd "$(dirname "$0")"
here=$PWD redix=$PWD/../../../build/redix
skip() { echo "*** SKIPPED: $1"; exit 0; }

# Servers inherit no descriptors of who started this.
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -gt 2 ] && [ "$fd" != 255 ] && eval "exec $fd>&-"
done

[ -x "$redix" ] || { echo "build redix first: make build"; exit 1; }
for tool in redis-cli redis-benchmark; do
	command -v $tool >/dev/null || skip "no $tool here (Debian: redis-tools)"
done
tclsh=$(command -v tclsh8.6 || command -v tclsh) || skip "no tclsh here (Debian: tcl)"
if [ -n "${SUITE_KEEP:-}" ]; then
	tmp=$SUITE_KEEP
	mkdir -p "$tmp" && rm -rf "$tmp"/{tests,src}
	tmp=$(cd "$tmp" && pwd)
else
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
fi

# fetch unpacks the source package into $tmp/source. The entry for sources is of a configuration of our own, made
# of the machine's entries for packages, so nothing on the machine changes.
fetch() {
	command -v apt-get >/dev/null || return 1
	mkdir -p "$tmp/apt/lists/partial" "$tmp/apt/cache/archives/partial" "$tmp/source"
	apt-get indextargets --format 'deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | sort -u >"$tmp/apt/sources.list"
	local options=(-qq -o "Dir::Etc::sourcelist=$tmp/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$tmp/apt/lists" -o "Dir::Cache=$tmp/apt/cache" -o APT::Sandbox::User=)
	timeout 120 apt-get "${options[@]}" update >/dev/null || return 1
	(cd "$tmp/source" && timeout 120 apt-get "${options[@]}" source --download-only redis >/dev/null) || return 1
	tar -xzf "$tmp"/source/redis_*.orig.tar.gz -C "$tmp/source" --strip-components 1
}

source=${SUITE_SOURCE:-}
if [ -z "$source" ]; then
	fetch || skip "the source package of redis cannot be fetched (apt-get and a Debian mirror)"
	source=$tmp/source
fi
# level is the version of Redis whose suite this is: Redict 7.3 has that of 7.2.
read -r server version < <(sed -nE 's/.*define (REDIS|REDICT)_VERSION "(.*)"/\1 \2/p' "$source/src/version.h")
case $server-$version in
REDIS-7.0.*) level=7.0 ;;
REDIS-7.2.* | REDICT-7.3.*) level=7.2 ;;
*) skip "this is the suite of $server $version; skip.tsv is for those of Redis 7.0 and 7.2" ;;
esac

cp -r "$source/tests" "$tmp/tests"
mkdir "$tmp/src"
# The names of Redict become those of Redis again, in the copy.
if [ $server = REDICT ]; then
	grep -rlIi redict "$tmp/tests" | xargs sed -i 's/redict/redis/g; s/Redict/Redis/g; s/REDICT/REDIS/g'
	find "$tmp/tests" -depth -name '*redict*' | while read -r path; do
		mv "$path" "${path%/*}/$(basename "$path" | sed 's/redict/redis/g')"
	done
fi
# The server's log has other words here: what else a payload does is looked at.
sed -i -E '/verify_log_message|count_(log_message|message_lines)/d' "$tmp/tests/integration/corrupt-dump.tcl"
for tool in cli benchmark; do # the suite's own where they are installed: those of 7.0 know nothing of what came later
	ln -s "$(command -v "${server,,}-$tool" || command -v "redis-$tool")" "$tmp/src/redis-$tool"
done
# The suite takes a server for listening once its log, the standard output, has a line with the pid: that is written when redix says
# that it is ready, or has ended.
cat >"$tmp/src/redis-server" <<END
#!/bin/bash
log=\$(readlink /proc/\$\$/fd/1)
if [ -f "\$log" ]; then
	seen=\$(stat -c %s "\$log")
	(until tail -c "+\$((seen + 1))" "\$log" | grep -q 'Ready to accept' || ! kill -0 \$\$; do sleep 0.01; done
	echo " PID: \$\$ Server initialized") 2>/dev/null &
fi
exec "$redix" "\$@"
END
# Of the words of redis-check-aof the suite gets those that say how it ended.
cat >"$tmp/src/redis-check-aof" <<END
#!/bin/sh
if ! "$redix" check-aof "\$@"; then
	echo "not valid"
	exit 1
elif [ "\$1" = --fix ]; then
	echo "Successfully truncated AOF"
fi
END
printf '#!/bin/sh\nexec "%s" check-rdb "$@"\n' "$redix" >"$tmp/src/redis-check-rdb"
chmod +x "$tmp"/src/redis-{server,check-aof,check-rdb}

# skip.tsv says what its columns are.
rows() { awk -F '\t' -v level=$level '!/^(#|$)/ && ($1 == "all" || $1 == level)' "$here/skip.tsv" | cut -f 2-; }
if [ $# -gt 0 ]; then
	units=("$@")
else
	left_out=$(rows | awk -F '\t' '$2 == "*" { print $1 }')
	mapfile -t units < <(cd "$tmp" && "$tclsh" tests/test_helper.tcl --list-tests | grep -vxF "${left_out:--}")
fi
tags=$(rows | awk -F '\t' '$1 == "tag" { printf "-%s ", $2 }')
only=()
[ -n "${SUITE_ONLY:-}" ] && only=(--only "$SUITE_ONLY")
baseport=$(($$ % 200 * 100 + 12000))
failed=0
declare -A total
printf '%-34s %7s %7s %7s %7s\n' unit passed failed skipped ignored
# suite OUT ARGS...: the suite's own program, with one client.
suite() {
	local out=$1
	shift
	(cd "$tmp" && TERM=dumb timeout -k 5 "${SUITE_SECONDS:-600}" "$tclsh" tests/test_helper.tcl --clients 1 --durable \
		--baseport $baseport --portcount 90 --tags "$tags" "$@" ${SUITE_ARGS:-}) >>"$out" 2>&1
}
for unit in "${units[@]}"; do
	out=$tmp/$(echo "$unit" | tr / -).out
	: >"$out" && : >"$out.again"
	mine() { rows | awk -F '\t' -v unit="$unit" '$1 == unit && $2 != "*"' | awk -F '\t' "$1"; }
	mine '$2 !~ /^--/ { print $2 }' >"$tmp/skip"
	mapfile -t options < <(mine '$2 ~ /^--/ { n = split($2, word, " "); for (i = 1; i <= n; i++) print word[i] }')
	suite "$out" --single "$unit" --skipfile "$tmp/skip" "${options[@]}" "${only[@]}"
	code=$?
	# What fails for its encodings only is run once more, without a look at them.
	twice=0
	mapfile -t again < <(mine '$3 ~ /^encoding: / { print "--only"; print $2 }')
	if [ ${#again[@]} -gt 0 ] && [ ${#only[@]} = 0 ]; then
		suite "$out.again" --single "$unit" --ignore-encoding "${options[@]}" "${again[@]}" || code=$?
		grep -avE '\[(skip|ignore)\]' "$out.again" >>"$out"
		twice=$(grep -acE '\[(ok|err)\]: ' "$out.again")
	fi
	sed -i 's/\x1b\[[0-9;]*m//g' "$out"
	counts=()
	for status in ok err skip ignore; do
		n=$(grep -ac "^\[$status\]: " "$out")
		[ $status = skip ] && n=$((n - twice))
		counts+=("$n")
		total[$status]=$((${total[$status]:-0} + n))
	done
	printf '%-34s %7d %7d %7d %7d\n' "$unit" "${counts[@]}"
	if [ $code != 0 ] || [ "${counts[1]}" != 0 ]; then
		failed=1
		[ $code = 124 ] && echo "    not finished in ${SUITE_SECONDS:-600} s"
		grep -a -A 8 '^\[\(err\|exception\)\]: ' "$out" | sed 's/^/    /'
	fi
	# A server that outlived its test ends with it, named by the folder that it runs in.
	for dir in /proc/[0-9]*; do
		case $(readlink "$dir/cwd" 2>/dev/null) in "$tmp/tests/tmp/"*) kill -9 "${dir#/proc/}" 2>/dev/null ;; esac
	done
done
printf '%-34s %7d %7d %7d %7d\n' all "${total[ok]}" "${total[err]}" "${total[skip]}" "${total[ignore]}"
exit $failed
