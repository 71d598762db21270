#include "cmd/platform_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "image/platform.h"

const struct opt platform_opts[] = {
	{ 0, "platform", "OS/ARCH", "of a manifest list, this one", set_string,
	  FIELD(platform_options, platform) },
	{ 0, "arch", "ARCH", "in place of this machine's", set_string,
	  FIELD(platform_options, arch) },
	{ 0, "os", "OS", "in place of this machine's", set_string, FIELD(platform_options, os) },
	{ 0, "variant", "VARIANT", "of the architecture, as v7", set_string,
	  FIELD(platform_options, variant) },
	{ 0 },
};

void platform_options_done(struct platform_options *o)
{
	free(o->platform);
	free(o->arch);
	free(o->os);
	free(o->variant);
	*o = (struct platform_options){ 0 };
}

int platform_options_text(const struct platform_options *o, char **ret, struct err *err)
{
	char text[PLATFORM_TEXT_MAX];
	struct platform p;

	if (!o->arch && !o->os && !o->variant) {
		*ret = xstrdup(o->platform);
		return 0;
	}
	if (o->platform)
		return err_set(err, ERR_USAGE,
			       "--platform option can not be specified with --arch, "
			       "--os or --variant");
	platform_host(&p);
	if (o->arch || o->variant)
		snprintf(p.variant, sizeof(p.variant), "%s", o->variant ?: "");
	if (o->arch)
		snprintf(p.arch, sizeof(p.arch), "%s", o->arch);
	if (o->os)
		snprintf(p.os, sizeof(p.os), "%s", o->os);
	platform_text(&p, text);
	if (platform_parse(text, &p, err) < 0)
		return -1;
	*ret = xstrdup(text);
	return 0;
}
