/* cmd: options, numbers and times, volumes, signals, tables, and what run makes of it all. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cmd/human.h"
#include "cmd/life.h"
#include "cmd/names.h"
#include "cmd/opt.h"
#include "cmd/run_options.h"
#include "cmd/table.h"
#include "cmd/mount_option.h"
#include "cmd/volume_option.h"
#include "storage/container.h"

/* A directory to work in; main() removes it. */
static char work_path[4096];
static int work = -1;

/* --- options --- */

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

/* --- volumes --- */

TEST(a_volume_has_a_source_a_target_and_options)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	CLEAN(clean_free)
	char *text = xasprintf("%s/sub/..:/data/./x//y/../:ro,noexec,z", work_path);
	const struct mount_spec *m;
	struct stat st, source;

	mkdirat(work, "sub", 0755);
	CHECK(volume_option_add(text, &spec, NULL) == 0 && spec.n_mounts == 1);
	m = spec.mounts;
	CHECK(m->kind == MOUNT_BIND && m->read_only && m->no_exec && !m->no_suid && !m->no_dev);
	CHECK_STR(m->target, "/data/x");
	CHECK(stat(m->source, &source) == 0 && fstat(work, &st) == 0 && st.st_ino == source.st_ino);
	CHECK(fchdir(work) == 0 && volume_option_add("./sub:/s", &spec, NULL) == 0);
	CHECK(spec.n_mounts == 2 && spec.mounts[1].source[0] == '/' && !spec.mounts[1].read_only);
}

TEST(volumes_that_cannot_be_are_refused_and_none_is_added)
{
	static const struct {
		const char *text;
		enum err_kind kind;
	} rows[] = {
		{"", ERR_USAGE},
		{":", ERR_USAGE},
		{"/", ERR_USAGE},
		{"x", ERR_USAGE},
		{"a b:/x", ERR_USAGE},
		{"a/b:/x", ERR_USAGE},
		{":/x", ERR_USAGE},
		{"/not-there:/x", ERR_NOT_FOUND},
		{"/usr:", ERR_USAGE},
		{"/usr:x", ERR_USAGE},
		{"/usr:/", ERR_USAGE},
		{"/usr:/x/..", ERR_USAGE},
		{"/usr:/x:rx", ERR_USAGE},
		{"/usr:/x:ro:rw", ERR_USAGE},
		{"/usr:/x:ro,rw", ERR_USAGE},
		{"/usr:/x:z,Z", ERR_USAGE},
		{"/usr:/x:z,O", ERR_USAGE},
		{"/usr:/x:O,ro", ERR_USAGE},
		{"/usr:/x:U,U", ERR_USAGE},
		{"/usr:/x:slave,private", ERR_USAGE},
		{"/usr:/x:copy", ERR_USAGE},
		{"/usr:/x:upperdir=/usr,workdir=/usr", ERR_USAGE},
		{"/usr:/x:O,upperdir=/usr", ERR_USAGE},
		{"/usr:/x:idmap", ERR_UNSUPPORTED},
	};
	CLEAN(container_spec_done) struct container_spec spec = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		CHECK(volume_option_add(rows[i].text, &spec, &e) < 0);
		if (e.kind != rows[i].kind)
			printf("#   '%s': %s\n", rows[i].text, e.text);
		CHECK(e.kind == rows[i].kind && spec.n_mounts == 0);
	}
}

TEST(a_volume_may_have_a_name_or_none)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	const struct mount_spec *m;

	CHECK(volume_option_add("name:/x:nocopy,U,noexec", &spec, NULL) == 0);
	CHECK(volume_option_add("/y", &spec, NULL) == 0);
	CHECK(volume_option_add("/usr:/z:rslave,bind", &spec, NULL) == 0);
	CHECK(volume_option_add("/usr:/with\\:colon:O", &spec, NULL) == 0);
	m = spec.mounts;
	CHECK(m[0].kind == MOUNT_VOLUME && streq(m[0].name, "name") && m[0].no_copy && m[0].chown &&
	      m[0].no_exec && m[0].said && m[0].shared);
	CHECK(m[1].kind == MOUNT_VOLUME && !m[1].name && streq(m[1].target, "/y"));
	CHECK(m[2].kind == MOUNT_BIND && m[2].alone && m[2].spread &&
	      m[2].propagation == PROPAGATION_SLAVE);
	CHECK(m[3].overlay && streq(m[3].target, "/with:colon"));
}

