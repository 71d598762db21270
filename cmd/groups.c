#include "cmd/groups.h"

#include "base/cleanup.h"
#include "cmd/not_yet.h"

const struct opt global_opts[] = {
	{ 0, "root", "DIR", "the store (TIFFIN_ROOT, else below ~/.local/share)", set_string,
	  FIELD(global_options, root) },
	{ 0, "storage-driver", "NAME", "how new containers get their files: overlay or copy", set_string,
	  FIELD(global_options, driver) },
	{ 0, "noout", NULL, "print no result: nothing on standard output", set_flag,
	  FIELD(global_options, quiet) },
	{ 'v', "version", NULL, "print the version", set_flag, FIELD(global_options, version) },
	{ .more = not_yet_global_opts },
	{ 0 },
};

const struct group command_groups[] = {
	{ "", NULL,
	  { { "Run a container", NULL },
	    { NULL, &command_run },
	    { NULL, &command_create },
	    { NULL, &command_start },
	    { NULL, &command_exec },
	    { NULL, &command_attach },
	    { "See what it does", NULL },
	    { NULL, &command_ps },
	    { NULL, &command_logs },
	    { NULL, &command_events },
	    { NULL, &command_inspect },
	    { NULL, &command_port },
	    { NULL, &command_top },
	    { NULL, &command_wait },
	    { "Stop and remove it", NULL },
	    { NULL, &command_stop },
	    { NULL, &command_restart },
	    { NULL, &command_kill },
	    { NULL, &command_pause },
	    { NULL, &command_unpause },
	    { NULL, &command_rename },
	    { NULL, &command_rm },
	    { NULL, &command_diff },
	    { NULL, &command_commit },
	    { NULL, &command_export },
	    { NULL, &command_mount },
	    { NULL, &command_unmount },
	    { NULL, &command_init },
	    { "Images", NULL },
	    { NULL, &command_images },
	    { NULL, &command_pull },
	    { NULL, &command_push },
	    { NULL, &command_search },
	    { NULL, &command_tag },
	    { NULL, &command_untag },
	    { NULL, &command_history },
	    { NULL, &command_rmi },
	    { NULL, &command_save },
	    { NULL, &command_load },
	    { NULL, &command_import },
	    { NULL, &command_login },
	    { NULL, &command_logout },
	    { "The rest", NULL },
	    { NULL, &command_unshare },
	    { NULL, &command_generate },
	    { NULL, &command_completion },
	    { NULL, &command_info },
	    { NULL, &command_version } } },
	{ "container", "commands for containers",
	  { { NULL, &command_run },
	    { NULL, &command_create },
	    { NULL, &command_start },
	    { NULL, &command_exec },
	    { NULL, &command_attach },
	    { "ls|list|ps", &command_ps },
	    { NULL, &command_container_inspect },
	    { NULL, &command_logs },
	    { NULL, &command_export },
	    { NULL, &command_mount },
	    { NULL, &command_unmount },
	    { NULL, &command_port },
	    { NULL, &command_top },
	    { NULL, &command_wait },
	    { NULL, &command_kill },
	    { NULL, &command_pause },
	    { NULL, &command_unpause },
	    { NULL, &command_stop },
	    { NULL, &command_restart },
	    { NULL, &command_rename },
	    { NULL, &command_rm },
	    { NULL, &command_cleanup },
	    { NULL, &command_container_diff },
	    { NULL, &command_commit },
	    { NULL, &command_container_exists },
	    { NULL, &command_container_prune } } },
	{ "image", "commands for images",
	  { { NULL, &command_pull },
	    { NULL, &command_push },
	    { "ls|list", &command_images }, { "rm", &command_rmi },
	    { NULL, &command_tag },
	    { NULL, &command_untag },
	    { NULL, &command_history },
	    { NULL, &command_save },
	    { NULL, &command_load },
	    { NULL, &command_import },
	    { NULL, &command_image_diff },
	    { NULL, &command_image_exists },
	    { NULL, &command_image_prune },
	    { NULL, &command_image_tree },
	    { NULL, &command_image_inspect } } },
	{ "volume", "commands for volumes",
	  { { NULL, &command_volume_create },
	    { NULL, &command_volume_ls },
	    { NULL, &command_volume_inspect },
	    { NULL, &command_volume_rm },
	    { NULL, &command_volume_prune },
	    { NULL, &command_volume_exists } } },
	{ "network", "commands for networks",
	  { { NULL, &command_network_ls },
	    { NULL, &command_network_inspect },
	    { NULL, &command_network_exists },
	    { NULL, &command_network_reload } } },
	{ 0 },
};

const char *group_names(const struct group *g, size_t i, const struct command **ret)
{
	*ret = i < ARRAY_SIZE(g->commands) ? g->commands[i].command : NULL;
	if (i >= ARRAY_SIZE(g->commands))
		return NULL;
	return g->commands[i].names || !*ret ? g->commands[i].names : (*ret)->names;
}

bool group_name_is(const char *names, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = names; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (strncmp(p, word, len) == 0 && (p[len] == '|' || !p[len]))
			return true;
	return false;
}
