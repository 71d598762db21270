/*
 * The user's configuration of registries: containers-registries.conf(5), version 2 of it, and
 * containers-registries.conf.d(5). Version 1 is refused, as podman does.
 *
 * The main file is the first that is there of
 *	$CONTAINERS_REGISTRIES_CONF (which has to be there)
 *	$XDG_CONFIG_HOME/containers/registries.conf (~/.config)
 *	/etc/containers/registries.conf
 *	/usr/share/containers/registries.conf
 * What the files in their .conf.d say is laid over it, each directory by name: /usr/share, /etc,
 * the user's. Where the user has a main file, the system's directories are left out.
 *
 * A file that is there but can't be made sense of is an error that names it. In tiffin only.
 */
#ifndef IMAGE_REGISTRIES_CONF_H
#define IMAGE_REGISTRIES_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum mirror_use {
	MIRROR_ALWAYS,
	MIRROR_BY_DIGEST,
	MIRROR_BY_TAG,
};

struct mirror {
	char *location;
	bool insecure;
	enum mirror_use use;
};

/* A [[registry]]. */
struct registry_rule {
	char *prefix;	/* "docker.io", "quay.io/team", "*.example.com" */
	char *location; /* in place of the prefix; NULL: the name stays as it is */
	bool insecure, blocked;
	struct mirror *mirrors;
	size_t n;
	char *file; /* that says so */
};

enum short_name_mode {
	SHORT_NAMES_UNSET,
	SHORT_NAMES_PERMISSIVE,
	SHORT_NAMES_ENFORCING,
	SHORT_NAMES_DISABLED,
};

struct registries_conf {
	struct registry_rule *rules;
	size_t n;
	struct strv search; /* unqualified-search-registries */
	bool has_search;
	enum short_name_mode mode;
	json_t *aliases;	 /* name: reference; NULL: there are none */
	struct strv helpers;	 /* credential-helpers */
	bool has_helpers;
};

void registries_conf_done(struct registries_conf *c);

/* One file's text, of any bytes. file: its name, for messages. ERR_CORRUPT. */
int registries_conf_parse(const char *data, size_t len, const char *file,
			  struct registries_conf *ret, struct err *err);
/* Lays one over another, which is emptied: what it says counts. */
void registries_conf_merge(struct registries_conf *into, struct registries_conf *from);

/* The files' together. Where there are none, it is empty. */
int registries_conf_load(struct registries_conf *ret, struct err *err);

#endif
