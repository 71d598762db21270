# What proves tiffin, and what shows it. Each target installs what it needs (tests/lib/deps.sh).
# STRICT=1 turns skips into failures; TESTS=run,logs limits the bats suites to those files.

## all: build tiffin and its helpers (the default)
## install: put them under PREFIX (/usr/local); they run from anywhere
## test: all of the tests: directions, headers, unit tests, bats suites
## unit: the unit tests alone, as whoever you are
## check-layers: each module includes only what it may
## check-headers: each header compiles alone
## asan: all of the tests, with the programs under AddressSanitizer and UBSan
## fuzz: the fuzz targets (tests/fuzz), each for SECONDS (60); FUZZ="tar unpack" limits them
## fault: every command with every system call gone wrong, storms of kills, tiny disks; hours. STEP=N:
## 	every Nth call only
## tidy: clang-tidy and cppcheck, findings are errors
## demo: pull and run an image as an unprivileged user, and show it
## bench: measure start-up, exec, ps, many at once and memory beside podman, bubblewrap and a bare C
## 	program; the network beside slirp4netns and pasta, pulls beside podman and tar
## vm: boot a virtual machine with systemd: containers that outlive its ends; minutes
## posture: a probe under tiffin, podman and bubblewrap; writes the table of docs/security.md
## clean: remove what was built

SUBMAKE = $(MAKE) --no-print-directory

# One program for each tests/unit/test_MODULE.c, linked with all archives in the order of their use.
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c))
UNIT_LIBS := $(LIBS_tiffin) $(LIBS_tiffin-image) $(LIBS_tiffin-net)

$(patsubst %,$(B)/tests/test_%,cmd mount_options options ports supervise template): $(B)/lib/cmd.a
$(B)/tests/test_%: $(B)/obj/tests/unit/test_%.o $(PARTS_tiffin:%=$(B)/lib/%.a)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(filter %/cmd.a,$^) $(PARTS_tiffin:%=$(B)/lib/%.a) $(UNIT_LIBS)

# What runs inside containers, of any image's: static. The second has no C library, and this machine's
# way to call the kernel.
PROBES := $(B)/tests/probe $(if $(filter x86_64,$(shell uname -m)),$(B)/tests/interpreter)
$(B)/tests/probe: tests/posture/probe.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -static -o $@ $<
$(B)/tests/interpreter: tests/posture/interpreter.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -static -nostdlib -fno-stack-protector -o $@ $<

# Has calls of other programs go wrong.
INJECT := $(B)/tests/inject
$(INJECT): tests/fault/inject.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -o $@ $<

.PHONY: test unit unit-programs check-layers check-headers asan tidy demo bench
unit-programs: $(UNIT) $(PROBES) $(INJECT)

# The fuzz targets run for moments only; under another sanitizer not at all, as they have it built in.
test: FUZZ_BUILD := $(if $(SANITIZE),,build-fuzz)
test:
	@tests/lib/deps.sh build test $(if $(FUZZ_BUILD),fuzz)
	@$(SUBMAKE) check-layers check-headers
	@$(SUBMAKE) all unit-programs $(if $(FUZZ_BUILD),fuzz-build)
	@FUZZ_BUILD=$(FUZZ_BUILD) tests/lib/suite.sh $(B)

unit:
	@tests/lib/deps.sh build
	@$(SUBMAKE) unit-programs
	@for t in $(UNIT); do echo "# $$t"; $$t || exit 1; done

check-layers:
	@tests/lib/check-layers.sh

# The generated seccomp profile is no header of its own: what includes it compiles with the rest.
check-headers:
	@tests/lib/check-headers.sh $(CC) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(CFLAGS_image) $(CFLAGS_net)