TEST(a_mount_in_words_is_what_they_say)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	const struct mount_spec *m;

	CHECK(mount_option_add("type=bind,source=/usr,target=/a,readonly,bind-propagation=rslave,"
			       "bind-nonrecursive,relabel=shared,consistency=cached",
			       &spec, NULL) == 0);
	CHECK(mount_option_add("src=v,dst=/b,ro=false,volume-nocopy,volume-label=a=b", &spec, NULL) == 0);
	CHECK(mount_option_add("type=tmpfs,destination=/c,tmpfs-size=1m,tmpfs-mode=0700,tmpcopyup,exec",
			       &spec, NULL) == 0);
	CHECK(mount_option_add("type=image,src=img,dst=/d", &spec, NULL) == 0);
	CHECK(mount_option_add("type=image,src=img,dst=/e,rw=true", &spec, NULL) == 0);
	CHECK(mount_option_add("type=volume,dst=/f,\"volume-opt=o=bind,rw\",volume-opt=device=/usr", &spec,
			       NULL) == 0);
	m = spec.mounts;
	CHECK(m[0].kind == MOUNT_BIND && m[0].read_only && m[0].alone && m[0].spread &&
	      m[0].propagation == PROPAGATION_SLAVE && streq(m[0].source, "/usr"));
	CHECK(m[1].kind == MOUNT_VOLUME && !m[1].read_only && m[1].no_copy && m[1].labels.n == 1);
	CHECK_STR(m[2].source, "size=1048576,mode=0700");
	CHECK(m[2].copy_up && !m[2].no_exec && m[2].no_suid && !m[2].shared);
	CHECK(m[3].kind == MOUNT_IMAGE && m[3].read_only && !m[3].overlay);
	CHECK(!m[4].read_only && m[4].overlay);
	CHECK(m[5].options.n == 2 && streq(m[5].options.v[0], "o=bind,rw"));
}

TEST(a_mount_that_cannot_be_is_refused)
{
	static const char *const rows[][2] = {
		{"type=foo,source=x,dst=/x", "invalid filesystem type \"foo\""},
		{"type=bind,source=/tmp", "must set volume destination"},
		{"type=bind,dst=/x", "source"},
		{"type=bind,source=/nope,dst=/x", "statfs /nope: no such file or directory"},
		{"type=bind,source=/tmp,dst=x", "invalid container path \"x\", must be an absolute path"},
		{"type=bind,source=/tmp,dst=/x,ro,rw", "more than once"},
		{"type=bind,source=/tmp,dst=/x,ro=maybe", "instead received \"maybe\""},
		{"type=bind,source=/tmp,dst=/x,nope=1", "nope: invalid mount option"},
		{"type=bind,source=/tmp,dst=/x,tmpfs-size=1", "tmpfs-size: invalid mount option"},
		{"type=bind,source=/tmp,dst=/x,bind-propagation=nope", "invalid option type \"nope\""},
		{"type=bind,source=/tmp,dst=/x,relabel=nope", "relabel mount option must be"},
		{"type=bind,source=/tmp,dst=/x,idmap", "only root"},
		{"type=tmpfs,source=a,dst=/x", "source is not supported with tmpfs mounts"},
		{"type=tmpfs,dst=/x,tmpfs-size=zz", "zz"},
		{"type=tmpfs,dst=/x,tmpfs-mode=9", "octal"},
		{"type=volume,source=a/b,dst=/x", "names must match"},
		{"type=volume,source=a,dst=/x,volume-driver=nfs", "plugin"},
		{"type=volume,source=a,dst=/x,volume-opt=type=nfs", "takes root"},
		{"type=volume,source=a,dst=/x,volume-subpath=b", "not in this version"},
		{"type=image,dst=/x", "must set source and destination for image volume"},
		{"type=devpts,dst=/x", "not in this version"},
		{"\"type=tmpfs,dst=/x", "quotation"},
		{"nonsense", "nonsense: invalid mount option"},
	};
	CLEAN(container_spec_done) struct container_spec spec = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		CHECK(mount_option_add(rows[i][0], &spec, &e) < 0 && spec.n_mounts == 0);
		if (!strstr(e.text, rows[i][1]))
			printf("#   '%s': %s\n", rows[i][0], e.text);
		CHECK(strstr(e.text, rows[i][1]) != NULL);
	}
}

