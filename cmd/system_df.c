/*
 * Theory of operation
 *
 * Sizes are those on the disk, of the directories that images, containers and volumes have in the
 * store. A layer counts once, whoever has it, with all the forms that it was unpacked in; what an
 * image would give back is the layers that no container's image has, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/container_row.h"
#include "cmd/format.h"
#include "cmd/human.h"
#include "cmd/life.h"
#include "cmd/system.h"
#include "cmd/table.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/mapped.h"
#include "storage/stack.h"
#include "storage/volume.h"

#define HEX_LEN 64

struct df_options {
	bool verbose;
	char *format;
};

static const struct opt df_opts[] = {
	{ 0, "format", "TEMPLATE", "print each row so: a template, 'table TEMPLATE', 'json'",
	  set_string,
	  FIELD(df_options, format) },
	{ 'v', "verbose", NULL, "every image, container and volume", set_flag,
	  FIELD(df_options, verbose) },
	{ 0 },
};

static void df_done(void *options)
{
	free(((struct df_options *)options)->format);
}

/* All that takes room, and how much. */
struct usage {
	struct image_record *images;
	struct container *containers;
	struct volume *volumes;
	json_t *users; /* of volumes */
	struct strv layers; /* names of directories; from n_plain on of trees of storage/mapped.h */
	size_t n_plain;
	size_t n_images, n_containers, n_volumes;
	int64_t *sizes; /* of layers, images, containers and volumes, in this order */
	const int64_t *of_layers, *of_images, *of_containers, *of_volumes;
};

static void usage_done(struct usage *u)
{
	image_list_done(u->images, u->n_images);
	container_list_done(u->containers, u->n_containers);
	volume_list_done(u->volumes, u->n_volumes);
	json_decref(u->users);
	strv_done(&u->layers);
	free(u->sizes);
}

