/* cmd: how a command line is read, and numbers, sizes and times in it. */
#include "tests/unit/test.h"

#include <limits.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cmd/opt.h"

struct values {
	bool interactive, tty, quiet;
	char *name;
	struct strv env;
	int number, seconds;
	long long size;
};

static const struct opt opts[] = {
    {'i', "interactive", NULL, "i", set_flag, FIELD(values, interactive)},
    {'t', "tty", NULL, "t", set_flag, FIELD(values, tty)},
    {0, "quiet", NULL, "q", set_flag, FIELD(values, quiet)},
    {0, "name", "NAME", "n", set_string, FIELD(values, name)},
    {'e', "env", "KEY=VALUE", "e", set_list, FIELD(values, env)},
    {'n', "number", "N", "n", set_number, FIELD(values, number)},
    {0, "seconds", "S", "s", set_seconds, FIELD(values, seconds)},
    {'m', "memory", "SIZE", "m", set_size, FIELD(values, size)},
    {0, "mem", "SIZE", NULL, set_size, FIELD(values, size)},
    {0},
};

/* What a command line is parsed to. */
struct parsed {
	struct values v;
	struct strv operands;
	bool help;
	struct err err;
	int result;
};

static void parsed_done(struct parsed *p)
{
	free(p->v.name);
	strv_done(&p->v.env);
	strv_done(&p->operands);
}

/* The words of line, separated by blanks. */
static struct parsed parse(const char *line, bool stop_at_operand)
{
	CLEAN(strv_done) struct strv argv = {0};
	CLEAN(clean_free) char *copy = xstrdup(line);
	struct parsed p = {0};
	char *rest = copy, *word;

	while ((word = strsep(&rest, " ")))
		strv_add(&argv, streq(word, "''") ? "" : word);
	p.result = opts_parse(opts, &p.v, argv.v, stop_at_operand, &p.operands, &p.help, &p.err);
	return p;
}

static void check_operands(const struct parsed *p, const char *want)
{
	CLEAN(buf_done) struct buf got = {0};

	for (size_t i = 0; i < p->operands.n; i++)
		buf_addf(&got, "%s%s", i ? " " : "", p->operands.v[i]);
	CHECK_STR(buf_str(&got), want);
}

TEST(letters_come_alone_in_clusters_and_with_values)
{
	CLEAN(parsed_done)
	struct parsed p = parse("-it -eA=b -e C=d -ite=E -t=false -n5 -n=6 x -i=0", false);

	CHECK(p.result == 0 && !p.v.interactive && !p.v.tty && p.v.number == 6);
	CHECK(p.v.env.n == 3 && streq(p.v.env.v[0], "A=b") && streq(p.v.env.v[1], "C=d") &&
	      streq(p.v.env.v[2], "E"));
	check_operands(&p, "x");
}

TEST(long_options_take_values_in_both_spellings)
{
	CLEAN(parsed_done)
	struct parsed p = parse(
		"--name one --env=A=b=c --env '' --name=two --quiet=true --mem 1k --tty=1", false);

	CHECK(p.result == 0 && p.v.quiet && p.v.tty && p.v.size == 1024);
	CHECK_STR(p.v.name, "two"); /* the last one wins */
	CHECK(p.v.env.n == 2 && streq(p.v.env.v[0], "A=b=c") && streq(p.v.env.v[1], ""));
	CLEAN(parsed_done) struct parsed off = parse("--quiet --quiet=false --name=", false);
	CHECK(off.result == 0 && !off.v.quiet);
	CHECK_STR(off.v.name, "");
}

TEST(options_end_at_two_dashes_and_where_asked_at_the_operand)
{
	CLEAN(parsed_done) struct parsed a = parse("-i run -t x", true);
	CHECK(a.result == 0 && a.v.interactive && !a.v.tty);
	check_operands(&a, "run -t x");
	CLEAN(parsed_done) struct parsed b = parse("run -t x", false);
	CHECK(b.result == 0 && b.v.tty);
	check_operands(&b, "run x");
	CLEAN(parsed_done) struct parsed c = parse("-i -- -t --", false);
	CHECK(c.result == 0 && c.v.interactive && !c.v.tty);
	check_operands(&c, "-t --");
	CLEAN(parsed_done) struct parsed d = parse("- -i", false);
	CHECK(d.result == 0 && d.v.interactive);
	check_operands(&d, "-");
	CLEAN(parsed_done) struct parsed e = parse("-e -- x", false);
	CHECK(e.result == 0 && e.v.env.n == 1 &&
	      streq(e.v.env.v[0], "--")); /* a value like any other */
	check_operands(&e, "x");
}