TEST(a_tmpfs_takes_what_does_no_harm)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	struct err e = {0};

	CHECK(tmpfs_option_add("/t:size=64m,exec,mode=1777,ro", &spec, NULL) == 0);
	CHECK(spec.mounts[0].kind == MOUNT_TMPFS && !spec.mounts[0].no_exec &&
	      spec.mounts[0].no_suid && spec.mounts[0].no_dev && spec.mounts[0].read_only);
	CHECK_STR(spec.mounts[0].source, "size=64m,mode=1777");
	CHECK(tmpfs_option_add("/u", &spec, NULL) == 0 && streq(spec.mounts[1].source, ""));
	CHECK(tmpfs_option_add("/v:mpol=bind", &spec, &e) < 0 && e.kind == ERR_USAGE);
	CHECK(tmpfs_option_add("v", &spec, &e) < 0 && tmpfs_option_add("", &spec, &e) < 0);
	CHECK(spec.n_mounts == 2);
}

TEST(outer_mounts_come_first_and_no_place_is_mounted_on_twice)
{
	static const char *const targets[] = {"/a/b/c", "/a-b", "/a/b", "/b", "/a"};
	CLEAN(container_spec_done) struct container_spec spec = {0};
	struct err e = {0};
	size_t at[ARRAY_SIZE(targets)];

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		CHECK(tmpfs_option_add(targets[i], &spec, NULL) == 0);
	CHECK(volume_options_sort(&spec, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		for (size_t j = 0; j < spec.n_mounts; j++)
			if (streq(targets[i], spec.mounts[j].target))
				at[i] = j;
	CHECK(at[4] < at[2] && at[2] < at[0]);
	CHECK(volume_option_add("/usr:/a/./b/", &spec, NULL) == 0);
	CHECK(volume_options_sort(&spec, &e) < 0 && e.kind == ERR_USAGE);
	CHECK_STR(e.text, "/a/b: duplicate mount destination");
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
	const char *tmp = getenv("TMPDIR");

	snprintf(work_path, sizeof(work_path), "%s/test_cmd.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(work_path) ||
		(work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(work_path);
		return 1;
	}
	RUN(letters_come_alone_in_clusters_and_with_values);
	RUN(long_options_take_values_in_both_spellings);
	RUN(options_end_at_two_dashes_and_where_asked_at_the_operand);
	RUN(help_is_heard_anywhere_before_the_operand);
	RUN(what_is_wrong_with_options_is_said);
	RUN(sizes_are_bytes_or_have_a_binary_unit);
	RUN(seconds_may_have_a_unit);
	RUN(durations_read_as_dockers);
	RUN(sizes_read_as_dockers);
	RUN(signals_have_names_and_numbers);
	RUN(a_volume_has_a_source_a_target_and_options);
	RUN(volumes_that_cannot_be_are_refused_and_none_is_added);
	RUN(a_volume_may_have_a_name_or_none);
	RUN(a_mount_in_words_is_what_they_say);
	RUN(a_mount_that_cannot_be_is_refused);
	RUN(a_tmpfs_takes_what_does_no_harm);
	RUN(outer_mounts_come_first_and_no_place_is_mounted_on_twice);
	RUN(what_is_typed_comes_before_what_the_image_says);
	RUN(a_host_name_is_one_word_of_letters_digits_and_dots);
	RUN(what_this_version_has_not_is_refused_never_ignored);
	RUN(names_that_are_made_up_are_valid_names);
	RUN(columns_are_as_wide_as_their_widest_cell_in_characters);
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
