/* cmd: words for people, signals, tables, and what run makes of a command line. */
#include "tests/unit/work.h"

#include <limits.h>
#include <signal.h>

#include "cmd/human.h"
#include "cmd/life.h"
#include "cmd/names.h"
#include "cmd/opt.h"
#include "cmd/run_options.h"
#include "cmd/table.h"
#include "storage/container.h"

/* What docker's go-units prints: its own tests' values. */
TEST(durations_read_as_dockers)
{
	enum {
		MINUTE = 60,
		HOUR = 60 * MINUTE,
		DAY = 24 * HOUR,
		WEEK = 7 * DAY,
		MONTH = 30 * DAY,
		YEAR = 365 * DAY
	};
	static const struct {
		int64_t seconds;
		const char *want;
	} rows[] = {
		{-5, "Less than a second"},
		{0, "Less than a second"},
		{1, "1 second"},
		{45, "45 seconds"},
		{59, "59 seconds"},
		{MINUTE, "About a minute"},
		{2 * MINUTE - 1, "About a minute"},
		{3 * MINUTE, "3 minutes"},
		{35 * MINUTE + 40, "35 minutes"},
		{59 * MINUTE, "59 minutes"},
		{HOUR, "About an hour"},
		{HOUR + 29 * MINUTE, "About an hour"},
		{HOUR + 31 * MINUTE, "2 hours"},
		{3 * HOUR + 29 * MINUTE, "3 hours"},
		{3 * HOUR + 59 * MINUTE, "4 hours"},
		{DAY, "24 hours"},
		{DAY + 12 * HOUR, "36 hours"},
		{2 * DAY, "2 days"},
		{13 * DAY + 5 * HOUR, "13 days"},
		{2 * WEEK, "2 weeks"},
		{2 * WEEK + 4 * DAY, "2 weeks"},
		{MONTH, "4 weeks"},
		{MONTH + 2 * WEEK, "6 weeks"},
		{2 * MONTH, "2 months"},
		{5 * MONTH + 2 * WEEK, "5 months"},
		{23 * MONTH, "23 months"},
		{24 * MONTH, "24 months"},
		{24 * MONTH + 2 * WEEK, "2 years"},
		{3 * YEAR - MINUTE, "2 years"},
		{3 * YEAR + 2 * MONTH, "3 years"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEAN(clean_free) char *got = human_duration(rows[i].seconds);

		CHECK_STR(got, rows[i].want);
	}
}

/* docker images: HumanSizeWithPrecision(…, 3), but never "1e+03MB". */
TEST(sizes_read_as_dockers)
{
	static const struct {
		int64_t bytes;
		const char *want;
	} rows[] = {
		{0, "0B"},
		{999, "999B"},
		{1000, "1kB"},
		{1024, "1.02kB"},
		{1000000, "1MB"},
		{1048576, "1.05MB"},
		{3420000000, "3.42GB"},
		{5372000000000, "5.37TB"},
		{2220000000000000, "2.22PB"},
		{12345, "12.3kB"},
		{123456, "123kB"},
		{999400, "999kB"},
		{999600, "1MB"},
		{999999999, "1GB"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEAN(clean_free) char *got = human_size(rows[i].bytes);

		CHECK_STR(got, rows[i].want);
	}
}

TEST(signals_have_names_and_numbers)
{
	const struct {
		const char *text;
		int want; /* 0: refused */
	} rows[] = {
		{"TERM", SIGTERM},
		{"SIGTERM", SIGTERM},
		{"sigkill", SIGKILL},
		{"9", 9},
		{"usr1", SIGUSR1},
		{"RTMIN", SIGRTMIN},
		{"SIGRTMIN+3", SIGRTMIN + 3},
		{"64", 64},
		{"65", 0},
		{"0", 0},
		{"-9", 0},
		{"", 0},
		{"SIG", 0},
		{"NOPE", 0},
		{"TERMX", 0},
		{"9x", 0},
		{"RTMIN+99", 0},
		{"RTMIN+", 0},
		{"RTMIN+3x", 0},
		{"RTMIN+-1", 0},
		{"99999999999999999999", 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};
		int got = 0;

		CHECK((parse_signal(rows[i].text, &got, &e) == 0) == (rows[i].want != 0));
		if (got != rows[i].want)
			printf("#   '%s': %d\n", rows[i].text, got);
		CHECK(got == rows[i].want && (rows[i].want || e.kind == ERR_USAGE));
	}
}

/* --- what run makes of it --- */

/* The specification of "run LINE image COMMAND", with an image that says little. */
static int spec_of(const char *const argv[], const char *const command[],
		   struct container_spec *ret, struct err *err)
{
	CLEAN(run_options_done) struct run_options o = {0};
	CLEAN(strv_done) struct strv operands = {0};
	CLEAN(strv_done) struct strv words = {0};
	CLEAN(clean_free) char *profile = NULL;
	CLEAN(namespaces_done) struct namespaces ns = {0};
	struct image_config image = {0};
	bool help;
	int result;

	run_options_init(&o);
	for (; command && *command; command++)
		strv_add(&words, *command);
	strv_add(&image.cmd, "the-images");
	strv_add(&image.env, "PATH=/images");
	strv_add(&image.env, "KEPT=1");
	result = opts_parse(run_opts, &o, (char *const *)argv, true, &operands, &help, err);
	if (result == 0)
		result = namespaces_parse(&o, &ns, err);
	if (result == 0)
		result = run_spec(&o, &image, &words, "0123456789abcdef0123", &ns, ret, &profile, err);
	strv_done(&image.cmd);
	strv_done(&image.env);
	return result;
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})
static const char *const nothing_typed[] = {NULL};

TEST(what_is_typed_comes_before_what_the_image_says)
{
	CLEAN(container_spec_done) struct container_spec a = {0};
	CLEAN(container_spec_done) struct container_spec b = {0};
	struct err e = {0};

	CHECK(spec_of(nothing_typed, NULL, &a, NULL) == 0 && a.args.n == 1 &&
	      streq(a.args.v[0], "the-images"));
	CHECK_STR(a.hostname, "0123456789ab");
	CHECK_STR(strv_get_env(&a.env, "PATH"), "/images");
	CHECK(a.stop_signal == SIGTERM && a.seccomp && a.network == NETWORK_PRIVATE && !a.user);
	setenv("HERE", "yes", 1);
	unsetenv("NOT_HERE");
	CHECK(spec_of(ARGV("-e", "KEPT=2", "-e", "HERE", "-e", "NOT_HERE", "--entrypoint", "sh",
			   "--stop-signal", "INT", "--network=none", "-h", "name.x", "-u", "1:2",
			   "--cap-drop", "all", "--cap-add", "CHOWN"),
		      ARGV("-c", "true"), &b, NULL) == 0);
	CHECK(b.args.n == 3 && streq(b.args.v[0], "sh") && streq(b.args.v[2], "true"));
	CHECK_STR(strv_get_env(&b.env, "KEPT"), "2");
	CHECK_STR(strv_get_env(&b.env, "HERE"), "yes");
	CHECK(!strv_get_env(&b.env, "NOT_HERE") && b.stop_signal == SIGINT &&
	      b.network == NETWORK_NONE);
	CHECK(b.caps == 1 && streq(b.user, "1:2") && streq(b.hostname, "name.x"));
	CHECK(spec_of(ARGV("--entrypoint", ""), NULL, &a, &e) < 0 && e.kind == ERR_USAGE);
}

TEST(a_host_name_is_one_word_of_letters_digits_and_dots)
{
	static const char *const bad[] = {"",	 "a b", "a\nb",	    "a\tb",
					  "a#b", "a/b", "\xc3\xa4", "a:b"};
	char longest[HOST_NAME_MAX + 2];
	struct err e = {0};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEAN(container_spec_done) struct container_spec spec = {0};

		CHECK(spec_of(ARGV("--hostname", bad[i]), NULL, &spec, &e) < 0 &&
		      e.kind == ERR_USAGE);
	}
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CLEAN(container_spec_done) struct container_spec ok = {0};
	CHECK(spec_of(ARGV("--hostname", longest), NULL, &ok, &e) < 0);
	CHECK(spec_of(ARGV("--hostname", longest + 1), NULL, &ok, &e) == 0);
}