TEST(help_is_heard_anywhere_before_the_operand)
{
	CLEAN(parsed_done) struct parsed a = parse("-i --help --nonsense", false);
	CHECK(a.result == 0 && a.help);
	CLEAN(parsed_done) struct parsed b = parse("-h", false);
	CHECK(b.result == 0 && b.help);
	CLEAN(parsed_done) struct parsed c = parse("x --help", true);
	CHECK(c.result == 0 && !c.help);
}

TEST(what_is_wrong_with_options_is_said)
{
	static const char *const rows[][2] = {
		{"--nam x", "unknown option '--nam'; did you mean '--name'?"},
		{"--nmae=secret", "unknown option '--nmae'; did you mean '--name'?"},
		{"--something-else", "unknown option '--something-else'"},
		{"-ix", "unknown option '-x'"},
		{"-\x1b[31m", "unknown option '-\\x1b'"},
		{"---", "unknown option '---'"},
		{"--name", "--name wants a value: NAME"},
		{"-ie", "-e wants a value: KEY=VALUE"},
		{"--quiet=maybe", "--quiet: 'maybe' is neither true nor false"},
		{"-t=maybe", "--tty: 'maybe' is neither true nor false"},
		{"-n x", "--number: 'x' is not a number from 0 on"},
		{"-n -1", "--number: '-1' is not a number from 0 on"},
		{"-n 99999999999", "--number: '99999999999' is not a number from 0 on"},
		{"--mem=5q", "--mem: '5q' is not a size: use bytes, or 64k, 512m, 1g"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEAN(parsed_done) struct parsed p = parse(rows[i][0], false);

		CHECK(p.result < 0 && p.err.kind == ERR_USAGE);
		CHECK_STR(p.err.text, rows[i][1]);
	}
}

/* --- numbers and times --- */

TEST(sizes_are_bytes_or_have_a_binary_unit)
{
	static const struct {
		const char *text;
		long long want; /* -1: refused */
	} rows[] = {
		{"0", 0},
		{"32", 32},
		{"32b", 32},
		{"32B", 32},
		{"32k", 32768},
		{"32K", 32768},
		{"32kb", 32768},
		{"32Kb", 32768},
		{"32Mb", 32 << 20},
		{"512m", 512 << 20},
		{"1g", 1 << 30},
		{"1T", 1LL << 40},
		{"9223372036854775807", LLONG_MAX},
		{"9223372036854775808", -1},
		{"9007199254740992k", -1},
		{"8388608t", -1},
		{"", -1},
		{"k", -1},
		{"b", -1},
		{"hello", -1},
		{"-32", -1},
		{"32m b", -1},
		{"32bm", -1},
		{"32 ", -1},
		{"3x", -1},
		{"32kbb", -1},
		{"1e3", -1},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		long long got = -1;

		CHECK((parse_size(rows[i].text, &got, NULL) == 0) == (rows[i].want >= 0));
		if (got != rows[i].want)
			printf("#   '%s': %lld\n", rows[i].text, got);
		CHECK(got == rows[i].want);
	}
}

TEST(seconds_may_have_a_unit)
{
	static const struct {
		const char *text;
		int want; /* -2: refused */
	} rows[] = {
		{"0", 0},
		{"10", 10},
		{"10s", 10},
		{"5m", 300},
		{"2h", 7200},
		{"-1", -1},
		{"2147483647", INT_MAX},
		{"2147483648", -2},
		{"99999999999999999999", -2},
		{"596523h", 596523 * 3600},
		{"596524h", -2},
		{"9999999999999999m", -2},
		{"-2", -2},
		{"-1m", -2},
		{"", -2},
		{"s", -2},
		{"m", -2},
		{"h", -2},
		{"5d", -2},
		{"5ms", -2},
		{"5 m", -2},
		{"x", -2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = -2;

		CHECK((set_seconds(&got, rows[i].text, NULL) == 0) == (rows[i].want != -2));
		if (got != rows[i].want)
			printf("#   '%s': %d\n", rows[i].text, got);
		CHECK(got == rows[i].want);
	}
}

int main(void)
{
	RUN(letters_come_alone_in_clusters_and_with_values);
	RUN(long_options_take_values_in_both_spellings);
	RUN(options_end_at_two_dashes_and_where_asked_at_the_operand);
	RUN(help_is_heard_anywhere_before_the_operand);
	RUN(what_is_wrong_with_options_is_said);
	RUN(sizes_are_bytes_or_have_a_binary_unit);
	RUN(seconds_may_have_a_unit);
	return test_summary();
}
