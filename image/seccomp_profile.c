#include "image/seccomp_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

#define ARGS_MAX 6

/* What rules are included and excluded by. */
struct machine {
	const char *arch; /* as Go names it */
	const struct strv *caps;
	int major, minor; /* of the kernel */
};


static void clean_filter(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static struct machine this_machine(const struct strv *caps)
{
	static const char *const arches[][2] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "386" }, { "armv7l",
		  "arm" },
	};
	static struct utsname u;
	struct machine m = { .caps = caps };

	uname(&u);
	m.arch = u.machine;
	for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
		if (streq(u.machine, arches[i][0]))
			m.arch = arches[i][1];
	sscanf(u.release, "%d.%d", &m.major, &m.minor);
	return m;
}

static int parse_action(const char *name, int64_t number, uint32_t *ret, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t value;
	} actions[] = {
		{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW },
		{ "SCMP_ACT_LOG", SCMP_ACT_LOG },
		{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP },
		{ "SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS },
	};

	if (number < 0 || number > 4095)
		return err_set(err, ERR_USAGE, "errnoRet %lld is no errno", (long long)number);
	for (size_t i = 0; name && i < ARRAY_SIZE(actions); i++) {
		if (streq(name, actions[i].name)) {
			*ret = actions[i].value;
			return 0;
		}
	}
	if (name && streq(name, "SCMP_ACT_ERRNO"))
		*ret = SCMP_ACT_ERRNO((uint32_t)number);
	else if (name && streq(name, "SCMP_ACT_TRACE"))
		*ret = SCMP_ACT_TRACE((uint32_t)number);
	else if (name && streq(name, "SCMP_ACT_NOTIFY"))
		return err_set(err, ERR_UNSUPPORTED, "SCMP_ACT_NOTIFY: there is nobody to notify");
	else
		return err_set(err, ERR_USAGE, "'%.64s' is not an action", name ? name : "");
	return 0;
}

/* An errno as the document has it; EPERM where it has none. */
static int64_t errno_of(const json_t *j, const char *key)
{
	return json_is_integer(json_object_get(j, key)) ? js_int(j, key) : EPERM;
}

/* "SCMP_ARCH_X86_64" as libseccomp names it: "x86_64". 0: it does not know it. */
static uint32_t arch_token(const char *name)
{
	char text[32] = "";

	if (!name || !starts_with(name, "SCMP_ARCH_"))
		return 0;
	snprintf(text, sizeof(text), "%s", name + strlen("SCMP_ARCH_"));
	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p | 0x20);
	return seccomp_arch_resolve_name(text);
}

static int add_arches(scmp_filter_ctx ctx, const json_t *list, struct err *err)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const uint32_t token = arch_token(json_string_value(item));
		int result;

		if (!token)
			return err_set(err, ERR_USAGE, "'%.64s' is not an architecture",
				       json_string_value(item) ?: "");
		result = seccomp_arch_add(ctx, token);
		/* Of another byte order: nothing of that runs here. */
		if (result < 0 && result != -EEXIST && result != -EDOM)
			return err_set(err, ERR_SYSTEM, "architecture '%.64s'",
				       json_string_value(item));
	}
	return 0;
}

static int choose_arches(scmp_filter_ctx ctx, const json_t *profile, struct err *err)
{
	const json_t *plain = js_arr(profile, "architectures"), *map = js_arr(profile, "archMap");
	json_t *item;
	size_t i;

	if (json_array_size(plain) && json_array_size(map))
		return err_set(err, ERR_USAGE, "both 'architectures' and 'archMap' are specified");
	json_array_foreach(map, i, item) {
		if (arch_token(js_str(item, "architecture")) == seccomp_arch_native())
			return add_arches(ctx, js_arr(item, "subArchitectures"), err);
	}
	return add_arches(ctx, plain, err);
}

static bool lists(const json_t *list, const char *text)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (json_is_string(item) && streq(json_string_value(item), text))
			return true;
	return false;
}

/* Of the capabilities listed: are all there (or, of an empty list)? Is any? */
static bool has_caps(const struct machine *m, const json_t *list, bool any)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (strv_has(m->caps, json_string_value(item) ?: "") == any)
			return any;
	return !any;
}

static bool is_kernel(const struct machine *m, const char *at_least)
{
	int major = 0, minor = 0;

	if (sscanf(at_least, "%d.%d", &major, &minor) < 2)
		return false;
	return m->major > major || (m->major == major && m->minor >= minor);
}