TEST(what_this_version_has_not_is_refused_never_ignored)
{
	static const char *const rows[][2] = {
		{"--network", "bridge"},  {"--security-opt", "apparmor=x"},
		{"--cap-add", "NOPE"},    {"--stop-signal", "NOPE"},
		{"--volume-driver", "nfs"}, {"--env-file", "/not/there"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEAN(container_spec_done) struct container_spec spec = {0};
		struct err e = {0};

		CHECK(spec_of(ARGV(rows[i][0], rows[i][1]), NULL, &spec, &e) < 0 && e.text[0]);
	}
}

TEST(names_that_are_made_up_are_valid_names)
{
	for (int i = 0; i < 100; i++) {
		CLEAN(clean_free) char *name = generate_name(i % 8);

		CHECK(container_name_valid(name) && strchr(name, '_'));
	}
}

/* --- tables --- */

/* What is printed to stdout meanwhile. The caller frees. */
static char *printed(void (*print)(void))
{
	CLEAN(clean_fd) int saved = -1;
	CLEAN(clean_fd)
	int file = openat(work, "out", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct buf text = {0};

	fflush(stdout);
	saved = dup(STDOUT_FILENO);
	dup2(file, STDOUT_FILENO);
	print();
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	file_read_at(work, "out", 65536, &text, NULL);
	return text.data;
}

static void print_table(void)
{
	static const char *const headings[] = {"NAME", "WORD", "LAST", NULL};
	static const char *const cells[] = {"grün", "a",	"x", "b", "漢字漢字漢字",
						"y",    "\x1b[31m", "",  "\n"};
	struct table t;

	table_init(&t, headings, true);
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++)
		table_cell(&t, xstrdup(cells[i]));
	table_print(&t);
}

static void print_bare_table(void)
{
	static const char *const headings[] = {"NAME", "LAST", NULL};
	struct table t;

	table_init(&t, headings, false);
	table_cell(&t, xstrdup("a"));
	table_cell(&t, xstrdup("b"));
	table_print(&t);
}

static void print_nothing(void)
{
	static const char *const headings[] = {"NAME", NULL};
	struct table t;

	table_init(&t, headings, false);
	table_print(&t);
}

TEST(columns_are_as_wide_as_their_widest_cell_in_characters)
{
	CLEAN(clean_free) char *table = printed(print_table);
	CLEAN(clean_free) char *bare = printed(print_bare_table);
	CLEAN(clean_free) char *nothing = printed(print_nothing);

	CHECK_STR(table, "NAME       WORD     LAST\n"
			 "grün       a        x\n"
			 "b          漢字漢字漢字   y\n"
			 "\\x1b[31m            \\x0a\n");
	CHECK_STR(bare, "a   b\n");
	CHECK_STR(nothing, "");
}

int main(void)
{
	begin_work();
	RUN(durations_read_as_dockers);
	RUN(sizes_read_as_dockers);
	RUN(signals_have_names_and_numbers);
	RUN(what_is_typed_comes_before_what_the_image_says);
	RUN(a_host_name_is_one_word_of_letters_digits_and_dots);
	RUN(what_this_version_has_not_is_refused_never_ignored);
	RUN(names_that_are_made_up_are_valid_names);
	RUN(columns_are_as_wide_as_their_widest_cell_in_characters);
	end_work();
	return test_summary();
}
