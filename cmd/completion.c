/*
 * Theory of operation
 *
 * A shell's script is a few lines: it asks "tiffin completion words WORD…" what the last of the
 * words typed so far, which may be empty, can become, and offers the answer, or else names of
 * files. The answer comes off the same tables as the parsing, and out of the store.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "cmd/groups.h"
#include "storage/container.h"
#include "storage/image.h"
#include "storage/volume.h"

static const struct {
	const char *name, *script;
} shells[] = {
	{ "bash",
	  "# source <(tiffin completion bash)\n"
	  "_tiffin() {\n"
	  "\tlocal line=${COMP_LINE:0:COMP_POINT} words cur\n"
	  "\tread -ra words <<<\"$line\"\n"
	  "\t[[ $line == *[[:space:]] ]] && words+=('')\n"
	  "\tcur=${words[-1]}\n"
	  "\tmapfile -t COMPREPLY < <(tiffin completion words \"${words[@]:1}\" 2>/dev/null)\n"
	  "\t# What stands before the last ':' or '=' is a word of its own to readline.\n"
	  "\tif [[ $cur == *[:=]* ]]; then\n"
	  "\t\tcur=${cur%\"${cur##*[:=]}\"}\n"
	  "\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"$cur\"}\")\n"
	  "\tfi\n"
	  "}\n"
	  "complete -o default -F _tiffin tiffin\n" },
	{ "zsh",
	  "#compdef tiffin\n"
	  "# source <(tiffin completion zsh), behind compinit\n"
	  "_tiffin() {\n"
	  "\tlocal -a found\n"
	  "\tfound=(${(f)\"$(tiffin completion words \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
	  "\tif (( $#found )); then compadd -- $found; else _files; fi\n"
	  "}\n"
	  "compdef _tiffin tiffin\n" },
	{ "fish",
	  "# tiffin completion fish | source\n"
	  "function __tiffin_words\n"
	  "\tset -l words (commandline -opc) (commandline -ct | string collect -a)\n"
	  "\tset -l found (tiffin completion words $words[2..-1] 2>/dev/null)\n"
	  "\tif test (count $found) -gt 0\n"
	  "\t\tprintf '%s\\n' $found\n"
	  "\telse\n"
	  "\t\t__fish_complete_path (commandline -ct)\n"
	  "\tend\n"
	  "end\n"
	  "complete -c tiffin -f -a '(__tiffin_words)'\n" },
};

/* What the words before the last one have come to. */
struct place {
	const struct group *group;
	const struct command *command; /* NULL: not named yet */
	const struct opt *opts;
	size_t operands;  /* of the command, so far */
	bool ended;	  /* "--" was there, or an operand that ends the options */
	bool wants_value; /* the last word is an option's */
};

static const struct command *command_named(const struct group *g, const char *word)
{
	const struct command *c;
	const char *names;

	for (size_t i = 0; (names = group_names(g, i, &c)); i++)
		if (c && group_name_is(names, word))
			return c;
	return NULL;
}

static const struct group *group_named(const char *word)
{
	for (const struct group *g = command_groups + 1; g->name; g++)
		if (streq(g->name, word))
			return g;
	return NULL;
}

/* False: there is no such command. */
static bool pass_operand(struct place *p, const char *word)
{
	const struct group *g =
		!p->command && p->group == command_groups ? group_named(word) : NULL;

	if (g) {
		p->group = g;
	} else if (!p->command) {
		p->command = command_named(p->group, word);
		p->opts = p->command ? p->command->opts : NULL;
		return p->command;
	} else {
		p->operands++;
		p->ended = p->ended || p->command->stop_at_operand;
	}
	return true;
}

static bool find_place(const struct strv *words, struct place *p)
{
	for (size_t i = 0; i + 1 < words->n; i++) {
		const char *word = words->v[i];

		if (p->ended || word[0] != '-' || !word[1]) {
			if (!pass_operand(p, word))
				return false;
		} else if (streq(word, "--")) {
			p->ended = true;
		} else if (opt_awaits_value(p->opts, word)) {
			p->wants_value = ++i + 1 == words->n;
		}
	}
	return true;
}

static void offer(const char *word, const char *begun)
{
	if (starts_with(word, begun))
		printf("%s\n", word);
}

static void offer_first(const char *names, const char *begun)
{
	CLEAN(clean_free) char *first = xstrndup(names, strcspn(names, "|"));

	offer(first, begun);
}