/* docker's rule: every condition of "includes" must hold, and none of "excludes". */
static bool applies(const struct machine *m, const json_t *rule)
{
	const json_t *in = js_obj(rule, "includes"), *out = js_obj(rule, "excludes");
	const json_t *arches = js_arr(in, "arches");

	if (json_array_size(arches) && !lists(arches, m->arch))
		return false;
	if (!has_caps(m, js_arr(in, "caps"), false) ||
	    (js_str(in, "minKernel") && !is_kernel(m, js_str(in, "minKernel"))))
		return false;
	return !lists(js_arr(out, "arches"), m->arch) && !has_caps(m, js_arr(out, "caps"), true) &&
	       !(js_str(out, "minKernel") && is_kernel(m, js_str(out, "minKernel")));
}

static int parse_condition(const json_t *j, struct scmp_arg_cmp *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} ops[] = {
		{ "SCMP_CMP_NE", SCMP_CMP_NE },	  { "SCMP_CMP_LT", SCMP_CMP_LT },
		{ "SCMP_CMP_LE", SCMP_CMP_LE },	  { "SCMP_CMP_EQ", SCMP_CMP_EQ },
		{ "SCMP_CMP_GE", SCMP_CMP_GE },	  { "SCMP_CMP_GT", SCMP_CMP_GT },
		{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
	};
	const char *op = js_str(j, "op");
	const int64_t index = js_int(j, "index");

	for (size_t i = 0; op && index >= 0 && index < ARGS_MAX && i < ARRAY_SIZE(ops); i++) {
		if (!streq(op, ops[i].name))
			continue;
		*ret = (struct scmp_arg_cmp){
			.arg = (unsigned int)index,
			.op = ops[i].op,
			.datum_a = (scmp_datum_t)js_int(j, "value"),
			.datum_b = (scmp_datum_t)js_int(j, "valueTwo"),
		};
		return 0;
	}
	return err_set(err, ERR_USAGE, "a comparison '%.64s' of argument %lld", op ? op : "",
		       (long long)index);
}

/*
 * One call. Conditions all hold at once; where two are on one argument, which libseccomp takes only
 * once a rule, each is a rule by itself, as runc does it.
 */
static int add_call(scmp_filter_ctx ctx, uint32_t action, const char *name,
		    const struct scmp_arg_cmp *conditions, unsigned int n, struct err *err)
{
	const int nr = seccomp_syscall_resolve_name(name);
	unsigned int seen = 0;
	bool twice = false;
	int result = 0;

	if (nr == __NR_SCMP_ERROR)
		return 0; /* of another machine, or newer than libseccomp */
	for (unsigned int i = 0; i < n; i++) {
		twice |= seen & 1u << conditions[i].arg;
		seen |= 1u << conditions[i].arg;
	}
	if (!twice)
		result = seccomp_rule_add_array(ctx, action, nr, n, conditions);
	for (unsigned int i = 0; twice && result == 0 && i < n; i++)
		result = seccomp_rule_add_array(ctx, action, nr, 1, &conditions[i]);
	if (result < 0 && result != -EEXIST)
		return err_set(err, ERR_USAGE, "the rule on '%.64s': %s", name, strerror(-result));
	return 0;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t fallback, const json_t *rule, struct err *err)
{
	const char *one = js_str(rule, "name");
	const json_t *names = js_arr(rule, "names"), *args = js_arr(rule, "args");
	struct scmp_arg_cmp conditions[ARGS_MAX * 2];
	unsigned int n = 0;
	uint32_t action;
	json_t *item;
	size_t i;

	if (one && json_array_size(names))
		return err_set(err, ERR_USAGE, "both 'name' and 'names' are specified");
	if (parse_action(js_str(rule, "action"), errno_of(rule, "errnoRet"), &action, err) < 0)
		return -1;
	if (json_array_size(args) > ARRAY_SIZE(conditions))
		return err_set(err, ERR_USAGE, "a rule with %zu arguments", json_array_size(args));
	json_array_foreach(args, i, item)
		if (parse_condition(item, &conditions[n++], err) < 0)
			return -1;
	if (action == fallback)
		return 0;
	if (one)
		return add_call(ctx, action, one, conditions, n, err);
	json_array_foreach(names, i, item)
		if (json_is_string(item) &&
		    add_call(ctx, action, json_string_value(item), conditions, n, err) < 0)
			return -1;
	return 0;
}

