/*
 * Access to registries: what the options of a command, and the user's files, say about it.
 */
#ifndef CMD_ACCESS_H
#define CMD_ACCESS_H

#include "base/err.h"
#include "cmd/opt.h"
#include "image/reference.h"
#include "image/source.h"

struct access_options {
	char *tls_verify; /* "true", "false", or NULL: what the configuration says */
	char *creds;	  /* "USER:PASSWORD"; NULL: what the user's files have */
	char *authfile;	  /* the file to look in; NULL: the usual ones */
	char *cert_dir;	  /* where certificates are; NULL: the usual places */
};
void access_options_done(struct access_options *o);

#define ACCESS_CERT_DIR(type, member)                                                             \
	{ 0, "cert-dir", "DIR", "certificates: *.crt to trust, *.cert and *.key to show",          \
	  set_string, FIELD(type, member) + FIELD(access_options, cert_dir) }
#define ACCESS_TLS_VERIFY(type, member)                                                           \
	{ 0, "tls-verify", "BOOL", "false: plain HTTP and any certificate will do", set_string,    \
	  FIELD(type, member) + FIELD(access_options, tls_verify) }
/* The rows of a command that has them all, in its struct's member. */
#define ACCESS_ROWS(type, member)                                                                  \
	{ 0, "creds", "USER:PASSWORD", "log in with these, for this once", set_string,             \
	  FIELD(type, member) + FIELD(access_options, creds) },                                    \
	{ 0, "authfile", "FILE", "look for credentials there, and nowhere else", set_string,       \
	  FIELD(type, member) + FIELD(access_options, authfile) },                                 \
	ACCESS_CERT_DIR(type, member), ACCESS_TLS_VERIFY(type, member)

/*
 * Appends the sources that an image can be pulled from, in order: mirrors, then its registry.
 * Errors: USAGE, DENIED where the configuration forbids it, and those of the files.
 */
int access_find_sources(const struct access_options *o, const struct reference *ref,
			struct source_list *list, struct err *err);
/* Appends a repository, or NULL, in a registry as the one source: not mirrored, and not moved. */
int access_add_source(const struct access_options *o, const char *registry, const char *repository,
		      struct source_list *list, struct err *err);
/* The same for a registry as a whole, with these credentials and no others. */
int access_add_registry(const struct access_options *o, const char *registry,
			const struct credentials *credentials, struct source_list *list,
			struct err *err);

#endif
