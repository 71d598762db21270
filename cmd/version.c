#include "cmd/version.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/command.h"
#include "cmd/format.h"
#include "image/platform.h"

struct version_options {
	char *format;
};

static const struct opt version_opts[] = {
	{ 'f', "format", "TEMPLATE", "print it so: a template, or 'json'", set_string,
	  FIELD(version_options, format) },
	{ 0 },
};

static void version_done(void *options)
{
	free(((struct version_options *)options)->format);
}

json_t *version_document(void)
{
	json_t *j = json_object();
	struct platform host;
	char text[PLATFORM_TEXT_MAX];

	platform_host(&host);
	js_set_str(j, "Version", TIFFIN_VERSION);
	js_set_str(j, "APIVersion", TIFFIN_VERSION);
	js_set_str(j, "Os", host.os);
	js_set_str(j, "Arch", host.arch);
	js_set_str(j, "OsArch", platform_text(&host, text));
	return j;
}

static int version(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct version_options *o = options;
	CLEAN(clean_json) json_t *one = version_document();
	CLEAN(clean_json) json_t *both = json_pack("{sOsO}", "Client", one, "Server", one);

	(void)t;
	(void)operands;
	/* There is no server; who asks for its version gets that of what does the work. */
	if (o->format)
		return format_value("version", o->format, both, err);
	printf("Version:      %s\nOS/Arch:      %s\n", js_str(one, "Version"),
	       js_str(one, "OsArch"));
	return 0;
}

const struct command command_version = {
	.names = "version",
	.operands = "[OPTIONS]",
	.summary = "print the version",
	.opts = version_opts,
	.size = sizeof(struct version_options),
	.run = version,
	.done = version_done,
};