static bool speaks_of(const json_t *profile, const struct machine *m, const char *call)
{
	json_t *rule;
	size_t i;

	json_array_foreach(js_arr(profile, "syscalls"), i, rule)
		if (applies(m, rule) && (streq(js_str(rule, "name") ?: "", call) ||
					 lists(js_arr(rule, "names"), call)))
			return true;
	return false;
}

/*
 * What is called behind the filter before the program is executed (runtime/inside/execute.c). A
 * profile made by watching a program lacks them; whoever may execve(2) gains nothing by them.
 */
static int allow_our_own(scmp_filter_ctx ctx, uint32_t fallback, const json_t *profile,
			 const struct machine *m, struct err *err)
{
	const struct {
		const char *name;
		struct scmp_arg_cmp condition;
	} calls[] = {
		{ "execveat", SCMP_A4_64(SCMP_CMP_EQ, AT_EMPTY_PATH, 0) },
		{ "fcntl", SCMP_A1_64(SCMP_CMP_EQ, F_SETFD, 0) },
	};

	for (size_t i = 0; fallback != SCMP_ACT_ALLOW && i < ARRAY_SIZE(calls); i++)
		if (!speaks_of(profile, m, calls[i].name) &&
		    add_call(ctx, SCMP_ACT_ALLOW, calls[i].name, &calls[i].condition, 1, err) < 0)
			return -1;
	return 0;
}

static int refuse_more(const json_t *profile, struct err *err)
{
	json_t *item;
	size_t i;

	if (js_str(profile, "listenerPath"))
		return err_set(err, ERR_UNSUPPORTED, "'listenerPath': there is nobody to listen");
	json_array_foreach(js_arr(profile, "flags"), i, item) {
		const char *flag = json_string_value(item) ?: "";

		/* One thread installs it, before there are others. */
		if (!streq(flag, "SECCOMP_FILTER_FLAG_TSYNC"))
			return err_set(err, ERR_UNSUPPORTED, "the flag '%.64s'", flag);
	}
	return 0;
}

static int export(scmp_filter_ctx ctx, const int scratch[2], struct buf *ret, struct err *err)
{
	static struct sock_filter code[SECCOMP_FILTER_MAX + 1];
	ssize_t n;

	if (seccomp_export_bpf(ctx, scratch[1]) < 0)
		return err_set(err, ERR_SYSTEM, "the filter can't be made");
	n = read(scratch[0], code, sizeof(code));
	if (n <= 0 || (size_t)n % sizeof(code[0]) ||
	    (size_t)n > SECCOMP_FILTER_MAX * sizeof(code[0]))
		return err_set(err, ERR_USAGE, "the filter is too large");
	buf_add(ret, code, (size_t)n);
	return 0;
}

static int compile(const json_t *profile, const struct strv *caps, const int scratch[2],
		   struct buf *ret, struct err *err)
{
	const struct machine m = this_machine(caps);
	CLEAN(clean_filter) scmp_filter_ctx ctx = NULL;
	uint32_t fallback;
	json_t *rule;
	size_t i;

	if (parse_action(js_str(profile, "defaultAction"), errno_of(profile, "defaultErrnoRet"),
			 &fallback, err) < 0)
		return err_wrap(err, "defaultAction");
	if (refuse_more(profile, err) < 0)
		return -1;
	ctx = seccomp_init(fallback);
	if (!ctx)
		return err_set(err, ERR_SYSTEM, "libseccomp");
	if (choose_arches(ctx, profile, err) < 0)
		return -1;
	json_array_foreach(js_arr(profile, "syscalls"), i, rule)
		if (applies(&m, rule) && add_rule(ctx, fallback, rule, err) < 0)
			return -1;
	if (allow_our_own(ctx, fallback, profile, &m, err) < 0)
		return -1;
	return export(ctx, scratch, ret, err);
}

int seccomp_profile_compile(const struct buf *json, const struct strv *caps,
			    const int scratch[2], struct buf *ret, struct err *err)
{
	CLEAN(clean_json) json_t *profile = NULL;

	if (js_parse(buf_str(json), json->len, &profile, err) < 0)
		return err_wrap(err, "decoding seccomp profile failed");
	return compile(profile, caps, scratch, ret, err) < 0 ? err_wrap(err, "seccomp profile") : 0;
}
