# What can be done with this repository; `make` alone lists it.

GO       ?= go
FUZZTIME ?= 20s
# Commands that `make difftest` compares in each run of each group, and kills in each policy of `make crashtest`.
DIFF     ?= 1000000
CRASHES  ?= 334
# Random histories of journals on a disk that fails, of `make crashtest`.
HISTORIES ?= 5000
# How long `make soak` lasts.
SOAK     ?= 30m
# Where `make install` puts things, below DESTDIR.
PREFIX   ?= /usr/local

.PHONY: install deb test-deb test-clients redis-suite help build run tools test race fuzz bench lint fmt clean difftest crashtest longtest soak cover

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build build/redix
	$(GO) build -trimpath -o build/redix .

run: build ## build and start the server with its defaults (port 6379)
	build/redix

# Some tests ask a real redis-server. Without one they are skipped, which this says at the start and they say in -v.
tools:
	@if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then as=none; \
	elif [ "$$(id -u)" = 0 ]; then as=; \
	elif sudo -n true 2>/dev/null; then as="sudo -n"; \
	else as=none; fi; \
	if [ "$$as" != none ]; then \
		echo "installing redis-server and redis-tools, which the tests compare with"; \
		{ $$as apt-get -qq update && $$as env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
			apt-get -qq -y --no-install-recommends install redis-server redis-tools; } >/dev/null 2>&1 || true; \
	fi; \
	if ! command -v redis-server >/dev/null; then \
		echo "*** NO redis-server HERE AND NONE COULD BE INSTALLED:"; \
		echo "*** every test that compares with it is SKIPPED (replies, configuration, journal files, glob, numbers)."; \
	fi

test: tools ## run all tests (random ones print a seed; TEST_SEED=n repeats it)
	$(GO) test -timeout 8m ./...

race: tools ## run all tests under the race detector (slow)
	$(GO) test -race -timeout 30m ./...

fuzz: ## run each fuzz target for FUZZTIME (20s)
	@set -e; grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
			echo "$$(dirname "$$file") $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$(dirname "$$file")"; \
		done; \
	done

bench: build ## measure beside redis-server, the short set (Linux; go run ./bench -h for more)
	$(GO) run ./bench -short

lint: ## gofmt, go vet and staticcheck
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not gofmt-ed:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

fmt: ## format the source
	gofmt -w .

clean: ## remove what was built
	rm -rf build

difftest: tools ## compare DIFF (1,000,000) random commands of each group with redis-server
	REDIX_DIFF=$(DIFF) $(GO) test -v -count=1 -timeout 2h -run '^TestDiff' ./commands

crashtest: ## kill the server CRASHES (334) times in each appendfsync policy and look for lost writes; HISTORIES (5000) in memory before
	REDIX_HISTORIES=$(HISTORIES) $(GO) test -v -count=1 -timeout 2h -run '^TestHistories$$' ./persistence
	REDIX_CRASHES=$(CRASHES) $(GO) test -v -count=1 -timeout 2h -run '^TestCrash' ./commands

soak: ## a mixed load for SOAK (30m), with a look at the memory
	REDIX_SOAK=$(SOAK) $(GO) test -v -count=1 -timeout 25h -run '^TestSoak$$' ./commands

cover: tools ## how much of each package the tests run (build/cover.out; go tool cover -html=build/cover.out shows the lines)
	@rm -rf build/covdata && mkdir -p build/covdata
	TEST_COVERDIR=$(CURDIR)/build/covdata $(GO) test -timeout 20m -coverpkg=./... -coverprofile=build/cover.out ./... >/dev/null
	$(GO) tool covdata textfmt -i=build/covdata -o build/covdata.out # of the servers that the tests ran as processes
	tail -n +2 build/covdata.out >>build/cover.out
	$(GO) tool cover -func=build/cover.out | tail -1

longtest: tools ## the tests that have a long form, in it: values of 512 MB, 3,000,000 keys, a journal of 110 MB, syncs of 10 s
	REDIX_LONG=1 $(GO) test -v -count=1 -timeout 2h -run '^Test(LargestValue|DeletingDoesNot|Loading|SlowSync)' ./commands

test-clients: build ## clients of other languages, installed into a temporary folder, and the packaging's linters
	commands/testdata/clients/run.sh
	docs/packaging/check.sh

redis-suite: build ## Redis's own test suite against redix, out of Debian's source package (SUITE="unit/type/list ..." for some units)
	commands/testdata/redis-suite/run.sh $(SUITE)

install: ## install binary, man page, completion and unit under PREFIX (/usr/local), below DESTDIR
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w" -o build/static/redix .
	install -D -m 755 build/static/redix $(DESTDIR)$(PREFIX)/bin/redix
	install -D -m 644 docs/packaging/redix.1 $(DESTDIR)$(PREFIX)/share/man/man1/redix.1
	install -D -m 644 docs/packaging/redix.bash-completion $(DESTDIR)$(PREFIX)/share/bash-completion/completions/redix
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/redix|$(PREFIX)/bin/redix|' docs/packaging/redix.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/redix.service

deb: ## build a Debian package, build/redix_VERSION_ARCH.deb
	docs/packaging/deb/build.sh

test-deb: ## install, upgrade, remove and purge that package on this machine (root, Debian)
	docs/packaging/deb/test.sh
