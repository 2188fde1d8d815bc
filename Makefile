# SPDX-License-Identifier: MIT
# The front door. `make` builds, `make try` shows, `make test` proves. Only git and make are assumed
# to be there: tools/deps.sh installs what else each target needs, or says what is missing.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build/release
BINDIR = $(DESTDIR)$(PREFIX)/bin
LIBDIR = $(DESTDIR)$(PREFIX)/lib
INCLUDEDIR = $(DESTDIR)$(PREFIX)/include/pm2
MANDIR = $(DESTDIR)$(PREFIX)/share/man
BINARIES = pm2 pm2d pm2-keeper
MAN_PAGES = pm2.1 pm2d.8 pm2-keeper.8 libpm2.3

.DEFAULT_GOAL := all
.PHONY: all release dev asan fuzz try test bench format check-format lint docs-check man install \
	install-bin install-lib install-man uninstall clean deps-build deps-test deps-lint deps-docs deps-bench help

all: release

help:
	@echo 'make              build/release/bin/{pm2,pm2d,pm2-keeper}'
	@echo 'make try          build, start an example in a private home, show it, clean up'
	@echo 'make test         everything that can fail, with one summary line at the end'
	@echo 'make asan         build with the address and undefined behaviour sanitizers'
	@echo 'make bench        side by side with PM2; BENCH="--quick --json FILE" passes options'
	@echo 'make format       clang-format the sources; make check-format only looks'
	@echo 'make lint         clang-tidy, cppcheck, shellcheck and the house rules'
	@echo 'make docs-check   man pages, links and command lists agree with the program'
	@echo 'make install      into $$(DESTDIR)$$(PREFIX), PREFIX=/usr/local by default'
	@echo 'make clean        remove build/'

deps-build deps-test deps-lint deps-docs deps-bench: deps-%:
	@tools/deps.sh $*

# A configured build tree is reused: cmake itself notices when it has to configure again.
release: deps-build
	@test -f build/release/build.ninja || cmake --preset release
	cmake --build --preset release

dev asan: deps-test
	@test -f build/$@/build.ninja || cmake --preset $@
	cmake --build --preset $@

fuzz: deps-test
	@test -f build/fuzz/build.ninja || cmake --preset fuzz
	cmake --build --preset fuzz

# make try STAY=1 leaves the example running.
try: release
	@tools/try.sh $(if $(STAY),--stay)

test: deps-test
	@tools/run-tests.sh

bench: release deps-bench
	@bench/compare $(BENCH)

format: deps-lint
	@tools/lint.sh --format

check-format: deps-lint
	@tools/lint.sh --check-format

lint: deps-lint deps-test
	@tools/lint.sh

docs-check: deps-docs release
	@tools/docs-check.sh build/release/bin

man: deps-docs
	@mkdir -p build/man
	@for page in $(MAN_PAGES); do \
	  scdoc < man/$$page.scd > build/man/$$page || exit 1; \
	done

install: release man install-bin install-lib install-man

# pm2 looks for pm2-keeper, and pm2-keeper for pm2d, beside itself: all three go into one folder.
# The agent's file is for apps of other users, who cannot read in PM2_HOME.
install-bin:
	install -d $(BINDIR) $(LIBDIR)/pm2
	install -m 0644 node/agent/agent.cjs $(LIBDIR)/pm2
	install -m 0755 $(addprefix $(BUILD)/bin/,$(BINARIES)) $(BINDIR)

install-lib:
	install -d $(LIBDIR)/pkgconfig $(INCLUDEDIR)
	install -m 0644 include/pm2/pm2.h $(INCLUDEDIR)
	install -m 0644 $(BUILD)/lib/libpm2.a $(LIBDIR)
	cp -P $(BUILD)/lib/libpm2.so* $(LIBDIR)
	sed 's|%PREFIX%|$(PREFIX)|' $(BUILD)/lib/libpm2.pc.in > $(LIBDIR)/pkgconfig/libpm2.pc

install-man:
	install -d $(addprefix $(MANDIR)/man,1 3 8)
	for page in $(MAN_PAGES); do \
	  install -m 0644 build/man/$$page $(MANDIR)/man$${page##*.} || exit 1; \
	done

uninstall:
	rm -f $(addprefix $(BINDIR)/,$(BINARIES))
	rm -rf $(LIBDIR)/pm2
	rm -f $(LIBDIR)/libpm2.* $(LIBDIR)/pkgconfig/libpm2.pc $(INCLUDEDIR)/pm2.h
	for page in $(MAN_PAGES); do rm -f $(MANDIR)/man$${page##*.}/$$page; done

clean:
	rm -rf build
