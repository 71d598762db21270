#include "cmd/access.h"

#include <stdlib.h>

#include "image/auth_file.h"

void access_options_done(struct access_options *o)
{
	free(o->tls_verify);
	if (o->creds)
		explicit_bzero(o->creds, strlen(o->creds));
	free(o->creds);
	free(o->authfile);
	free(o->cert_dir);
}

static int find_credentials(const struct access_options *o, const struct source *s,
			    struct credentials *ret, struct err *err)
{
	if (o->creds)
		return credentials_parse(o->creds, ret, err) < 0 ? err_wrap(err, "--creds") : 0;
	return auth_file_find(o->authfile, s->registry, s->repository, ret, err);
}

static int set_trust(const struct access_options *o, struct source *s, struct err *err)
{
	if (o->tls_verify && !streq(o->tls_verify, "true") && !streq(o->tls_verify, "false"))
		return err_set(err, ERR_USAGE, "--tls-verify: '%s' is not a boolean", o->tls_verify);
	s->insecure = o->tls_verify && streq(o->tls_verify, "false");
	return certificates_find(o->cert_dir, s->registry, &s->certificates, err);
}

int access_add_source(const struct access_options *o, const char *registry, const char *repository,
		      struct source_list *list, struct err *err)
{
	struct source *s = source_list_add(list, registry, repository);

	return set_trust(o, s, err) < 0 ? -1 : find_credentials(o, s, &s->credentials, err);
}

int access_add_registry(const struct access_options *o, const char *registry,
			const struct credentials *credentials, struct source_list *list,
			struct err *err)
{
	struct source *s = source_list_add(list, registry, NULL);

	credentials_copy(credentials, &s->credentials);
	return set_trust(o, s, err);
}
