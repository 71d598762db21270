/* base: errors, strings, JSON, processes. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/json_plain.h"
#include "base/proc.h"
#include "base/str.h"

/* --- errors --- */

TEST(err_set_returns_minus_one_and_keeps_the_text)
{
	struct err e = { 0 };

	CHECK(err_set(&e, ERR_USAGE, "no such thing: '%s'", "x") == -1);
	CHECK(e.kind == ERR_USAGE && e.sys == 0);
	CHECK_STR(e.text, "no such thing: 'x'");
}

TEST(err_sys_adds_the_text_of_errno_and_its_kind)
{
	static const struct {
		int sys;
		enum err_kind kind;
	} rows[] = {
		{ ENOENT, ERR_NOT_FOUND }, { EACCES, ERR_DENIED },   { EPERM, ERR_DENIED },
		{ ENOSPC, ERR_NO_SPACE },  { EDQUOT, ERR_NO_SPACE }, { EEXIST, ERR_EXISTS },
		{ EIO, ERR_SYSTEM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = { 0 };
		char want[300];

		errno = rows[i].sys;
		CHECK(err_sys(&e, "cannot open '%s'", "/x") == -1);
		snprintf(want, sizeof(want), "cannot open '/x': %s", strerror(rows[i].sys));
		CHECK_STR(e.text, want);
		CHECK(e.sys == rows[i].sys && e.kind == rows[i].kind);
	}
}

TEST(err_wrap_puts_context_in_front_and_keeps_the_kind)
{
	struct err e = { 0 };

	err_set(&e, ERR_BUSY, "in use");
	CHECK(err_wrap(&e, "cannot remove '%s'", "x") == -1);
	CHECK_STR(e.text, "cannot remove 'x': in use");
	CHECK(e.kind == ERR_BUSY);
}

TEST(the_first_hint_wins)
{
	struct err e = { 0 };

	CHECK(err_hint(&e, "first") == -1);
	err_hint(&e, "second");
	CHECK_STR(e.hint, "first");
}

TEST(errors_that_are_too_long_are_cut_and_terminated)
{
	struct err e = { 0 };
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	err_set(&e, ERR_USAGE, "%s", text);
	CHECK(strlen(e.text) == sizeof(e.text) - 1);
	err_wrap(&e, "%s", text);
	CHECK(strlen(e.text) < sizeof(e.text));
	err_hint(&e, "%s", text);
	CHECK(strlen(e.hint) < sizeof(e.hint));
}

TEST(a_null_error_is_allowed)
{
	errno = ENOENT;
	CHECK(err_set(NULL, ERR_USAGE, "x") == -1 && err_sys(NULL, "x") == -1 &&
	      err_wrap(NULL, "x") == -1 && err_hint(NULL, "x") == -1);
}

/* --- strings --- */

TEST(a_buffer_grows_and_stays_terminated)
{
	CLEAN(buf_done) struct buf b = { 0 };

	CHECK_STR(buf_str(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_addf(&b, "%d,", i);
	CHECK(b.len == 3890 && strlen(buf_str(&b)) == 3890);
	buf_add(&b, "a\0b", 3);
	CHECK(b.len == 3893 && b.data[3893] == '\0');
}

TEST(environment_entries_are_replaced_by_key)
{
	CLEAN(strv_done) struct strv s = { 0 };

	strv_set_env(&s, "A=1");
	strv_set_env(&s, "AB=2");
	strv_set_env(&s, "A=3=4");
	CHECK(s.n == 2 && s.v[2] == NULL);
	CHECK_STR(strv_get_env(&s, "A"), "3=4");
	CHECK_STR(strv_get_env(&s, "AB"), "2");
	CHECK(!strv_get_env(&s, "B"));
	CHECK(strv_has(&s, "AB=2") && !strv_has(&s, "AB"));
}

TEST(control_characters_are_made_visible)
{
	static const char *const rows[][2] = {
		{ "plain grün 漢字 \xf0\x9f\x8d\xb1", "plain grün 漢字 \xf0\x9f\x8d\xb1" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f" },
		{ "\xc2\x9b" "x", "\\u{9b}x" },			  /* C1: CSI */
		{ "\xe2\x80\xae", "\\u{202e}" },		  /* right-to-left override */
		{ "\xe2\x81\xa6", "\\u{2066}" },		  /* an isolate */
		{ "\xff\xfe", "\\xff\\xfe" },			  /* never UTF-8 */
		{ "\xc0\xaf", "\\xc0\\xaf" },			  /* overlong '/' */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },		  /* the same in three */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		  /* a surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },	  /* beyond U+10FFFF */
		{ "\xe2\x82", "\\xe2\\x82" },			  /* cut short */
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEAN(clean_free) char *got = str_printable(rows[i][0]);

		CHECK_STR(got, rows[i][1]);
	}
}

TEST(the_nearest_word_is_found_and_a_far_one_is_not)
{
	static const char *const names[] = { "images", "run", "rmi", "pull", NULL };

	CHECK_STR(str_nearest("imagse", names), "images");
	CHECK_STR(str_nearest("pul", names), "pull");
	CHECK(!str_nearest("something-else", names));
	CHECK(!str_nearest("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
			   names));
}

TEST(hex_is_hex)
{
	char a[65], b[65];

	random_hex(a, 32);
	random_hex(b, 32);
	CHECK(strlen(a) == 64 && is_hex(a, 64) && !streq(a, b));
	CHECK(is_hex("0123abcX", 7) && !is_hex("0123abcX", 8) && !is_hex("ABC", 1) && !is_hex("ab", 3));
}

/* --- JSON --- */

static int parse(const char *text)
{
	CLEAN(clean_json) json_t *j = NULL;

	return js_parse(text, strlen(text), &j, NULL);
}

TEST(one_json_object_is_taken_and_nothing_else)
{
	static const char *const bad[] = {
		"", "[]", "1", "null", "{", "{}x", "{} {}", "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}",
		"{\"a\":\"\xff\"}", "{'a':1}", "{\"a\":1,}", "\xef\xbb\xbf{}",
	};

	CHECK(parse("{}") == 0 && parse(" {\"a\": [1, {\"b\": null}]}\n") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (parse(bad[i]) == 0)
			printf("#   taken: %s\n", bad[i]);
		CHECK(parse(bad[i]) < 0);
	}
}

/* What the quick reader takes, it takes as jansson does; the rest it leaves. */
TEST(plain_json_is_read_as_jansson_reads_it)
{
	static const char *const plain[] = {
		"{}", "{\"a\":1}", "{\"a\":-1,\"b\":0,\"c\":-0,\"d\":9223372036854775807}",
		"{\"\":\"\",\"a b\":\"x/y:z\x7f\"}", "{\"a\":[],\"b\":{},\"c\":[1,\"2\",[3],{\"4\":null}]}",
		"{\"t\":true,\"f\":false,\"n\":null}", "{\"a\":{\"b\":{\"c\":[[[[{\"d\":1}]]]]}}}",
	};
	static const char *const left[] = {
		"", "{", "}", "{\"", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{}x", "{} ",
		" {}", "[]", "1", "null", "{\"a\":01}", "{\"a\":-}", "{\"a\":1.5}", "{\"a\":1e2}", "{\"a\":tru",
		"{\"a\":truex}", "{\"a\":\"\\n\"}", "{\"a\":\"\xc3\xa9\"}", "{\"a\":\"\t\"}", "{\"a\":1,\"a\":2}",
		"{\"a\":9223372036854775808}", "{\"a\":99999999999999999999}", "{a:1}", "{\"a\":[1,]}", "{\"a\":[1}", "{\"a\":[[[[[[[[[[[[[[[[[",
		"{\"a\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		CLEAN(clean_json) json_t *ours = json_plain(plain[i], strlen(plain[i]));
		CLEAN(clean_json) json_t *theirs = json_loads(plain[i], JSON_REJECT_DUPLICATES, NULL);

		CHECK(ours && theirs && json_equal(ours, theirs));
	}
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		/* Without its end, so that a sanitizer sees what is read beyond. */
		size_t len = strlen(left[i]);
		CLEAN(clean_free) char *copy = memcpy(xrealloc(NULL, len ?: 1), left[i], len);
		CLEAN(clean_json) json_t *ours = json_plain(copy, len);

		CHECK(!ours);
	}
	CHECK(!json_plain("{\"a\":\"\0\"}", 9));
}

TEST(deep_json_is_refused)
{
	CLEAN(buf_done) struct buf b = { 0 };

	buf_adds(&b, "{\"a\":");
	for (int i = 0; i < 100000; i++)
		buf_adds(&b, "[");
	CHECK(parse(buf_str(&b)) < 0);
}

TEST(members_of_another_type_read_as_absent)
{
	static const char text[] = "{\"s\":1,\"o\":[],\"a\":{},\"i\":\"x\",\"b\":1,\"v\":[\"x\",1,null,\"y\"]}";
	CLEAN(strv_done) struct strv v = { 0 };
	CLEAN(clean_json) json_t *j = NULL;

	CHECK(js_parse(text, strlen(text), &j, NULL) == 0);
	CHECK(!js_str(j, "s") && !js_obj(j, "o") && !js_arr(j, "a") && !js_int(j, "i") && !js_bool(j, "b"));
	CHECK(!js_str(NULL, "s") && !js_obj(NULL, "s") && !js_arr(NULL, "s"));
	js_strv(j, "v", &v);
	CHECK(v.n == 2 && streq(v.v[1], "y"));
}

TEST(what_is_set_is_read_back)
{
	CLEAN(clean_json) json_t *j = json_object(), *back = NULL;
	CLEAN(clean_free) char *text = NULL;

	js_set_str(j, "s", "text");
	js_set_str(j, "none", NULL);
	js_set_int(j, "i", 1LL << 53);
	js_set_bool(j, "b", true);
	js_set_str(j, "bytes", "\xff");
	text = js_dump(j);
	CHECK(js_parse(text, strlen(text), &back, NULL) == 0);
	CHECK_STR(js_str(back, "s"), "text");
	CHECK_STR(js_str(back, "bytes"), "\\xff");
	CHECK(js_int(back, "i") == 1LL << 53 && js_bool(back, "b") && !json_object_get(back, "none"));
}

/* --- processes --- */

TEST(a_process_is_known_by_more_than_its_number)
{
	struct proc_id id = { 0 }, other;
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK(proc_identify(pid, &id, NULL) == 0 && proc_alive(&id));
	other = id;
	other.start++;
	CHECK(!proc_alive(&other));
	other = id;
	other.boot[0] = other.boot[0] == 'a' ? 'b' : 'a';
	CHECK(!proc_alive(&other));
	fd = proc_open(&id);
	CHECK(fd >= 0 && pidfd_wait(fd, 0) < 0 && errno == ETIMEDOUT);
	kill(pid, SIGKILL);
	CHECK(pidfd_wait(fd, 5000) == 0);
	CHECK(!proc_alive(&id)); /* a zombie has ended */
	close(fd);
	CHECK(proc_reap(pid) == 128 + SIGKILL);
	CHECK(proc_reap(pid) == -1);
	CHECK(!proc_alive(&(struct proc_id){ .pid = 0 }));
}

TEST(a_spawned_program_gets_the_descriptors_it_is_given)
{
	static const char *const argv[] = { "sh", "-c", "echo given >&7; exit 9", NULL };
	char text[16] = "";
	int ends[2];
	pid_t pid;

	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	CHECK(proc_spawn(argv, (struct fd_map[]){ { ends[1], 7 }, FD_MAP_END }, &pid, NULL) == 0);
	close(ends[1]);
	CHECK(read(ends[0], text, sizeof(text) - 1) == 6);
	CHECK_STR(text, "given\n");
	close(ends[0]);
	CHECK(proc_reap(pid) == 9);
}

TEST(a_program_that_is_not_there_is_an_error)
{
	static const char *const argv[] = { "/no/such/program", NULL };
	struct err e = { 0 };
	pid_t pid;

	CHECK(proc_spawn(argv, NULL, &pid, &e) < 0 && e.sys == ENOENT);
	CHECK(strstr(e.text, "/no/such/program") != NULL);
}

int main(void)
{
	RUN(err_set_returns_minus_one_and_keeps_the_text);
	RUN(err_sys_adds_the_text_of_errno_and_its_kind);
	RUN(err_wrap_puts_context_in_front_and_keeps_the_kind);
	RUN(the_first_hint_wins);
	RUN(errors_that_are_too_long_are_cut_and_terminated);
	RUN(a_null_error_is_allowed);
	RUN(a_buffer_grows_and_stays_terminated);
	RUN(environment_entries_are_replaced_by_key);
	RUN(control_characters_are_made_visible);
	RUN(the_nearest_word_is_found_and_a_far_one_is_not);
	RUN(hex_is_hex);
	RUN(one_json_object_is_taken_and_nothing_else);
	RUN(plain_json_is_read_as_jansson_reads_it);
	RUN(deep_json_is_refused);
	RUN(members_of_another_type_read_as_absent);
	RUN(what_is_set_is_read_back);
	RUN(a_process_is_known_by_more_than_its_number);
	RUN(a_spawned_program_gets_the_descriptors_it_is_given);
	RUN(a_program_that_is_not_there_is_an_error);
	return test_summary();
}
