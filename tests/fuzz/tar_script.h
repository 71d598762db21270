/*
 * Tar archives as text, for corpora that can be read: a line an entry.
 *
 *	TYPE MODE NAME[|LINK[|DATA]]	TYPE: as in a header ('0' file, '1' hardlink, '5' directory …)
 *	x KEY=VALUE			a PAX record for the next entry; g: a global one
 *	u UID[:GID]			of the next entry
 *	s SIZE				that the next entry says that it has
 *	t SECONDS			its time
 *	.				the archive ends here; what follows is not parsed, but is there
 *	# …
 *
 * "\n" in a line stands for a newline, "\\" for a backslash, "\0" for a NUL.
 */
#ifndef TESTS_FUZZ_TAR_SCRIPT_H
#define TESTS_FUZZ_TAR_SCRIPT_H

#include "base/cleanup.h"
#include "tests/unit/tar_writer.h"

static inline void script_unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\' && strchr("n\\", s[1]) && s[1]) {
			*to++ = *++s == 'n' ? '\n' : '\\';
			continue;
		}
		*to++ = *s;
	}
	*to = '\0';
}

static inline void script_pax(struct buf *tar, char type, const char *record)
{
	const char *equals = strchr(record, '=');
	CLEAN(clean_free) char *key = equals ? xstrndup(record, (size_t)(equals - record)) : NULL;
	const size_t at = tar->len;

	if (!key)
		return;
	tar_pax(tar, key, equals + 1);
	if (type == 'x')
		return;
	/* The checksum is a sum: what one byte gains, it gains. */
	tar->data[at + 156] = type;
	tar->data[at + 153] = (char)(tar->data[at + 153] + 'g' - 'x');
	for (int i = 153; i > 148 && tar->data[at + i] < '0'; i--) {
		tar->data[at + i] = (char)(tar->data[at + i] + 8);
		tar->data[at + i - 1]--;
	}
}

static inline void script_entry(struct buf *tar, char *line, struct tar_entry *e)
{
	char *name = strchr(line, ' '), *link, *data;

	if (!name)
		return;
	e->type = line[0];
	e->mode = (unsigned int)strtoul(name, &name, 8);
	name += *name == ' ';
	link = strchr(name, '|');
	if (link)
		*link++ = '\0';
	data = link ? strchr(link, '|') : NULL;
	if (data)
		*data++ = '\0';
	e->name = name;
	e->link = link;
	e->data = data;
	tar_add(tar, *e);
	*e = (struct tar_entry){ .mtime = 1000 };
}

/* One line of it; text is changed. false: at ".". */
static inline bool script_line(struct buf *tar, char *line, struct tar_entry *e)
{
	char *rest = strlen(line) > 2 ? line + 2 : line + strlen(line);

	script_unescape(line);
	switch (*line) {
	case '.':
		return false;
	case '\0':
	case '#':
		break;
	case 'x':
	case 'g':
		script_pax(tar, *line, rest);
		break;
	case 'u':
		e->uid = strtoll(rest, &rest, 10);
		e->gid = *rest == ':' ? strtoll(rest + 1, NULL, 10) : 0;
		break;
	case 's':
		e->size = strtoll(rest, NULL, 10);
		break;
	case 't':
		e->mtime = strtoll(rest, NULL, 10);
		break;
	default:
		script_entry(tar, line, e);
	}
	return true;
}

static inline void script_tar(char *text, struct buf *tar)
{
	struct tar_entry e = { .mtime = 1000 };
	bool more = true;

	while (more && *text) {
		const size_t len = strcspn(text, "\n");
		CLEAN(clean_free) char *line = xstrndup(text, len);

		more = script_line(tar, line, &e);
		text += len + (text[len] == '\n');
	}
	tar_end(tar);
	buf_adds(tar, text);
}

#endif
