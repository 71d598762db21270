#include "cmd/opt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

int set_flag(void *field, const char *value, struct err *err)
{
	if (!value || streq(value, "true") || streq(value, "1"))
		*(bool *)field = true;
	else if (streq(value, "false") || streq(value, "0"))
		*(bool *)field = false;
	else
		return err_set(err, ERR_USAGE, "'%s' is neither true nor false", value);
	return 0;
}

int set_string(void *field, const char *value, struct err *err)
{
	(void)err;
	free(*(char **)field);
	*(char **)field = xstrdup(value);
	return 0;
}

int set_list(void *field, const char *value, struct err *err)
{
	(void)err;
	strv_add(field, value);
	return 0;
}

int set_integer(void *field, const char *value, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || end == value || *end || n < INT_MIN || n > INT_MAX)
		return err_set(err, ERR_USAGE, "'%s' is not a number", value);
	*(int *)field = (int)n;
	return 0;
}

int set_number(void *field, const char *value, struct err *err)
{
	int n;

	if (set_integer(&n, value, NULL) < 0 || n < 0)
		return err_set(err, ERR_USAGE, "'%s' is not a number from 0 on", value);
	*(int *)field = n;
	return 0;
}

int parse_size(const char *text, long long *ret, struct err *err)
{
	static const char units[] = "bkmgt";
	char *end;
	long long n;
	int shift = 0;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (*end && end != text) {
		const char *unit = strchr(units, *end | 0x20);

		if (unit && (!end[1] || ((end[1] | 0x20) == 'b' && !end[2]))) {
			shift = 10 * (int)(unit - units);
			end = (char *)"";
		}
	}
	if (errno || end == text || *end || n < 0 || n > LLONG_MAX >> shift)
		return err_set(err, ERR_USAGE, "'%s' is not a size: use bytes, or 64k, 512m, 1g",
			       text);
	*ret = n << shift;
	return 0;
}

int set_size(void *field, const char *value, struct err *err)
{
	return parse_size(value, field, err);
}

int set_seconds(void *field, const char *value, struct err *err)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(value, &end, 10);
	if (end != value && streq(end, "s"))
		end++;
	else if (end != value && (streq(end, "m") || streq(end, "h"))) {
		n = n > INT_MAX / 3600 ? LONG_MAX : n * (*end == 'm' ? 60 : 3600);
		end++;
	}
	if (errno || end == value || *end || n < -1 || n > INT_MAX)
		return err_set(err, ERR_USAGE, "'%s' is not a time in seconds", value);
	*(int *)field = (int)n;
	return 0;
}

static const struct {
	const char *name;
	double nanoseconds;
} units_of_time[] = {
	{ "ns", 1 }, { "us", 1e3 }, { "µs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 },
	{ "h", 3600e9 },
};

/* Takes "1.5h" from the beginning of the text: the nanoseconds, or -1. */
static double take_duration(const char **text)
{
	char *end;
	double n = strtod(*text, &end);
	size_t len = strcspn(end, "0123456789.");

	if (end == *text || n < 0 || !strchr("0123456789.", **text))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units_of_time); i++) {
		if (strlen(units_of_time[i].name) == len &&
		    strncmp(end, units_of_time[i].name, len) == 0) {
			*text = end + len;
			return n * units_of_time[i].nanoseconds;
		}
	}
	return -1;
}

int parse_duration(const char *text, long long *ret, struct err *err)
{
	const char *rest = text;
	double sum = 0, part = 0;

	while (*rest && !streq(text, "0") && part >= 0) {
		part = take_duration(&rest);
		sum += part;
	}
	if (!*text || part < 0 || sum >= 9e18)
		return err_set(err, ERR_USAGE, "'%s' is not a duration: use 500ms, 30s, 1m30s, 2h",
			       text);
	*ret = (long long)sum;
	return 0;
}

int set_duration(void *field, const char *value, struct err *err)
{
	return parse_duration(value, field, err);
}

/* A row, and the struct that it stores into. */
struct found {
	const struct opt *row;
	void *into;
};

static bool has_name(const struct opt *row, const char *name, size_t len)
{
	return strlen(row->name) == len && memcmp(row->name, name, len) == 0;
}

/* By its name, or by its letter where name is NULL. */
static struct found find(const struct opt *opts, void *into, const char *name, size_t len,
			 char letter)
{
	struct found in = { 0 };

	for (; !in.row && (opts->name || opts->more); opts++) {
		if (opts->more)
			in = find(opts->more, (char *)into + opts->field, name, len, letter);
		else if (name ? has_name(opts, name, len) : opts->letter == letter)
			in = (struct found){ opts, into };
	}
	return in;
}

static void list_names(const struct opt *opts, const char ***names, size_t *n)
{
	for (; opts->name || opts->more; opts++) {
		if (opts->more) {
			list_names(opts->more, names, n);
			continue;
		}
		*names = xrealloc(*names, (*n + 2) * sizeof(**names));
		(*names)[(*n)++] = opts->name;
		(*names)[*n] = NULL;
	}
}