# A leak is looked for at the exit of every program; children that execute something else, or end
# with _exit, are not asked. Programs that sandbox themselves say so in their own sources.
# gcc warns of what the sanitizers themselves add to the code, so that warnings are no errors here.
ASAN_CFLAGS := -O1 -g -fno-omit-frame-pointer -Wno-error
ASAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined
asan: export ASAN_OPTIONS := detect_leaks=1:abort_on_error=0:exitcode=99:detect_stack_use_after_return=1
asan: export UBSAN_OPTIONS := print_stacktrace=1
asan: export BATS_TEST_TIMEOUT := 900
asan:
	@$(SUBMAKE) test B=build-asan CFLAGS='$(ASAN_CFLAGS)' SANITIZE='$(ASAN_FLAGS)' HARDEN=

# libFuzzer is clang's; the archives that the targets are linked with are built once more, for it.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS := -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined
SECONDS ?= 60

$(B)/fuzz/fuzz_%: $(B)/obj/tests/fuzz/fuzz_%.o $(PARTS_tiffin-image:%=$(B)/lib/%.a)
	@mkdir -p $(@D)
	$(call quiet,  LD $@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_tiffin-image)

# libslirp is the system's shared library: its own code is not instrumented.
$(B)/fuzz/fuzz_frames: $(B)/obj/tests/fuzz/fuzz_frames.o $(PARTS_tiffin-net:%=$(B)/lib/%.a)
	@mkdir -p $(@D)
	$(call quiet,  LD $@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_tiffin-net)

.PHONY: fuzz fuzz-build fuzz-programs
fuzz-programs: $(FUZZ_TARGETS)

fuzz-build:
	+@$(SUBMAKE) fuzz-programs B=build-fuzz CC=clang HARDEN= SANITIZE='$(FUZZ_FLAGS)' \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -Wno-error -Wno-unknown-warning-option'

fuzz:
	@tests/lib/deps.sh build fuzz
	+@$(SUBMAKE) fuzz-build
	@tests/lib/fuzz.sh build-fuzz/fuzz $(SECONDS) $(FUZZ)

.PHONY: fault
fault:
	@tests/lib/deps.sh build test
	@$(SUBMAKE) -s all $(INJECT)
	@tests/fault/fault.sh $(B)

TIDY_SOURCES = $(wildcard runtime/inside/*.c runtime/beside/*.c base/*.c storage/*.c image/*.c runtime/*.c net/*.c net/glib/*.c cmd/*.c tests/unit/*.c \
	tests/bench/*.c tests/fuzz/*.c tests/posture/*.c tests/fault/*.c)
TIDY_CFLAGS = $(filter-out -MMD -MP -Werror -fstack-clash-protection,$(ALL_CFLAGS)) \
	$(CFLAGS_image) $(CFLAGS_net)
tidy:
	@tests/lib/deps.sh build tidy
	@$(SUBMAKE) tidy-generated
	@tests/lib/tidy.sh clang-tidy $(TIDY_SOURCES) -- $(TIDY_CFLAGS)
	@tests/lib/tidy.sh cppcheck $(TIDY_SOURCES) -- -I. -I$(B)/gen

.PHONY: tidy-generated
tidy-generated: $(B)/gen/profile.h $(B)/gen/execute-program.h $(B)/gen/keeper-program.h

demo:
	@tests/lib/deps.sh build demo
	@$(SUBMAKE) -s all
	@tests/lib/demo.sh $(B)

.PHONY: vm
vm:
	@tests/lib/deps.sh build vm
	@$(SUBMAKE) -s all
	@tests/vm/vm.sh $(B)

.PHONY: posture
posture:
	@tests/lib/deps.sh build bench
	@$(SUBMAKE) -s all $(PROBES)
	@tests/posture/posture.sh $(B) --write

bench:
	@tests/lib/deps.sh build bench
	@$(SUBMAKE) -s all $(B)/bench/floor
	@tests/bench/start.sh $(B)
	@echo
	@tests/bench/net.sh $(B)
	@echo
	@tests/bench/pull.sh $(B)

$(B)/bench/floor: $(B)/obj/tests/bench/floor.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $<
