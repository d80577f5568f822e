# SPDX-License-Identifier: AGPL-3.0-or-later
# The two commands: `make run` (a living demo) and `make check` (every test). Both install what is missing
# on a fresh Debian 12. The C build is meson's; this file only says what to do in which order.
SHELL := /bin/bash
export PATH := $(CURDIR)/.tools:$(PATH)
PREFIX ?= /usr/local
DATA ?= data/demo
LISTEN ?= 127.0.0.1:8100

.PHONY: help run check trust bench build page format clean install setup setup-test

help:
	@echo 'make run     build Heed and start it with a living demo workspace (http://$(LISTEN))'
	@echo 'make check   run every test; ends with a line "N passed, N failed"'
	@echo 'make build   build build/release/heed (hardened)'
	@echo 'make bench   measure the figures of docs/figures.md'
	@echo 'make trust   the long tests: kills, floods, a million fuzz inputs'
	@echo 'make format  format the code        make clean  remove what was built'
	@echo 'make install copy heed, its man page and systemd unit below PREFIX=$(PREFIX)'

setup:
	@tools/setup.sh build
setup-test:
	@tools/setup.sh test

# The page first: its files are compiled into the binary.
page: setup
	@tools/page.sh

build: page
	@[ -f build/release/build.ninja ] || meson setup --buildtype=debugoptimized -Dhardened=true build/release >/dev/null
	@ninja -C build/release heed

run: build
	@mkdir -p $(DATA)
	@echo
	@exec build/release/heed serve --demo --data $(DATA) --listen $(LISTEN) --log warn

check: setup-test page
	@exec /usr/bin/python3 tests/run.py check

trust: setup-test page
	@exec /usr/bin/python3 tests/run.py trust

bench: setup-test page
	@exec /usr/bin/python3 bench/run.py

format: setup-test
	@git ls-files -- '*.c' '*.h' | xargs clang-format -i

install: build
	install -D -m 755 build/release/heed $(DESTDIR)$(PREFIX)/bin/heed
	install -D -m 644 deploy/heed.service $(DESTDIR)/etc/systemd/system/heed.service
	install -D -m 644 docs/heed.1 $(DESTDIR)$(PREFIX)/share/man/man1/heed.1

clean:
	rm -rf build web/dist