static int unknown(const struct opt *opts, const char *option, struct err *err)
{
	CLEAN(clean_free) char *name = xstrndup(option, strcspn(option, "="));
	CLEAN(clean_free) char *safe = str_printable(name);
	CLEAN(clean_free) const char **names = NULL;
	const char *near = NULL;
	size_t n = 0;

	list_names(opts, &names, &n);
	if (n && starts_with(name, "--"))
		near = str_nearest(name + 2, names);
	if (near)
		return err_set(err, ERR_USAGE, "unknown option '%s'; did you mean '--%s'?", safe,
			       near);
	return err_set(err, ERR_USAGE, "unknown option '%s'", safe);
}

static int store(struct found f, const char *value, struct err *err)
{
	if (f.row->set((char *)f.into + f.row->field, value, err) < 0)
		return err_wrap(err, "--%s", f.row->name);
	return 0;
}

/* "--name", "--name=value", "--name value". Returns how many further arguments were used. */
static int parse_long(const struct opt *opts, void *into, char *const *argv, struct err *err)
{
	const char *name = argv[0] + 2, *eq = strchr(name, '=');
	struct found f = find(opts, into, name, eq ? (size_t)(eq - name) : strlen(name), 0);

	if (!f.row)
		return unknown(opts, argv[0], err);
	if (eq || !f.row->arg)
		return store(f, eq ? eq + 1 : NULL, err);
	if (!argv[1])
		return err_set(err, ERR_USAGE, "--%s wants a value: %s", f.row->name, f.row->arg);
	return store(f, argv[1], err) < 0 ? -1 : 1;
}

/* "-it", "-eA=b", "-e A=b", "-t=true". */
static int parse_letters(const struct opt *opts, void *into, char *const *argv, struct err *err)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		struct found f = find(opts, into, NULL, 0, *p);

		if (!f.row)
			return unknown(opts, (char[]){ '-', *p, '\0' }, err);
		if (!f.row->arg && p[1] != '=') {
			if (store(f, NULL, err) < 0)
				return -1;
			continue;
		}
		if (p[1])
			return store(f, p + 1 + (p[1] == '='), err);
		if (!argv[1])
			return err_set(err, ERR_USAGE, "-%c wants a value: %s", *p, f.row->arg);
		return store(f, argv[1], err) < 0 ? -1 : 1;
	}
	return 0;
}

int opts_parse(const struct opt *opts, void *into, char *const *argv, bool stop_at_operand,
	       struct strv *ret_operands, bool *ret_help, struct err *err)
{
	*ret_help = false;
	for (; *argv; argv++) {
		int used;

		if (argv[0][0] != '-' || !argv[0][1]) {
			if (stop_at_operand)
				break;
			strv_add(ret_operands, *argv);
			continue;
		}
		if (streq(*argv, "--")) {
			argv++;
			break;
		}
		if (streq(*argv, "--help") ||
		    (streq(*argv, "-h") && !find(opts, into, NULL, 0, 'h').row)) {
			*ret_help = true;
			return 0;
		}
		used = argv[0][1] == '-' ? parse_long(opts, into, argv, err) :
					   parse_letters(opts, into, argv, err);
		if (used < 0)
			return -1;
		argv += used;
	}
	for (; *argv; argv++)
		strv_add(ret_operands, *argv);
	return 0;
}

bool opt_awaits_value(const struct opt *opts, const char *word)
{
	char into;
	struct found f = { 0 };

	if (starts_with(word, "--")) {
		f = find(opts, &into, word + 2, strlen(word + 2), 0);
		return f.row && f.row->arg;
	}
	for (const char *p = word + 1; *p; p++) {
		f = find(opts, &into, NULL, 0, *p);
		if (!f.row || f.row->arg || p[1] == '=')
			return f.row && f.row->arg && !p[1];
	}
	return false;
}

static void each_row(const struct opt *opts, const struct opt *whole,
		     void (*visit)(const struct opt *row, char letter, void *arg), void *arg)
{
	char into;

	for (; opts->name || opts->more; opts++) {
		char letter = opts->letter;

		if (opts->more) {
			each_row(opts->more, whole, visit, arg);
			continue;
		}
		if (letter && find(whole, &into, NULL, 0, letter).row != opts)
			letter = 0;
		visit(opts, letter, arg);
	}
}

void opts_each(const struct opt *opts, void (*visit)(const struct opt *row, char letter, void *arg),
	       void *arg)
{
	each_row(opts, opts, visit, arg);
}

#define HELP_COLUMN 36
#define HELP_WIDTH 100

/* In lines that end before HELP_WIDTH, all but the first indented; column is where it begins. */
static void print_wrapped(const char *text, size_t column)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (column + 1 + len > HELP_WIDTH && column > HELP_COLUMN) {
			printf("\n%*s", HELP_COLUMN, "");
			column = HELP_COLUMN;
		} else if (column > HELP_COLUMN) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, text);
		column += len;
		text += len + strspn(text + len, " ");
	}
	putchar('\n');
}

static void print_row(const struct opt *row, char letter, void *arg)
{
	char left[64];

	(void)arg;
	if (!row->help)
		return;
	snprintf(left, sizeof(left), "%c%c%s --%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
		 letter ? "," : " ", row->name, row->arg ? " " : "", row->arg ? row->arg : "");
	/* One that reaches into the help's column has the line for itself. */
	printf("  %-32s  ", left);
	if (strlen(left) > HELP_COLUMN - 4)
		printf("\n%*s", HELP_COLUMN, "");
	print_wrapped(row->help, HELP_COLUMN);
}

void opts_print(const struct opt *opts)
{
	opts_each(opts, print_row, NULL);
}
