/*
 * Published ports, as text: what -p and --expose take, and what ps, port and records make of it. What
 * is bound is bound for real, to free ports of the loopback.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cmd/port_option.h"
#include "tests/unit/test.h"

/* One -p as "ADDRESS HOST-HOST>CONTAINER/PROTOCOL", several ports with blanks between; or the error. */
static const char *published(const char *text)
{
	static char out[1024];
	CLEAN(port_list_done) struct port_list list = { 0 };
	struct err err = { .text = "" };
	size_t n = 0;

	out[0] = '\0';
	if (port_option_publish(&list, text, &err) < 0) {
		snprintf(out, sizeof(out), "%s", err.text);
		return out;
	}
	for (size_t i = 0; i < list.n && n < sizeof(out); i++) {
		const struct network_port *p = &list.v[i];

		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s %u-%u>%u/%s", i ? " " : "",
				      p->address, p->host, p->host_last, p->container,
				      p->udp ? "udp" : "tcp");
	}
	return out;
}

TEST(publish_binds_the_loopback_unless_an_address_is_given)
{
	CHECK_STR(published("8080:80"), "127.0.0.1 8080-8080>80/tcp");
	CHECK_STR(published("0.0.0.0:8080:80"), "0.0.0.0 8080-8080>80/tcp");
	CHECK_STR(published("192.0.2.1:8080:80/udp"), "192.0.2.1 8080-8080>80/udp");
	CHECK_STR(published("[::1]:8080:80"), "::1 8080-8080>80/tcp");
	CHECK_STR(published("[::]:8080:80/UDP"), ":: 8080-8080>80/udp");
}

TEST(publish_without_a_port_of_the_host_takes_a_free_one)
{
	CHECK_STR(published("80"), "127.0.0.1 0-0>80/tcp");
	CHECK_STR(published(":80"), "127.0.0.1 0-0>80/tcp");
	CHECK_STR(published("0:80"), "127.0.0.1 0-0>80/tcp");
	CHECK_STR(published("127.0.0.2::80"), "127.0.0.2 0-0>80/tcp");
	CHECK_STR(published("[::1]::80"), "::1 0-0>80/tcp");
}

TEST(publish_takes_ranges)
{
	CHECK_STR(published("80-81"), "127.0.0.1 0-0>80/tcp 127.0.0.1 0-0>81/tcp");
	CHECK_STR(published("8000-8001:80-81/udp"),
		  "127.0.0.1 8000-8000>80/udp 127.0.0.1 8001-8001>81/udp");
	CHECK_STR(published("8000-8010:80"), "127.0.0.1 8000-8010>80/tcp");
	CHECK_STR(published("8000-8001:80-82"),
		  "--publish 8000-8001:80-82: invalid ranges specified for container and host ports: "
		  "80-82 and 8000-8001");
	CHECK(strstr(published("1-9000"), "more than"));
}

TEST(publish_says_what_is_wrong)
{
	CHECK_STR(published(""), "--publish : invalid containerPort: ''");
	CHECK_STR(published("80:"), "--publish 80:: invalid containerPort: ''");
	CHECK_STR(published("0"), "--publish 0: invalid containerPort: '0'");
	CHECK_STR(published("65536"), "--publish 65536: invalid containerPort: '65536'");
	CHECK_STR(published("8080:http"), "--publish 8080:http: invalid containerPort: 'http'");
	CHECK_STR(published("82-80"), "--publish 82-80: invalid containerPort: '82-80'");
	CHECK_STR(published("80 "), "--publish 80 : invalid containerPort: '80 '");
	CHECK_STR(published("+80"), "--publish +80: invalid containerPort: '+80'");
	CHECK_STR(published("127.0.0.1:80"), "--publish 127.0.0.1:80: invalid hostPort: '127.0.0.1'");
	CHECK_STR(published("99999:80"), "--publish 99999:80: invalid hostPort: '99999'");
	CHECK_STR(published("localhost:8080:80"),
		  "--publish localhost:8080:80: invalid IP address: 'localhost'");
	CHECK_STR(published("::1:8080:80"), "--publish ::1:8080:80: invalid IP address: '::1'");
	CHECK_STR(published("[127.0.0.1]:8080:80"),
		  "--publish [127.0.0.1]:8080:80: invalid IP address: '127.0.0.1'");
	CHECK_STR(published("[:8080:80"), "--publish [:8080:80: invalid IP address: '['");
	CHECK_STR(published("80/icmp"), "--publish 80/icmp: invalid proto: 'icmp'");
	CHECK_STR(published("80/"), "--publish 80/: invalid proto: ''");
	CHECK(strstr(published("80/sctp"), "not sctp"));
}

