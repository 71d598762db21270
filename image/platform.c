#include "image/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/str.h"

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

/* The number in "v7"; what an image without one is built for. */
static int variant_number(const struct platform *p)
{
	if (p->variant[0] == 'v')
		return atoi(p->variant + 1);
	return streq(p->arch, "arm") ? 7 : streq(p->arch, "arm64") ? 8 : 1;
}

int platform_rank(const struct platform *want, const struct platform *have)
{
	int older = variant_number(want) - variant_number(have);

	if (!streq(want->os, have->os))
		return -1;
	if (streq(want->arch, have->arch))
		return older < 0 ? -1 : older;
	/* Nothing better, and it runs: 32-bit programs on a 64-bit x86. */
	return streq(want->arch, "amd64") && streq(have->arch, "386") ? 100 : -1;
}

const char *platform_text(const struct platform *p, char ret[PLATFORM_TEXT_MAX])
{
	snprintf(ret, PLATFORM_TEXT_MAX, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "",
		 p->variant);
	return ret;
}
