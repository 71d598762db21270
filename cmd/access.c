#include "cmd/access.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "image/auth_file.h"
#include "image/credential_helper.h"
#include "image/endpoint.h"

/* The name that credential-helpers has for the files of containers-auth.json(5). */
#define AUTH_FILES "containers-auth.json"

void access_options_done(struct access_options *o)
{
	free(o->tls_verify);
	if (o->creds)
		explicit_bzero(o->creds, strlen(o->creds));
	free(o->creds);
	free(o->authfile);
	free(o->cert_dir);
}

/* Of the places that the configuration names, the first that has some. */
static int find_credentials(const struct access_options *o, const struct registries_conf *conf,
			    struct source *s, struct err *err)
{
	struct credentials *ret = &s->credentials;
	bool found = false;

	if (!conf->helpers.n)
		return auth_file_find(o->authfile, s->registry, s->repository, ret, err);
	for (size_t i = 0; i < conf->helpers.n && !credentials_are_set(ret); i++) {
		const char *helper = conf->helpers.v[i];
		int result;

		if (streq(helper, AUTH_FILES))
			result = auth_file_find(o->authfile, s->registry, s->repository, ret, err);
		else
			result = credential_helper_get(helper, s->registry, ret, &found, err);
		if (result < 0)
			return -1;
	}
	return 0;
}

/* What --tls-verify says comes before what the configuration does. */
static int set_trust(const struct access_options *o, struct source *s, bool insecure,
		     struct err *err)
{
	if (o->tls_verify && !streq(o->tls_verify, "true") && !streq(o->tls_verify, "false"))
		return err_set(err, ERR_USAGE, "--tls-verify: '%s' is not a boolean",
			       o->tls_verify);
	s->insecure = o->tls_verify ? streq(o->tls_verify, "false") : insecure;
	return certificates_find(o->cert_dir, s->registry, &s->certificates, err);
}

/* creds: --creds, where they are for this one. */
static int add(const struct access_options *o, const struct registries_conf *conf,
	       const struct endpoint *e, const char *creds, struct source_list *list,
	       struct err *err)
{
	struct source *s = source_list_add(list, e->at.registry, e->at.repository);
	bool insecure = false;

	if (endpoint_check(conf, s->registry, s->repository, &insecure, err) < 0 ||
	    set_trust(o, s, insecure || e->insecure, err) < 0)
		return -1;
	if (creds)
		return credentials_parse(creds, &s->credentials, err) < 0 ?
			       err_wrap(err, "--creds") :
			       0;
	return find_credentials(o, conf, s, err);
}

int access_find_sources(const struct access_options *o, const struct reference *ref,
			struct source_list *list, struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf conf = { 0 };
	struct endpoint *places = NULL;
	size_t n = 0;
	int result = 0;

	if (registries_conf_load(&conf, err) < 0 ||
	    endpoints_find(&conf, ref, &places, &n, err) < 0)
		return -1;
	/* A password given for one registry is not for its mirrors elsewhere. */
	for (size_t i = 0; result == 0 && i < n; i++)
		result = add(o, &conf, &places[i],
			     streq(places[i].at.registry, ref->registry) ? o->creds : NULL, list,
			     err);
	endpoint_list_done(places, n);
	return result;
}

int access_add_source(const struct access_options *o, const char *registry, const char *repository,
		      struct source_list *list, struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf conf = { 0 };
	const struct endpoint at = {
		.at = { .registry = (char *)registry, .repository = (char *)repository },
	};

	return registries_conf_load(&conf, err) < 0 ? -1 : add(o, &conf, &at, o->creds, list, err);
}

int access_add_registry(const struct access_options *o, const char *registry,
			const struct credentials *credentials, struct source_list *list,
			struct err *err)
{
	CLEAN(registries_conf_done) struct registries_conf conf = { 0 };
	struct source *s = source_list_add(list, registry, NULL);
	bool insecure = false;

	credentials_copy(credentials, &s->credentials);
	if (registries_conf_load(&conf, err) < 0 ||
	    endpoint_check(&conf, registry, NULL, &insecure, err) < 0)
		return -1;
	return set_trust(o, s, insecure, err);
}