static char *described(const char *const *publish, const char *const *expose, bool all)
{
	CLEAN(port_list_done) struct port_list list = { 0 };
	CLEAN(strv_done) struct strv p = { 0 };
	CLEAN(strv_done) struct strv e = { 0 };
	struct err err = { .text = "" };
	const struct strv none = { 0 };

	for (; *publish; publish++)
		strv_add(&p, *publish);
	for (; *expose; expose++)
		strv_add(&e, *expose);
	if (port_options(&p, &none, &e, all, &list, &err) < 0)
		return xstrdup(err.text);
	return port_list_describe(&list);
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOTHING	  ((const char *const[]){ NULL })
#define CHECK_DESCRIBED(publish, expose, all, want)                                               \
	do {                                                                                      \
		CLEAN(clean_free) char *got = described(publish, expose, all);                    \
		CHECK_STR(got, want);                                                             \
	} while (0)

TEST(ports_read_as_docker_prints_them)
{
	CHECK_DESCRIBED(NOTHING, NOTHING, false, "");
	CHECK_DESCRIBED(LIST("8080:80"), NOTHING, false, "127.0.0.1:8080->80/tcp");
	CHECK_DESCRIBED(LIST("[::1]:8080:80/udp"), NOTHING, false, "[::1]:8080->80/udp");
	CHECK_DESCRIBED(LIST("80-82:80-82"), NOTHING, false, "127.0.0.1:80-82->80-82/tcp");
	CHECK_DESCRIBED(LIST("8000-8001:80-81"), NOTHING, false,
			"127.0.0.1:8000->80/tcp, 127.0.0.1:8001->81/tcp");
	CHECK_DESCRIBED(NOTHING, LIST("80", "443", "81", "53/udp"), false, "80-81/tcp, 53/udp, 443/tcp");
	CHECK_DESCRIBED(LIST("8080:90", "80:80"), LIST("443"), false,
			"127.0.0.1:80->80/tcp, 443/tcp, 127.0.0.1:8080->90/tcp");
}

TEST(ports_that_are_published_are_not_said_to_be_exposed_as_well)
{
	CHECK_DESCRIBED(LIST("8080:80"), LIST("80/tcp", "80/udp"), false,
			"80/udp, 127.0.0.1:8080->80/tcp");
	CHECK_DESCRIBED(NOTHING, LIST("80", "80/tcp", "80"), false, "80/tcp");
	CHECK_DESCRIBED(LIST("8080:80"), LIST("80", "81"), true,
			"127.0.0.1:8080->80/tcp, 127.0.0.1:0->81/tcp");
}

TEST(ports_of_an_image_that_make_no_sense_are_passed_over)
{
	CHECK_DESCRIBED(NOTHING, LIST("", "80/sctp", "x", "0", "99999", "1-65535", "80"), true,
			"127.0.0.1:0->80/tcp");
}

TEST(ports_survive_a_record)
{
	CLEAN(port_list_done) struct port_list list = { 0 };
	CLEAN(port_list_done) struct port_list back = { 0 };
	CLEAN(clean_json) json_t *j = NULL;
	struct err err;

	CHECK(port_option_publish(&list, "[::1]:8000-8010:80/udp", &err) == 0);
	CHECK(port_option_expose(&list, "443", &err) == 0);
	j = port_list_to_json(&list);
	json_array_append_new(j, json_string("junk"));
	json_array_append_new(j, json_pack("{s:i}", "container", 99999));
	json_array_append_new(j, json_pack("{s:i, s:s}", "container", 1, "address", "nowhere"));
	port_list_from_json(j, &back);
	CHECK(back.n == 2);
	CHECK(back.v[0].udp && back.v[0].container == 80 && back.v[0].host == 8000 &&
	      back.v[0].host_last == 8010);
	CHECK_STR(back.v[0].address, "::1");
	CHECK(!port_published(&back.v[1]) && back.v[1].container == 443 && back.v[1].sock == -1);
}

TEST(binding_takes_all_ports_or_none)
{
	CLEAN(port_list_done) struct port_list one = { 0 };
	CLEAN(port_list_done) struct port_list two = { 0 };
	CLEAN(clean_free) char *taken = NULL;
	struct err err = { .text = "" };

	CHECK(port_option_publish(&one, "80", &err) == 0);
	CHECK(port_option_publish(&one, "53/udp", &err) == 0);
	CHECK(port_list_bind(&one, &err) == 0);
	CHECK(one.v[0].host != 0 && one.v[1].host != 0);
	taken = xasprintf("%u:80", one.v[0].host);
	CHECK(port_option_publish(&two, "81", &err) == 0);
	CHECK(port_option_publish(&two, taken, &err) == 0);
	CHECK(port_list_bind(&two, &err) < 0);
	CHECK(err.kind == ERR_BUSY && strstr(err.text, "address already in use"));
	CHECK(two.v[0].sock == -1 && two.v[1].sock == -1);
}

TEST(binding_takes_the_first_of_a_range_that_is_free)
{
	CLEAN(port_list_done) struct port_list one = { 0 };
	CLEAN(port_list_done) struct port_list two = { 0 };
	CLEAN(clean_free) char *range = NULL;
	struct err err = { .text = "" };

	/* A port whose next is free as well, found by trying. */
	for (int i = 0; i < 50 && two.n == 0; i++) {
		port_list_done(&one);
		CHECK(port_option_publish(&one, "80/udp", &err) == 0);
		CHECK(port_list_bind(&one, &err) == 0);
		free(ptr_take(&range));
		range = xasprintf("%u-%u:80/udp", one.v[0].host, one.v[0].host + 1u);
		if (port_option_publish(&two, range, &err) == 0 && port_list_bind(&two, NULL) < 0)
			port_list_done(&two);
	}
	CHECK(two.n == 1 && two.v[0].host == one.v[0].host + 1);
}

TEST(binding_an_address_of_another_machine_is_an_error_that_says_so)
{
	CLEAN(port_list_done) struct port_list list = { 0 };
	struct err err = { .text = "" };

	CHECK(port_option_publish(&list, "192.0.2.1:8080:80", &err) == 0);
	CHECK(port_list_bind(&list, &err) < 0);
	CHECK(err.kind == ERR_USAGE);
	CHECK(strstr(err.text, "192.0.2.1:8080/tcp"));
}

int main(void)
{
	RUN(publish_binds_the_loopback_unless_an_address_is_given);
	RUN(publish_without_a_port_of_the_host_takes_a_free_one);
	RUN(publish_takes_ranges);
	RUN(publish_says_what_is_wrong);
	RUN(ports_read_as_docker_prints_them);
	RUN(ports_that_are_published_are_not_said_to_be_exposed_as_well);
	RUN(ports_of_an_image_that_make_no_sense_are_passed_over);
	RUN(ports_survive_a_record);
	RUN(binding_takes_all_ports_or_none);
	RUN(binding_takes_the_first_of_a_range_that_is_free);
	RUN(binding_an_address_of_another_machine_is_an_error_that_says_so);
	return test_summary();
}
