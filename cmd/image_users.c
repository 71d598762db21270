#include "cmd/image_users.h"

#include "base/json.h"

bool container_uses_image(const struct container *c, const char *id)
{
	json_t *mount;
	size_t i;

	if (streq(c->image_id, id))
		return true;
	json_array_foreach(js_arr(js_obj(c->config, "spec"), "mounts"), i, mount)
		if (streq(js_str(mount, "kind") ?: "", "image") &&
		    streq(js_str(mount, "name") ?: "", id))
			return true;
	return false;
}
