#include "image/auth.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "image/base64.h"
#include "image/challenge.h"
#include "image/http.h"
#include "image/origin.h"

#define CLIENT	     "tiffin"
#define ANSWER_MAX   (1u << 20)
#define TOKEN_MAX    (32u << 10) /* what servers take as a header */

struct auth {
	struct auth_options options;
	char *registry;
	char *scope;
	struct origin origin;
	struct certificates trusted; /* of the registry's: the authorities, borrowed */
	pthread_mutex_t mutex; /* guards what follows, and is held while a token is fetched */
	char *header;
	unsigned int turn; /* counts the headers */
	bool withheld;
};

struct auth *auth_new(const struct auth_options *options)
{
	struct auth *a = xcalloc(1, sizeof(*a));

	a->options = *options;
	if (options->certificates)
		a->trusted.authorities = options->certificates->authorities;
	a->registry = xstrdup(options->registry);
	a->scope = xstrdup(options->scope);
	/* It was put together by us, of a reference that was checked. */
	if (origin_parse(options->url, &a->origin) < 0)
		a->origin = (struct origin){ .host = xstrdup("") };
	pthread_mutex_init(&a->mutex, NULL);
	return a;
}

static void forget(struct auth *a)
{
	if (a->header)
		explicit_bzero(a->header, strlen(a->header));
	free(ptr_take(&a->header));
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	forget(a);
	origin_done(&a->origin);
	pthread_mutex_destroy(&a->mutex);
	free(a->registry);
	free(a->scope);
	free(a);
}

char *auth_header(struct auth *a, unsigned int *ret_turn)
{
	char *header;

	pthread_mutex_lock(&a->mutex);
	header = xstrdup(a->header);
	*ret_turn = a->turn;
	pthread_mutex_unlock(&a->mutex);
	return header;
}

static const struct credentials *credentials_of(const struct auth *a)
{
	const struct credentials *c = a->options.credentials;

	return c && credentials_are_set(c) ? c : NULL;
}

static void add_field(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->len)
		buf_adds(b, "&");
	buf_addf(b, "%s=", name);
	http_add_encoded(b, value);
}

/* A form has one scope, with blanks in it (RFC 6749, 3.3); a query one for each. */
static void add_scopes(struct buf *b, const char *scope)
{
	for (size_t len; scope && *scope; scope += len + (scope[len] == ' ')) {
		CLEAN(clean_free) char *one = NULL;

		len = strcspn(scope, " ");
		one = xstrndup(scope, len);
		add_field(b, "scope", one);
	}
}

static char *basic_header(const struct credentials *c)
{
	CLEAN(clean_free) char *pair = xasprintf("%s:%s", c->username, c->password);
	CLEAN(clean_free) char *encoded = base64_encode(pair, strlen(pair));
	char *header = xasprintf("Basic %s", encoded);

	explicit_bzero(pair, strlen(pair));
	explicit_bzero(encoded, strlen(encoded));
	return header;
}

