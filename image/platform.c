#include "image/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/str.h"

#define OTHER_ARCH 100 /* worse than any variant */

/* What uname(2) says, and what Go calls it (GOARCH), which is what indexes are written in. */
static const struct {
	const char *machine, *arch, *variant;
} machines[] = {
	{ "x86_64", "amd64", "" },	 { "aarch64", "arm64", "v8" },
	{ "armv8l", "arm", "v7" },	 { "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },	 { "i686", "386", "" },
	{ "i586", "386", "" },		 { "ppc64le", "ppc64le", "" },
	{ "s390x", "s390x", "" },	 { "riscv64", "riscv64", "" },
	{ "loongarch64", "loong64", "" },
};

void platform_host(struct platform *ret)
{
	struct utsname u;

	uname(&u);
	*ret = (struct platform){ .os = "linux" };
	snprintf(ret->arch, sizeof(ret->arch), "%.23s", u.machine);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		if (!streq(machines[i].machine, u.machine))
			continue;
		snprintf(ret->arch, sizeof(ret->arch), "%s", machines[i].arch);
		snprintf(ret->variant, sizeof(ret->variant), "%s", machines[i].variant);
	}
}

int platform_parse(const char *text, struct platform *ret, struct err *err)
{
	struct platform p = { 0 };
	int used = 0, n;

	n = sscanf(text, "%23[a-z0-9]/%23[a-z0-9_]%n/%15[a-z0-9.]%n", p.os, p.arch, &used,
		   p.variant, &used);
	if (n < 2 || text[used]) {
		CLEAN(clean_free) char *safe = str_printable(text);

		err_set(err, ERR_USAGE, "'%.100s' is not a platform", safe);
		return err_hint(err, "platforms are written as linux/amd64 or linux/arm/v7");
	}
	*ret = p;
	return 0;
}

/* Other names that people and tools write (containerd, platforms/database.go, normalizeArch). */
static const struct {
	const char *alias, *arch, *variant;
} aliases[] = {
	{ "x86_64", "amd64", "" }, { "x86-64", "amd64", "" }, { "i386", "386", "" },
	{ "aarch64", "arm64", "" }, { "armhf", "arm", "v7" }, { "armel", "arm", "v6" },
};

/* The number in "v7" or "7"; what an image without one is built for; -1: it is no number. */
static int variant_number(const char *arch, const char *variant)
{
	const char *digits = variant + (*variant == 'v');
	const size_t n = strspn(digits, "0123456789");

	if (!*variant)
		return streq(arch, "arm") ? 7 : streq(arch, "arm64") ? 8 : 1;
	return n >= 1 && n <= 3 && !digits[n] ? atoi(digits) : -1;
}

/* What an architecture is in the end, and the number of its variant. */
static const char *meaning_of(const struct platform *p, int *ret_variant)
{
	const char *arch = p->arch, *variant = p->variant;

	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
		if (!streq(p->arch, aliases[i].alias))
			continue;
		arch = aliases[i].arch;
		variant = *aliases[i].variant ? aliases[i].variant : variant;
	}
	*ret_variant = variant_number(arch, variant);
	return arch;
}

int platform_rank(const struct platform *want, const struct platform *have)
{
	int wanted, had;
	const char *arch = meaning_of(want, &wanted), *other = meaning_of(have, &had);

	if (!streq(want->os, have->os))
		return -1;
	/* Those that are no numbers have no order. */
	if (wanted < 0 || had < 0)
		return streq(arch, other) && streq(want->variant, have->variant) ? 0 : -1;
	if (streq(arch, other))
		return wanted < had ? -1 : wanted - had;
	/* Nothing better, and it runs: 32-bit programs on a 64-bit machine. */
	if (streq(arch, "amd64") && streq(other, "386"))
		return OTHER_ARCH;
	if (streq(arch, "arm64") && streq(other, "arm") && wanted >= had)
		return OTHER_ARCH + wanted - had;
	return -1;
}

const char *platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX])
{
	snprintf(ret, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "",
		 p->variant);
	return ret;
}