static void offer_option(const struct opt *row, char letter, void *begun)
{
	CLEAN(clean_free) char *word = xasprintf("--%s", row->name);

	(void)letter;
	if (row->help)
		offer(word, begun);
}

static void offer_commands(const struct group *g, const char *begun)
{
	const struct command *c;
	const char *names;

	for (size_t i = 0; (names = group_names(g, i, &c)); i++)
		if (c)
			offer_first(names, begun);
	for (const struct group *other = g + 1; g == command_groups && other->name; other++)
		offer(other->name, begun);
}

static int offer_containers(const struct tiffin *t, const char *begun, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (container_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		offer(list[i].name, begun);
	container_list_done(list, n);
	return 0;
}

static int offer_images(const struct tiffin *t, const char *begun, struct err *err)
{
	struct image_record *list = NULL;
	size_t n = 0;

	if (image_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < list[i].names.n; k++)
			offer(list[i].names.v[k], begun);
	image_list_done(list, n);
	return 0;
}

static int offer_volumes(const struct tiffin *t, const char *begun, struct err *err)
{
	struct volume *list = NULL;
	size_t n = 0;

	if (volume_list(&t->store, &list, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		offer(list[i].name, begun);
	volume_list_done(list, n);
	return 0;
}

/* The operand of "[OPTIONS] CONTAINER [CONTAINER…]" that comes next; the caller frees. */
static char *operand_at(const struct command *c, size_t at)
{
	const char *p = c->operands;
	char *word = NULL;

	for (;; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");

		if (!len)
			break;
		if (strncmp(p, "[OPTIONS]", len) != 0) {
			free(word);
			word = xstrndup(p, len);
			if (at-- == 0)
				return word;
		}
		p += len;
	}
	if (word && !strstr(word, "…"))
		free(ptr_take(&word));
	return word;
}

/* "systemd", "bash|zsh|fish": the words themselves. */
static void offer_literal(const char *operand, const char *begun)
{
	for (const char *p = operand; p && *p >= 'a' && *p <= 'z';
	     p = strchr(p, '|'), p = p ? p + 1 : NULL)
		offer_first(p, begun);
}

static int offer_operand(struct tiffin *t, const struct place *p, const char *begun,
			 struct err *err)
{
	CLEAN(clean_free) char *operand = operand_at(p->command, p->operands);
	bool any = operand && strstr(operand, "NAME…");

	if (!operand)
		return 0;
	offer_literal(operand, begun);
	if (tiffin_open(t, false, err) < 0)
		return -1;
	if ((any || strstr(operand, "CONTAINER")) && offer_containers(t, begun, err) < 0)
		return -1;
	if ((any || strstr(operand, "VOLUME")) && offer_volumes(t, begun, err) < 0)
		return -1;
	return any || strstr(operand, "IMAGE") || strstr(operand, "REPOSITORY") ?
		       offer_images(t, begun, err) :
		       0;
}

static int offer_words(struct tiffin *t, const struct strv *words, struct err *err)
{
	struct place p = { .group = command_groups, .opts = global_opts };
	const char *begun = words->n ? words->v[words->n - 1] : "";

	if (!find_place(words, &p) || p.wants_value)
		return 0;
	if (*begun == '-' && !p.ended) {
		opts_each(p.opts, offer_option, (void *)begun);
		return 0;
	}
	if (p.command)
		return offer_operand(t, &p, begun, err);
	offer_commands(p.group, begun);
	return 0;
}

static int completion(struct tiffin *t, void *options, const struct strv *operands, struct err *err)
{
	const struct strv words = { .v = operands->v + 1, .n = operands->n - 1 };

	(void)options;
	if (streq(operands->v[0], "words"))
		return offer_words(t, &words, err);
	for (size_t i = 0; i < ARRAY_SIZE(shells) && operands->n == 1; i++) {
		if (streq(operands->v[0], shells[i].name)) {
			fputs(shells[i].script, stdout);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "completion is for bash, zsh and fish");
}

static const struct opt completion_opts[] = { { 0 } };

const struct command command_completion = {
	.names = "completion",
	.operands = "bash|zsh|fish",
	.summary = "print a script that has the shell complete commands, options and names",
	.opts = completion_opts,
	.size = 1,
	.stop_at_operand = true,
	.min_operands = 1,
	.max_operands = SIZE_MAX,
	.run = completion,
};