static int list_mapped(int fd, struct strv *ret, struct err *err)
{
	CLEAN(strv_done) struct strv names = { 0 };

	if (dir_list(fd, &names, err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		strv_add(ret, names.v[i]);
	return 0;
}

static int list_all(const struct tiffin *t, struct usage *u, struct err *err)
{
	const struct store *s = &t->store;
	CLEAN(clean_fd) int mapped = -1;

	if (dir_list(s->layers, &u->layers, err) < 0 || mapped_directory(s, &mapped, err) < 0)
		return -1;
	u->n_plain = u->layers.n;
	if (list_mapped(mapped, &u->layers, err) < 0)
		return -1;
	return image_list(s, &u->images, &u->n_images, err) < 0 ||
			       container_list(s, &u->containers, &u->n_containers, err) < 0 ||
			       volume_users(s, &u->users, err) < 0 ||
			       volume_list(s, &u->volumes, &u->n_volumes, err) < 0 ?
		       -1 :
		       0;
}

static int measure(const struct tiffin *t, struct usage *u, struct err *err)
{
	const char *root = t->store.root;
	CLEAN(strv_done) struct strv paths = { 0 };

	for (size_t i = 0; i < u->layers.n; i++)
		strv_addf(&paths, "%s/%s/%s", root, i < u->n_plain ? "layers" : "mapped",
			  u->layers.v[i]);
	for (size_t i = 0; i < u->n_images; i++)
		strv_addf(&paths, "%s/images/%s", root, u->images[i].id);
	for (size_t i = 0; i < u->n_containers; i++)
		strv_addf(&paths, "%s/containers/%s", root, u->containers[i].id);
	for (size_t i = 0; i < u->n_volumes; i++)
		strv_addf(&paths, "%s/volumes/%s", root, u->volumes[i].name);
	u->sizes = xcalloc(paths.n + 1, sizeof(*u->sizes));
	u->of_layers = u->sizes;
	u->of_images = u->of_layers + u->layers.n;
	u->of_containers = u->of_images + u->n_images;
	u->of_volumes = u->of_containers + u->n_containers;
	return disk_usage(t, &paths, u->sizes, err);
}

/* --- whose layers --- */

static bool has_layer(const struct image_record *image, const char *name)
{
	for (size_t i = 0; i < image->layers.n; i++)
		if (strncmp(image->layers.v[i] + strlen("sha256:"), name, HEX_LEN) == 0)
			return true;
	/* Its own trees are named by it. */
	return strncmp(image->id, name, HEX_LEN) == 0;
}

static size_t containers_of(const struct usage *u, const char *id)
{
	size_t n = 0;

	for (size_t i = 0; i < u->n_containers; i++)
		n += streq(u->containers[i].image_id, id);
	return n;
}

static void sum_images(const struct usage *u, int64_t *ret_size, int64_t *ret_free,
		       size_t *ret_active)
{
	for (size_t i = 0; i < u->layers.n; i++) {
		bool has = false, kept = false;

		for (size_t k = 0; k < u->n_images && !kept; k++) {
			if (!has_layer(&u->images[k], u->layers.v[i]))
				continue;
			has = true;
			kept = containers_of(u, u->images[k].id);
		}
		*ret_size += has ? u->of_layers[i] : 0;
		*ret_free += has && !kept ? u->of_layers[i] : 0;
	}
	for (size_t i = 0; i < u->n_images; i++) {
		const bool active = containers_of(u, u->images[i].id);

		*ret_size += u->of_images[i];
		*ret_free += active ? 0 : u->of_images[i];
		*ret_active += active;
	}
}

/* --- the short table --- */

static json_t *row_of(const char *type, size_t total, size_t active, int64_t size,
		      int64_t reclaimable)
{
	CLEAN(clean_free) char *free_text = human_size(reclaimable);
	json_t *j = json_object();

	js_set_str(j, "Type", type);
	js_set_int(j, "Total", (int64_t)total);
	js_set_int(j, "TotalCount", (int64_t)total);
	js_set_int(j, "Active", (int64_t)active);
	js_set_int(j, "RawSize", size);
	js_set_int(j, "RawReclaimable", reclaimable);
	js_set_str_take(j, "Size", human_size(size));
	js_set_str_take(j, "Reclaimable",
			xasprintf("%s (%d%%)", free_text,
				  size ? (int)(reclaimable * 100 / size) : 0));
	return j;
}

static json_t *row_of_images(const struct usage *u)
{
	int64_t size = 0, reclaimable = 0;
	size_t active = 0;

	sum_images(u, &size, &reclaimable, &active);
	return row_of("Images", u->n_images, active, size, reclaimable);
}

static json_t *row_of_containers(const struct usage *u)
{
	int64_t size = 0, reclaimable = 0;
	size_t active = 0;

	for (size_t i = 0; i < u->n_containers; i++) {
		const bool up = life_is_up(&u->containers[i]);

		active += up;
		size += u->of_containers[i];
		reclaimable += up ? 0 : u->of_containers[i];
	}
	return row_of("Containers", u->n_containers, active, size, reclaimable);
}

static json_t *row_of_volumes(const struct usage *u)
{
	int64_t size = 0, reclaimable = 0;
	size_t active = 0;

	for (size_t i = 0; i < u->n_volumes; i++) {
		const bool used = json_array_size(js_arr(u->users, u->volumes[i].name));

		active += used;
		size += u->of_volumes[i];
		reclaimable += used ? 0 : u->of_volumes[i];
	}
	return row_of("Local Volumes", u->n_volumes, active, size, reclaimable);
}

static const struct heading headings[] = {
	{ "Type", "TYPE" },	    { "Total", "TOTAL" },	{ "Active", "ACTIVE" },
	{ "Size", "SIZE" },	    { "Reclaimable", "RECLAIMABLE" }, { "RawSize", "RAWSIZE" },
	{ "RawReclaimable", "RAWRECLAIMABLE" }, { "TotalCount", "TOTALCOUNT" }, { 0 },
};

static int print_short(const struct usage *u, const char *text, struct err *err)
{
	CLEAN(format_done) struct format format = { 0 };

	if (format_parse("df", text, headings, &format, err) < 0 ||
	    format_row(&format, row_of_images(u), NULL, err) < 0 ||
	    format_row(&format, row_of_containers(u), NULL, err) < 0 ||
	    format_row(&format, row_of_volumes(u), NULL, err) < 0)
		return -1;
	return format_print(&format, true, err);
}

/* --- and the long ones --- */

static void split(const struct usage *u, size_t at, int64_t *ret_shared, int64_t *ret_unique)
{
	*ret_unique = u->of_images[at];
	*ret_shared = 0;
	for (size_t i = 0; i < u->layers.n; i++) {
		size_t owners = 0;

		if (!has_layer(&u->images[at], u->layers.v[i]))
			continue;
		for (size_t k = 0; k < u->n_images; k++)
			owners += has_layer(&u->images[k], u->layers.v[i]);
		*(owners > 1 ? ret_shared : ret_unique) += u->of_layers[i];
	}
}

static char *ago(int64_t seconds)
{
	CLEAN(clean_free) char *duration = NULL;

	if (!seconds)
		return xstrdup("N/A");
	duration = human_duration(time(NULL) - seconds);
	return xasprintf("%s ago", duration);
}

static void print_images(const struct usage *u)
{
	static const char *const columns[] = { "REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE",
					       "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS", NULL };
	struct table table;

	table_init(&table, columns, true);
	for (size_t i = 0; i < u->n_images; i++) {
		const struct image_record *image = &u->images[i];
		const char *name = image->names.n ? image->names.v[0] : "<none>:<none>";
		const char *colon = strrchr(name, ':');
		int64_t shared, unique;

		split(u, i, &shared, &unique);
		table_cell(&table,
			   xstrndup(name, (size_t)(colon ? colon - name : (long)strlen(name))));
		table_cell(&table, xstrdup(colon ? colon + 1 : ""));
		table_cell(&table, xstrndup(image->id, 12));
		table_cell(&table, ago(image->created));
		table_cell(&table, human_size(shared + unique));
		table_cell(&table, human_size(shared));
		table_cell(&table, human_size(unique));
		table_cell(&table, xasprintf("%zu", containers_of(u, image->id)));
	}
	printf("Images space usage:\n\n");
	table_print(&table);
}

static size_t volumes_of(const struct usage *u, const char *id)
{
	const char *name;
	json_t *ids, *one;
	size_t i, n = 0;

	json_object_foreach(u->users, name, ids)
		json_array_foreach(ids, i, one)
			n += streq(json_string_value(one) ?: "", id);
	return n;
}

static void print_containers(const struct usage *u)
{
	static const char *const columns[] = { "CONTAINER ID",	"IMAGE", "COMMAND",
					       "LOCAL VOLUMES", "SIZE",	 "CREATED",
					       "STATUS",	"NAMES", NULL };
	struct table table;

	table_init(&table, columns, true);
	for (size_t i = 0; i < u->n_containers; i++) {
		const struct container *c = &u->containers[i];
		CLEAN(clean_json) json_t *row = container_row(c, false);

		table_cell(&table, xstrndup(c->id, 12));
		table_cell(&table, xstrndup(c->image_id, 12));
		table_cell(&table, xstrdup(js_str(row, "Command") ?: ""));
		table_cell(&table, xasprintf("%zu", volumes_of(u, c->id)));
		table_cell(&table, human_size(u->of_containers[i]));
		table_cell(&table, ago(c->created / 1000000000));
		table_cell(&table, xstrdup(container_status_word(c)));
		table_cell(&table, xstrdup(c->name));
	}
	printf("\nContainers space usage:\n\n");
	table_print(&table);
}

static void print_volumes(const struct usage *u)
{
	static const char *const columns[] = { "VOLUME NAME", "LINKS", "SIZE", NULL };
	struct table table;

	table_init(&table, columns, true);
	for (size_t i = 0; i < u->n_volumes; i++) {
		table_cell(&table, xstrdup(u->volumes[i].name));
		table_cell(&table,
			   xasprintf("%zu", json_array_size(js_arr(u->users, u->volumes[i].name))));
		table_cell(&table, human_size(u->of_volumes[i]));
	}
	printf("\nLocal Volumes space usage:\n\n");
	table_print(&table);
}

static int df(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct df_options *o = options;
	CLEAN(usage_done) struct usage u = { 0 };

	(void)operands;
	if (o->verbose && o->format)
		return err_set(err, ERR_USAGE, "cannot combine --format and --verbose flags");
	if (tiffin_open(t, false, err) < 0 || list_all(t, &u, err) < 0 || measure(t, &u, err) < 0)
		return -1;
	if (!o->verbose)
		return print_short(&u, o->format ?: "table {{.Type}}\t{{.Total}}\t{{.Active}}\t"
						    "{{.Size}}\t{{.Reclaimable}}", err);
	print_images(&u);
	print_containers(&u);
	print_volumes(&u);
	return 0;
}

const struct command command_system_df = {
	.names = "df",
	.operands = "[OPTIONS]",
	.summary = "print what images, containers and volumes take on the disk",
	.opts = df_opts,
	.size = sizeof(struct df_options),
	.max_operands = 0,
	.run = df,
	.done = df_done,
};
