#include "cmd/volume_driver.h"

#include <stdlib.h>

#include "base/cleanup.h"

static int check_type(const char *type, struct err *err)
{
	if (streq(type, "none") || streq(type, "bind") || !*type)
		return 0;
	if (streq(type, "tmpfs"))
		return err_set(err, ERR_UNSUPPORTED,
			       "a volume can't be of type tmpfs: without root, a tmpfs belongs to "
			       "one container (--tmpfs)");
	return err_set(err, ERR_UNSUPPORTED,
		       "a volume can't be of type '%s': it takes root to mount one", type);
}

static int check_mount_options(const char *text, bool *ret_bind, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	char *option, *rest;

	for (option = strtok_r(copy, ",", &rest); option; option = strtok_r(NULL, ",", &rest)) {
		if (streq(option, "bind") || streq(option, "rbind"))
			*ret_bind = true;
		else if (starts_with(option, "size=") || starts_with(option, "inodes="))
			return err_set(err, ERR_UNSUPPORTED,
				       "the volume option 'o=%s' takes a quota, which root alone "
				       "can set",
				       option);
		else if (!streq(option, "rw"))
			return err_set(err, ERR_UNSUPPORTED,
				       "the volume option 'o=%s' is not known to this version: "
				       "there is 'bind'",
				       option);
	}
	return 0;
}

int volume_driver_check(const char *driver, const struct strv *options, struct err *err)
{
	const char *type = strv_get_env(options, "type"), *o = strv_get_env(options, "o"),
		   *device = strv_get_env(options, "device");
	bool bind = type && streq(type, "bind");

	if (driver && *driver && !streq(driver, "local"))
		return err_set(err, ERR_UNSUPPORTED,
			       "no volume plugin with name %s available: there is 'local': "
			       "required plugin missing",
			       driver);
	for (size_t i = 0; i < options->n; i++) {
		const char *text = options->v[i];

		if (!starts_with(text, "type=") && !starts_with(text, "o=") &&
		    !starts_with(text, "device="))
			return err_set(err, ERR_USAGE,
				       "invalid mount option %.*s for driver 'local': "
				       "invalid argument",
				       (int)strcspn(text, "="), text);
	}
	if ((type && check_type(type, err) < 0) || (o && check_mount_options(o, &bind, err) < 0))
		return -1;
	if (bind != (device != NULL))
		return err_set(err, ERR_USAGE,
			       "a volume of a directory of the host's takes both 'o=bind' "
			       "and 'device=/dir'");
	if (device && *device != '/')
		return err_set(err, ERR_USAGE, "'device=%s' is not an absolute path", device);
	return 0;
}
