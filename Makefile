# tiffin: `make` builds, `make demo` shows it at work, `make test` proves it. `make help` lists all.

VERSION := 0.1.0
PREFIX ?= /usr/local
B ?= build

CFLAGS ?= -O2 -g
# Text of bounded length (base/err.h) is cut where it is too long: that is what snprintf is for. What
# a row of a table leaves out is 0.
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
	-Wvla -Wformat=2 -Wno-format-truncation -Wno-missing-field-initializers \
	-Werror
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fno-plt
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DTIFFIN_VERSION='"$(VERSION)"' -I. -I$(B)/gen $(WARN) \
	$(HARDEN) $(CFLAGS) $(SANITIZE) -MMD -MP
ALL_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS) $(SANITIZE)

pkg = $(shell pkg-config $(1) 2>/dev/null)
# ISA-L inflates gzip twice as fast as zlib; it is used where it is installed.
ISAL := $(shell pkg-config --exists libisal 2>/dev/null && echo 1)

# A program for each trust boundary, and what each may link. See README.md, "The house".
LIBS_tiffin := -ljansson
LIBS_tiffin-image := $(call pkg,--libs libarchive libcurl jansson libcrypto libzstd libseccomp) \
	$(if $(ISAL),-lisal,) -lz -lpthread
LIBS_tiffin-net := -lslirp
# libslirp's GLib, in small, found beside tiffin-net: see net/glib/glib.c.
GLIB := $(B)/libexec/tiffin/libglib-2.0.so.0
LINK_GLIB := -Wl,--push-state,--no-as-needed $(GLIB) -Wl,--pop-state -Wl,-rpath,'$$ORIGIN'
CFLAGS_image := $(if $(ISAL),-DHAVE_ISAL,)
CFLAGS_net := -I/usr/include/slirp

# Archives in link order: a module may use only what stands to its right (make check-layers).
PARTS_tiffin := runtime net image storage base
PARTS_tiffin-image := image storage base
PARTS_tiffin-net := net base
MAIN_tiffin := cmd/main.c
MAIN_tiffin-image := image/main.c
MAIN_tiffin-net := net/main.c net/receive.c

BIN := $(B)/bin/tiffin
HELPERS := $(B)/libexec/tiffin/tiffin-image $(B)/libexec/tiffin/tiffin-net
# Runs inside containers, where there is no library that it could be linked with.
INIT := $(B)/libexec/tiffin/tiffin-init

# `make V=1` shows the commands.
quiet = @$(if $(V),,echo "$(1)";)

.PHONY: all
all: $(BIN) $(HELPERS) $(INIT) $(GLIB)

mains := $(MAIN_tiffin) $(MAIN_tiffin-image) $(MAIN_tiffin-net)
sources = $(filter-out $(mains),$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

define module
$(B)/lib/$(1).a: $(call objects,$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call quiet,  AR $$@)$$(AR) rcs $$@ $$^
endef
$(foreach m,base storage image net runtime cmd,$(eval $(call module,$(m))))

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,  CC $<)$(CC) $(ALL_CFLAGS) $(CFLAGS_$(firstword $(subst /, ,$*))) -c -o $@ $<

define program
$(1): $(call objects,$(MAIN_$(notdir $(1)))) $(2) $(PARTS_$(notdir $(1)):%=$(B)/lib/%.a)
	@mkdir -p $$(@D)
	$$(call quiet,  LD $$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS_$(notdir $(1)))
endef
$(eval $(call program,$(BIN),$(B)/lib/cmd.a))
$(eval $(call program,$(B)/libexec/tiffin/tiffin-image,))

# The linker refuses where libslirp calls more than our GLib has. Then it is the system's.
NET := $(B)/libexec/tiffin/tiffin-net
$(NET): $(call objects,$(MAIN_tiffin-net)) $(PARTS_tiffin-net:%=$(B)/lib/%.a) $(GLIB)
	$(call quiet,  LD $@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(GLIB),$^) $(LINK_GLIB) \
		$(LIBS_tiffin-net) 2>/dev/null || \
		$(CC) $(ALL_LDFLAGS) -o $@ $(filter-out $(GLIB),$^) $(LIBS_tiffin-net)
$(GLIB): net/glib/glib.c net/glib/glib.h
	@mkdir -p $(@D)
	$(call quiet,  LD $@)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARN) $(HARDEN) $(CFLAGS) $(SANITIZE) \
		-fPIC -shared -Wl,-soname,$(@F) -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $<

# No sanitizer can be linked statically.
$(INIT): runtime/inside/init.c
	@mkdir -p $(@D)
	$(call quiet,  LD $@)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(HARDEN) $(CFLAGS) -static \
		-Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $<

# What executes a container's program and what keeps it are parts of tiffin's own. They have no C library
# where they know how to call the kernel, and then no thread's memory where a guard of the stack could be.
BARE := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),-nostdlib -fno-stack-protector)
$(B)/gen/tiffin-execute: runtime/inside/execute.c runtime/kernel.h
$(B)/gen/tiffin-keeper: runtime/beside/keeper.c runtime/keep.c runtime/keep.h runtime/kernel.h
$(B)/gen/tiffin-execute $(B)/gen/tiffin-keeper:
	@mkdir -p $(@D)
	$(call quiet,  LD $@)$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -Os -static -s $(BARE) \
		-Wl,-z,noseparate-code,--build-id=none -o $@ $(filter %.c,$^)
$(B)/gen/%-program.h: $(B)/gen/tiffin-%
	@(echo 'static const unsigned char program_bytes[] = {'; \
		od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};') > $@.tmp && mv $@.tmp $@
$(B)/obj/runtime/execute.o: $(B)/gen/execute-program.h
$(B)/obj/runtime/keeper.o: $(B)/gen/keeper-program.h

# The seccomp profile is compiled here, so that a container's start needs no libseccomp.
$(B)/gen/compile-profile: runtime/profile/compile.c runtime/profile/table.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -I. $(WARN) -O1 -o $@ $< -lseccomp
$(B)/gen/profile.h: $(B)/gen/compile-profile
	$< > $@.tmp && mv $@.tmp $@
$(B)/obj/runtime/seccomp.o: $(B)/gen/profile.h

.SECONDARY: # objects of the unit tests are worth keeping
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

include tests/tests.mk

.PHONY: install uninstall clean help
install: all
	install -D -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/tiffin
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/tiffin $(HELPERS) $(INIT)
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/libexec/tiffin $(GLIB)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/tiffin
	rm -rf $(DESTDIR)$(PREFIX)/libexec/tiffin

clean:
	rm -rf build build-*

help:
	@sed -n 's/^## //p' Makefile tests/tests.mk
