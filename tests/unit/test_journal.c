/* storage/journal: records, what is left of half of one, rotation, several writers. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/json.h"
#include "storage/journal.h"

static char work_path[4096];
static struct store store = STORE_INIT;

/* A store with an empty journal. */
static void fresh(void)
{
	unlinkat(store.fd, "events", 0);
	unlinkat(store.fd, "events.1", 0);
}

static void append_raw(const char *text)
{
	CLEAN(clean_fd)
	int fd = openat(store.fd, "events", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && write_all(fd, text, strlen(text), NULL) == 0);
}

static size_t count_records(void)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	json_t *event;
	size_t n = 0;

	CHECK(journal_open(&store, true, false, &j, NULL) == 0);
	for (; (event = journal_next(&j)); n++)
		json_decref(event);
	return n;
}

static off_t size_of(const char *name)
{
	struct stat st;

	return fstatat(store.fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 : st.st_size;
}

TEST(a_record_is_read_as_it_was_added)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	CLEAN(clean_json) json_t *event = NULL;

	fresh();
	journal_add(&store, "container", "start", "abc", "box", json_pack("{ssss}", "image", "i", "l", "a\n\x1e"));
	CHECK(journal_open(&store, true, false, &j, NULL) == 0);
	event = journal_next(&j);
	CHECK_STR(js_str(event, "type"), "container");
	CHECK_STR(js_str(event, "action"), "start");
	CHECK_STR(js_str(event, "id"), "abc");
	CHECK_STR(js_str(event, "name"), "box");
	CHECK_STR(js_str(js_obj(event, "attributes"), "image"), "i");
	CHECK_STR(js_str(js_obj(event, "attributes"), "l"), "a\n\x1e");
	CHECK(js_int(event, "time") > 0);
	CHECK(!journal_next(&j));
}

TEST(the_end_of_the_journal_is_not_for_ever)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	CLEAN(clean_json) json_t *event = NULL;

	fresh();
	journal_add(&store, "container", "old", "a", "a", NULL);
	CHECK(journal_open(&store, false, true, &j, NULL) == 0);
	CHECK(!journal_next(&j));
	journal_add(&store, "container", "new", "a", "a", NULL);
	CHECK(journal_wait(&j, 10000) == 0);
	event = journal_next(&j);
	CHECK_STR(js_str(event, "action"), "new");
	CHECK(journal_wait(&j, 0) < 0);
}

TEST(half_a_record_is_passed_over_and_the_next_is_whole)
{
	fresh();
	append_raw("\x1e{\"time\":1,\"type\":\"contai");
	journal_add(&store, "container", "start", "a", "a", NULL);
	CHECK(count_records() == 1);
	append_raw("\x1e{\"time\":1,\"type\":\"container\",\"action\":\"x\",\"id\":\"\",\"name\":\"\",\"attributes\":{}");
	CHECK(count_records() == 1);
	journal_add(&store, "container", "start", "a", "a", NULL);
	CHECK(count_records() == 2);
}

TEST(what_is_no_record_is_passed_over)
{
	fresh();
	append_raw("no record\n\x1e\n\x1e{}\n\x1e[1]\n\x1e{\"time\":\"1\"}\n\n\n");
	for (int i = 0; i < 10000; i++)
		append_raw("0123456789");
	append_raw("\n");
	journal_add(&store, "container", "start", "a", "a", NULL);
	CHECK(count_records() == 1);
}

TEST(attributes_that_do_not_fit_are_left_out)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	CLEAN(clean_json) json_t *event = NULL;
	json_t *many = json_pack("{ss}", "image", "i");

	for (int i = 0; i < 100000; i++) {
		char key[16];

		snprintf(key, sizeof(key), "key%d", i);
		js_set_str(many, key, "\x01\"value");
	}
	fresh();
	journal_add(&store, "container", "start", "a", "a", many);
	CHECK(size_of("events") > JOURNAL_RECORD_MAX / 2);
	CHECK(size_of("events") <= JOURNAL_RECORD_MAX);
	CHECK(journal_open(&store, true, false, &j, NULL) == 0);
	event = journal_next(&j);
	CHECK_STR(js_str(js_obj(event, "attributes"), "image"), "i");
	CHECK_STR(js_str(js_obj(event, "attributes"), "key0"), "\x01\"value");
}

TEST(it_is_bounded_and_a_reader_follows_across_its_rotation)
{
	CLEAN(journal_done) struct journal j = JOURNAL_INIT;
	CLEAN(clean_free) char *long_name = xcalloc(3001, 1);
	size_t n = 0, added = 2000;
	json_t *event;

	memset(long_name, 'x', 3000);
	fresh();
	CHECK(journal_open(&store, true, true, &j, NULL) == 0);
	for (size_t i = 0; i < added; i++) {
		journal_add(&store, "container", "start", "a", long_name, NULL);
		/* Reads at times, so that it is now behind and now waiting. */
		if (i % 97)
			continue;
		while ((event = journal_next(&j))) {
			n++;
			json_decref(event);
		}
		journal_wait(&j, 0);
	}
	while (journal_wait(&j, 0) == 0)
		;
	while ((event = journal_next(&j))) {
		n++;
		json_decref(event);
	}
	CHECK(n == added);
	CHECK(size_of("events") < JOURNAL_MAX + JOURNAL_RECORD_MAX);
	CHECK(size_of("events.1") < JOURNAL_MAX + JOURNAL_RECORD_MAX);
	CHECK(size_of("events.1") >= JOURNAL_MAX);
}

TEST(writers_at_once_lose_nothing_and_keep_the_older_half)
{
	CLEAN(clean_free) char *long_name = xcalloc(1001, 1);
	const int writers = 4, each = 400;

	memset(long_name, 'x', 1000);
	fresh();
	for (int w = 0; w < writers; w++)
		if (fork() == 0) {
			for (int i = 0; i < each; i++)
				journal_add(&store, "container", "start", "a", long_name, NULL);
			_exit(0);
		}
	for (int w = 0; w < writers; w++)
		wait(NULL);
	/* 1.7 MB: rotated once. A second rotation at once would have thrown away what the first kept. */
	CHECK(size_of("events.1") >= JOURNAL_MAX);
	CHECK(count_records() == (size_t)(writers * each));
}

TEST(a_journal_that_cannot_be_written_harms_nobody)
{
	fresh();
	CHECK(symlinkat("/dev/full", store.fd, "events") == 0);
	journal_add(&store, "container", "start", "a", "a", NULL);
	CHECK(unlinkat(store.fd, "events", 0) == 0);
	CHECK(count_records() == 0);
}

int main(void)
{
	snprintf(work_path, sizeof(work_path), "%s/tiffin-journal.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(work_path) || store_open(work_path, &store, NULL) < 0)
		return 1;
	RUN(a_record_is_read_as_it_was_added);
	RUN(the_end_of_the_journal_is_not_for_ever);
	RUN(half_a_record_is_passed_over_and_the_next_is_whole);
	RUN(what_is_no_record_is_passed_over);
	RUN(attributes_that_do_not_fit_are_left_out);
	RUN(it_is_bounded_and_a_reader_follows_across_its_rotation);
	RUN(writers_at_once_lose_nothing_and_keep_the_older_half);
	RUN(a_journal_that_cannot_be_written_harms_nobody);
	store_done(&store);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
