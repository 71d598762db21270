#include "cmd/port_option.h"

#include <stdlib.h>
#include <strings.h>

#include "base/cleanup.h"

/* A container with more is one that publishes ranges by mistake. */
#define PORTS_MAX 8192

struct range {
	unsigned int first, last; /* 0: none given */
};

static unsigned int count(const struct range *r)
{
	return r->last - r->first + 1;
}

static bool parse_number(const char **text, unsigned int *ret)
{
	size_t digits = strspn(*text, "0123456789");

	if (digits < 1 || digits > 5)
		return false;
	*ret = (unsigned int)strtoul(*text, NULL, 10);
	*text += digits;
	return *ret <= UINT16_MAX;
}

/* "80", "80-82". */
static bool parse_range(const char *text, struct range *ret)
{
	struct range r;

	if (!parse_number(&text, &r.first))
		return false;
	r.last = r.first;
	if (*text == '-' && (text++, !parse_number(&text, &r.last)))
		return false;
	if (*text || r.last < r.first)
		return false;
	*ret = r;
	return true;
}

/* Cuts "/udp" off the end. */
static int parse_protocol(char *text, bool *ret_udp, struct err *err)
{
	char *slash = strrchr(text, '/');

	*ret_udp = slash && strcasecmp(slash, "/udp") == 0;
	if (slash && strcasecmp(slash, "/sctp") == 0)
		return err_set(err, ERR_UNSUPPORTED,
			       "this version publishes tcp and udp, not sctp");
	if (slash && !*ret_udp && strcasecmp(slash, "/tcp") != 0)
		return err_set(err, ERR_USAGE, "invalid proto: '%s'", slash + 1);
	if (slash)
		*slash = '\0';
	return 0;
}

/* Cuts what is behind the last colon off, and the colon; all of it where there is none. */
static char *cut_last(char *text)
{
	char *colon = strrchr(text, ':');

	if (!colon)
		return text;
	*colon = '\0';
	return colon + 1;
}

/* "127.0.0.1", "[::1]". */
static int parse_address(char *text, char ret[NETWORK_TEXT_MAX], struct err *err)
{
	size_t len = strlen(text);
	bool brackets = text[0] == '[' && text[len - 1] == ']';

	if (brackets) {
		text[len - 1] = '\0';
		text++;
	}
	if (!network_address_valid(text) || brackets != (strchr(text, ':') != NULL))
		return err_set(err, ERR_USAGE, "invalid IP address: '%s'", text);
	memcpy(ret, text, strlen(text) + 1);
	return 0;
}

static int add_range(struct port_list *list, struct network_port p, const struct range *container,
		     const struct range *host, struct err *err)
{
	/* Several for one: the first of them that is free. */
	bool any_of = host->first && count(container) == 1;

	if (host->first && !any_of && count(host) != count(container))
		return err_set(err, ERR_USAGE,
			       "invalid ranges specified for container and host ports: "
			       "%u-%u and %u-%u",
			       container->first, container->last, host->first, host->last);
	if (list->n + count(container) > PORTS_MAX)
		return err_set(err, ERR_USAGE, "more than %d ports", PORTS_MAX);
	for (unsigned int i = 0; i < count(container); i++) {
		p.container = (uint16_t)(container->first + i);
		p.host = (uint16_t)(host->first ? host->first + i : 0);
		p.host_last = any_of ? (uint16_t)host->last : p.host;
		port_list_add(list, p);
	}
	return 0;
}

static int publish(struct port_list *list, char *text, struct err *err)
{
	struct network_port p = { .address = PORT_ADDRESS_DEFAULT };
	struct range container, host = { 0 };
	char *container_text, *host_text;

	if (parse_protocol(text, &p.udp, err) < 0)
		return -1;
	container_text = cut_last(text);
	if (!parse_range(container_text, &container) || !container.first)
		return err_set(err, ERR_USAGE, "invalid containerPort: '%s'", container_text);
	if (container_text == text)
		return add_range(list, p, &container, &host, err);
	host_text = cut_last(text);
	if (*host_text && !parse_range(host_text, &host))
		return err_set(err, ERR_USAGE, "invalid hostPort: '%s'", host_text);
	if (host_text != text && *text && parse_address(text, p.address, err) < 0)
		return -1;
	return add_range(list, p, &container, &host, err);
}

int port_option_publish(struct port_list *list, const char *text, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);

	return publish(list, copy, err) < 0 ? err_wrap(err, "--publish %s", text) : 0;
}

int port_option_expose(struct port_list *list, const char *text, struct err *err)
{
	CLEAN(clean_free) char *copy = xstrdup(text);
	struct network_port p = { .address = "" };
	struct range container, none = { 0 };

	if (parse_protocol(copy, &p.udp, err) < 0)
		return err_wrap(err, "--expose %s", text);
	if (!parse_range(copy, &container) || !container.first)
		return err_set(err, ERR_USAGE, "--expose %s: invalid range format", text);
	return add_range(list, p, &container, &none, err);
}

static bool has(const struct port_list *list, const struct network_port *p)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].container == p->container && list->v[i].udp == p->udp)
			return true;
	return false;
}

int port_options(const struct strv *publish_texts, const struct strv *expose,
		 const struct strv *image_exposed, bool all, struct port_list *ret,
		 struct err *err)
{
	CLEAN(port_list_done) struct port_list list = { 0 };
	CLEAN(port_list_done) struct port_list exposed = { 0 };

	for (size_t i = 0; i < publish_texts->n; i++)
		if (port_option_publish(&list, publish_texts->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < expose->n; i++)
		if (port_option_expose(&exposed, expose->v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < image_exposed->n; i++)
		port_option_expose(&exposed, image_exposed->v[i], NULL);
	for (size_t i = 0; i < exposed.n; i++) {
		if (has(&list, &exposed.v[i]))
			continue;
		if (all)
			memcpy(exposed.v[i].address, PORT_ADDRESS_DEFAULT,
			       sizeof(PORT_ADDRESS_DEFAULT));
		port_list_add(&list, exposed.v[i]);
	}
	*ret = list;
	list = (struct port_list){ 0 };
	return 0;
}
