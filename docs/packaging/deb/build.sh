#!/usr/bin/env bash
# Builds build/redix_VERSION_ARCH.deb with a static binary. VERSION may be given to try an upgrade.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=docs/packaging
CGO_ENABLED=0 ${GO:-go} build -trimpath -ldflags "-s -w" -o build/static/redix .
version=${VERSION:-$(build/static/redix --version | awk '{print $2}')}
arch=$(dpkg --print-architecture)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
put() { install -D -m "$1" "$2" "$tree/$3"; }
put 755 build/static/redix usr/bin/redix
put 644 $here/redix.service lib/systemd/system/redix.service
put 644 $here/redix.bash-completion usr/share/bash-completion/completions/redix
put 644 $here/redix.logrotate etc/logrotate.d/redix
put 755 $here/deb/redix.init etc/init.d/redix
put 640 $here/deb/redix.conf etc/redix/redix.conf
put 644 docs/configuration.md usr/share/doc/redix/configuration.md
put 644 LICENSE usr/share/doc/redix/copyright
install -d "$tree/usr/share/man/man1"
gzip -9nc $here/redix.1 >"$tree/usr/share/man/man1/redix.1.gz"
gzip -9nc redix.conf >"$tree/usr/share/doc/redix/redix.conf.gz"
printf 'redix (%s) unstable; urgency=medium\n\n  * See docs/packaging/README.md for upgrades.\n\n -- Redix maintainers <maintainers@redix.invalid>  %s\n' \
	"$version" "$(date -R)" | gzip -9nc >"$tree/usr/share/doc/redix/changelog.gz"
chmod 644 "$tree"/usr/share/man/man1/* "$tree"/usr/share/doc/redix/*
install -d "$tree/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCH@/$arch/" -e "s/@SIZE@/$(du -sk --exclude=DEBIAN "$tree" | cut -f1)/" $here/deb/control >"$tree/DEBIAN/control"
printf '%s\n' /etc/redix/redix.conf /etc/logrotate.d/redix /etc/init.d/redix >"$tree/DEBIAN/conffiles"
install -m 755 $here/deb/postinst $here/deb/prerm $here/deb/postrm "$tree/DEBIAN/"
dpkg-deb --root-owner-group --build "$tree" "build/redix_${version}_$arch.deb" >/dev/null
echo "build/redix_${version}_$arch.deb"
