/*
 * Commands are data too: a row says how it is called, what it takes, and which function does it.
 * One file under cmd/ holds one command: its struct of options, its rows, its function.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "base/err.h"
#include "base/str.h"
#include "cmd/opt.h"
#include "runtime/idmap.h"
#include "storage/store.h"

/* Exit statuses of our own; a container's own pass through. */
enum {
	EXIT_NOT_THERE = 1,   /* rm, rmi: no such thing */
	EXIT_IN_USE = 2,      /* rm, rmi: it runs, or is used */
	EXIT_TIFFIN = 125,    /* whatever else went wrong on our side */
};

/* What the global options say, and what was opened on their account. */
struct tiffin {
	char *root;   /* --root; NULL: the default */
	char *driver; /* --storage-driver; NULL: probed */
	char *const *argv; /* the command line, NULL last, until tiffin_set_title overwrites it */
	char *title; /* the command line as ps(1) shows it, to be overwritten */
	size_t title_size;
	struct id_map ids;
	struct store store;
};

/*
 * Opens the store and finds out about the caller's IDs; single: --userns=single. Says once in a
 * store's life, on stderr, where there are no subordinate IDs.
 */
int tiffin_open(struct tiffin *t, bool single, struct err *err);

/*
 * Containers have one ID from now on, or all that there are: as one was made that exists already.
 */
void tiffin_set_ids(struct tiffin *t, bool single);

/*
 * What ps(1) shows of us from now on. A monitor's is not the command line it was forked from, which
 * may hold secrets (-e), and is not to be mistaken for the client.
 */
void tiffin_set_title(struct tiffin *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

struct command {
	const char *names;    /* "ps", or with other spellings: "ls|list|ps" */
	const char *operands; /* "[OPTIONS] IMAGE [COMMAND [ARG…]]" */
	const char *summary;
	const struct opt *opts;
	size_t size; /* of the struct of options */
	bool stop_at_operand;
	size_t min_operands, max_operands;
	/* The exit status, or -1 and an error to print. */
	int (*run)(struct tiffin *t, void *options, const struct strv *operands, struct err *err);
	void (*init)(void *options); /* sets defaults other than 0; may be NULL */
	void (*done)(void *options); /* frees what the options hold; may be NULL */
};

extern const struct command
	command_attach,
	command_cleanup,
	command_commit,
	command_completion,
	command_container_diff,
	command_container_exists,
	command_container_inspect,
	command_container_prune,
	command_cp,
	command_create,
	command_doctor,
	command_diff,
	command_events,
	command_exec,
	command_export,
	command_generate,
	command_history,
	command_image_diff,
	command_image_exists,
	command_image_inspect,
	command_image_prune,
	command_image_tree,
	command_images,
	command_import,
	command_info,
	command_init,
	command_inspect,
	command_kill,
	command_load,
	command_login,
	command_logout,
	command_logs,
	command_mount,
	command_network_exists, command_network_inspect, command_network_ls, command_network_reload,
	command_pause,
	command_port,
	command_ps,
	command_pull,
	command_push,
	command_rename,
	command_restart,
	command_rm,
	command_rmi,
	command_run,
	command_save, command_search,
	command_start,
	command_stop,
	command_system_check,
	command_system_df,
	command_system_prune,
	command_system_reset,
	command_tag,
	command_top,
	command_unmount,
	command_unpause,
	command_unshare,
	command_untag,
	command_version,
	command_volume_create, command_volume_exists, command_volume_export, command_volume_import,
	command_volume_inspect, command_volume_ls, command_volume_mount, command_volume_prune,
	command_volume_rm, command_volume_unmount,
	command_wait;

/* Prints "Error: …" and the hint, each on one line, on stderr. */
void report(const struct err *err);
/*
 * The same for one thing of several; returns the worse of code and the status that this error has.
 */
int report_item(const struct err *err, int code);
/* What is no error: "Warning: …", and the hint. */
void report_warning(const struct err *err);
/* One line on stderr that is no error. */
void warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