/* A token is put into a header: nothing but visible ASCII is one. */
static bool token_valid(const char *token)
{
	const size_t len = token ? strlen(token) : 0;

	if (len == 0 || len > TOKEN_MAX)
		return false;
	for (const char *p = token; *p; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return true;
}

/* {"token": …} of distribution, {"access_token": …} of OAuth2. */
static int read_token(struct auth *a, const struct http_response *r, struct err *err)
{
	CLEAN(clean_json) json_t *j = NULL;
	const char *token;

	if (js_parse(buf_str(&r->body), r->body.len, &j, NULL) < 0)
		return err_set(err, ERR_CORRUPT, "registry '%.120s': its token server's answer is "
						 "not JSON", a->registry);
	token = js_str(j, "token") ?: js_str(j, "access_token");
	if (!token_valid(token))
		return err_set(err, ERR_CORRUPT, "registry '%.120s': its token server's answer has "
						 "no valid token", a->registry);
	forget(a);
	a->header = xasprintf("Bearer %s", token);
	return 0;
}

static int refused(struct auth *a, const struct http_response *r, bool shown, struct err *err)
{
	const bool server = r->status >= 500 || r->status == 429;

	if (r->status != 400 && r->status != 401 && r->status != 403)
		return err_set(err, server ? ERR_NETWORK : ERR_CORRUPT,
			       "registry '%.120s': unable to retrieve auth token: status %ld",
			       a->registry, r->status);
	err_set(err, ERR_DENIED, "registry '%.120s': unable to retrieve auth token: %s",
		a->registry, shown ? "invalid username/password" : "authentication required");
	return shown ? -1 : auth_hint(a, err);
}

/* The request for a token: by GET, or, with an identity token, by a form of OAuth2. */
static int ask_realm(struct auth *a, struct http *h, const struct challenge *c,
		     const struct credentials *shown, struct http_response *ret, struct err *err)
{
	CLEAN(clean_free) char *header = NULL;
	CLEAN(clean_free) char *url = NULL;
	CLEAN(buf_done) struct buf fields = { 0 };
	struct http_request req = { .url = c->realm, .max_body = ANSWER_MAX };
	int result;

	add_field(&fields, "service", c->service);
	if (shown && shown->identity_token) {
		add_field(&fields, "scope", a->scope);
		add_field(&fields, "client_id", CLIENT);
		add_field(&fields, "grant_type", "refresh_token");
		add_field(&fields, "refresh_token", shown->identity_token);
		req.form = buf_str(&fields);
	} else {
		add_scopes(&fields, a->scope);
		if (shown)
			add_field(&fields, "account", shown->username);
		url = xasprintf("%s%s%s", c->realm, strchr(c->realm, '?') ? "&" : "?",
				buf_str(&fields));
		req.url = url;
		req.authorization = header = shown ? basic_header(shown) : NULL;
	}
	result = http_get(h, &req, ret, err);
	if (header)
		explicit_bzero(header, strlen(header));
	if (fields.data)
		explicit_bzero(fields.data, fields.len);
	return result;
}

static int fetch_token(struct auth *a, const struct challenge *c, struct err *err)
{
	const struct credentials *shown = credentials_of(a);
	CLEAN(origin_done) struct origin realm = { 0 };
	CLEAN(clean_http) struct http *h = NULL;
	CLEAN(http_response_done) struct http_response r = { 0 };
	bool same;

	if (origin_parse(c->realm, &realm) < 0)
		return err_set(err, ERR_CORRUPT, "registry '%.120s': the realm that it names is no "
						 "address of a token server", a->registry);
	/* Plain HTTP: as the registry itself does, and where it may. */
	if (!realm.tls && (a->origin.tls || !(origin_is_loopback(&realm) || !a->options.verify)))
		return err_set(err, ERR_DENIED, "registry '%.120s': its token server '%.120s' does "
						"without TLS: refused", a->registry, realm.host);
	if (shown && !origin_may_have(&realm, &a->origin)) {
		a->withheld = true;
		shown = NULL;
	}
	same = streq(realm.host, a->origin.host);
	h = http_new(&(struct http_options){
		.peer = same ? a->registry : realm.host,
		.verify = a->options.verify || !same,
		/*
		 * Its authorities vouch for its token server as well; who we are is for it alone.
		 */
		.certificates = same ? a->options.certificates : &a->trusted,
		.cancel = a->options.cancel,
	});
	if (ask_realm(a, h, c, shown, &r, err) < 0)
		return err_wrap(err, "unable to retrieve auth token");
	if (r.status != 200)
		return refused(a, &r, shown != NULL, err);
	return read_token(a, &r, err);
}

/* Basic is shown once: the second 401 means that it is wrong. */
static enum auth_result show_basic(struct auth *a)
{
	const struct credentials *c = credentials_of(a);

	if (!c || !c->username || a->header)
		return AUTH_NOTHING;
	a->header = basic_header(c);
	return AUTH_FRESH;
}

static int answer(struct auth *a, const char *text, enum auth_result *ret, struct err *err)
{
	CLEAN(challenge_done) struct challenge c = { 0 };

	if (challenge_parse(text ?: "", &c, err) < 0)
		return err_wrap(err, "registry '%.120s'", a->registry);
	if (c.bearer && c.realm) {
		if (fetch_token(a, &c, err) < 0)
			return -1;
		*ret = AUTH_FRESH;
	} else {
		*ret = c.basic ? show_basic(a) : AUTH_NOTHING;
	}
	return 0;
}

int auth_answer(struct auth *a, const char *challenge, unsigned int turn, enum auth_result *ret,
		struct err *err)
{
	enum auth_result what = AUTH_OTHER;
	int result = 0;

	pthread_mutex_lock(&a->mutex);
	if (a->turn == turn)
		result = answer(a, challenge, &what, err);
	if (result == 0 && what == AUTH_FRESH)
		a->turn++;
	pthread_mutex_unlock(&a->mutex);
	if (result == 0)
		*ret = what;
	return result;
}

bool auth_withheld(struct auth *a)
{
	bool withheld;

	pthread_mutex_lock(&a->mutex);
	withheld = a->withheld;
	pthread_mutex_unlock(&a->mutex);
	return withheld;
}

int auth_hint(struct auth *a, struct err *err)
{
	if (a->withheld)
		return err_hint(err, "its token server is on another host, to which no password is "
				     "sent");
	if (credentials_of(a))
		return err_hint(err, "the user may lack the right, or the password be an old one: "
				     "'tiffin login %.100s'", a->registry);
	return err_hint(err, "where it wants a password: 'tiffin login %.100s'", a->registry);
}
