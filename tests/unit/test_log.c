/* The log: records in both forms, its files as they are rotated, and readers of them meanwhile. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "runtime/log_reader.h"

/* A directory to work in, for each test another one in it. */
static char work_path[4096];
static int work = -1, dir = -1;

static struct log_config config_of(enum log_driver driver, long long max_size, int max_files)
{
	return (struct log_config){ .driver = driver, .max_size = max_size, .max_files = max_files };
}

static void say(struct log_file *f, const char *text)
{
	log_file_write(f, false, text, strlen(text));
}

#define LOG_FILE(lent) { .config = (lent), .dir = dir, .fd = -1 }

/* What a reader has still to say, lines by a space. */
static const char *rest(struct log_reader *r)
{
	static char text[4096];
	struct log_record record;

	text[0] = '\0';
	while (log_reader_next(r, &record))
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", *text ? " " : "",
			 (int)record.len, record.text);
	return text;
}

/* What one that comes now reads. */
static const char *all(const struct log_config *config)
{
	CLEAN(log_reader_done) struct log_reader r = { 0 };

	CHECK(log_reader_open(config, dir, false, &r, NULL) == 0);
	return rest(&r);
}

static const char *tail(const struct log_config *config, size_t n)
{
	CLEAN(log_reader_done) struct log_reader r = { 0 };

	CHECK(log_reader_open(config, dir, false, &r, NULL) == 0);
	log_reader_seek_tail(&r, n);
	return rest(&r);
}

static void write_bytes(struct log_file *f, struct buf *ret)
{
	static const char *const parts[] = { "one\n", "\n", "\n\n", "par", "", "tial", "\n", "a\nb\nc" };
	char bytes[1024];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		say(f, parts[i]);
		buf_adds(&ret[0], parts[i]);
		log_file_write(f, true, bytes, sizeof(bytes) - i);
		buf_add(&ret[1], bytes, sizeof(bytes) - i);
	}
}

static void read_bytes(const struct log_config *config, struct buf *ret)
{
	CLEAN(log_reader_done) struct log_reader r = { 0 };
	struct log_record record;

	CHECK(log_reader_open(config, dir, false, &r, NULL) == 0);
	while (log_reader_next(&r, &record)) {
		CHECK(now_realtime() - record.time < INT64_C(60000000000));
		buf_add(&ret[record.is_stderr], record.text, record.len);
		if (!record.partial)
			buf_adds(&ret[record.is_stderr], "\n");
	}
}

static bool is_equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(buf_str(a), buf_str(b), a->len) == 0;
}

TEST(k8s_file_keeps_every_byte)
{
	const struct log_config config = config_of(LOG_K8S_FILE, 4000, 100);
	struct log_file f = LOG_FILE(&config);
	struct buf wrote[2] = { { 0 } }, got[2] = { { 0 } };

	write_bytes(&f, wrote);
	log_file_close(&f);
	read_bytes(&config, got);
	for (int i = 0; i < 2; i++) {
		CHECK(is_equal(&wrote[i], &got[i]));
		buf_done(&wrote[i]);
		buf_done(&got[i]);
	}
}

/* Every character of every length, cut wherever a read may cut it. */
TEST(json_file_keeps_every_character)
{
	static const char text[] = "\x01\x1f\x7f \"\\/\b\f\n\r\t<&> \xc2\x80 \xdf\xbf \xe0\xa0\x80 \xe2\x82\xac "
				   "\xed\x9f\xbf \xef\xbf\xbf \xf0\x90\x80\x80 \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf";
	const struct log_config config = config_of(LOG_JSON_FILE, 100000, 3);
	struct log_file f = LOG_FILE(&config);
	CLEAN(buf_done) struct buf wrote = { 0 };
	struct buf got[2] = { { 0 } };

	for (size_t step = 1; step < 6; step++)
		for (size_t i = 0; i < sizeof(text); i += step) {
			size_t n = i + step < sizeof(text) ? step : sizeof(text) - i;

			log_file_write(&f, false, text + i, n);
			buf_add(&wrote, text + i, n);
		}
	log_file_close(&f);
	read_bytes(&config, got);
	CHECK(is_equal(&wrote, &got[0]));
	buf_done(&got[0]);
}

TEST(json_file_replaces_what_is_no_character)
{
	static const char bad[] = "\xc0\xaf|\xed\xa0\x80|\xf5|\x80|\xe2\x82|\xf4\x90\x80\x80|\xff\xe2\x82";
	const struct log_config config = config_of(LOG_JSON_FILE, -1, 1);
	struct log_file f = LOG_FILE(&config);
	struct buf got[2] = { { 0 } };
	size_t replaced = 0;

	log_file_write(&f, false, bad, strlen(bad));
	log_file_close(&f);
	read_bytes(&config, got);
	for (const char *p = buf_str(&got[0]); (p = strstr(p, "\xef\xbf\xbd")); p++)
		replaced++;
	/* A replacement for each byte, the bars stay. */
	CHECK(replaced == strlen(bad) - 6);
	CHECK(got[0].len == 3 * replaced + 6);
	buf_done(&got[0]);
}

TEST(what_is_no_record_is_not_taken_for_one)
{
	static const struct {
		enum log_driver driver;
		const char *line;
	} bad[] = {
		{ LOG_K8S_FILE, "" },
		{ LOG_K8S_FILE, "text" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789Z" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789Z stdout" },
		{ LOG_K8S_FILE, "2026-13-41T09:30:00.123456789Z stdout F x" },
		{ LOG_K8S_FILE, "2026-11-21 09:30:00.123456789Z stdout F x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.12345678xZ stdout F x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.-12345678Z stdout F x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789+ stdout F x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789Z stdxxx F x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789Z stdout X x" },
		{ LOG_K8S_FILE, "2026-11-21T09:30:00.123456789Z stdout Fx" },
		{ LOG_JSON_FILE, "" },
		{ LOG_JSON_FILE, "{\"log\":\"" },
		{ LOG_JSON_FILE, "{\"log\":\"x" },
		{ LOG_JSON_FILE, "{\"log\":\"x\\" },
		{ LOG_JSON_FILE, "{\"log\":\"x\\u12" },
		{ LOG_JSON_FILE, "{\"log\":\"x\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\\x\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\\ud800\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\\udc00\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\\ud800\\u0041\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\",\"stream\":\"stdxxx\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}" },
		{ LOG_JSON_FILE, "{\"log\":\"\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"]" },
		{ LOG_JSON_FILE, "{\"log\":\"\",\"stream\":\"stdout\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}x" },
	};
	char k8s[] = "2026-11-21T09:30:00.123456789Z stdout F text";
	char json[] = "{\"log\":\"\\ud83d\\ude00\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-21T09:30:00.123456789Z\"}";
	struct log_record r = { 0 };

	CHECK(log_parse(LOG_K8S_FILE, k8s, strlen(k8s), &r) && r.time == INT64_C(1795253400123456789));
	CHECK(r.len == 4 && !r.is_stderr && !r.partial);
	CHECK(log_parse(LOG_JSON_FILE, json, strlen(json), &r) && r.time == INT64_C(1795253400123456789));
	CHECK(r.len == 4 && r.is_stderr && !r.partial && memcmp(r.text, "\xf0\x9f\x98\x80", 4) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEAN(clean_free) char *line = xstrdup(bad[i].line);
		bool taken = log_parse(bad[i].driver, line, strlen(line), &r);

		if (taken)
			printf("#   taken: %s\n", bad[i].line);
		CHECK(!taken);
	}
}

/* Two records of 42 bytes fit into a file. */
#define TWO config_of(LOG_K8S_FILE, 90, 3)

static bool exists(const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

TEST(the_oldest_file_goes)
{
	const struct log_config config = TWO;
	struct log_file f = LOG_FILE(&config);

	say(&f, "1\n2\n3\n");
	CHECK_STR(all(&config), "1 2 3");
	CHECK(exists("log.1") && !exists("log.2"));
	say(&f, "4\n5\n6\n7\n");
	CHECK_STR(all(&config), "3 4 5 6 7");
	CHECK(exists("log.2") && !exists("log.3"));
	CHECK_STR(tail(&config, 0), "");
	CHECK_STR(tail(&config, 1), "7");
	CHECK_STR(tail(&config, 2), "6 7");
	CHECK_STR(tail(&config, 4), "4 5 6 7");
	CHECK_STR(tail(&config, 5), "3 4 5 6 7");
	CHECK_STR(tail(&config, 1000), "3 4 5 6 7");
	log_file_close(&f);
	say(&f, "8\n9\n");
	CHECK_STR(all(&config), "5 6 7 8 9");
	log_file_close(&f);
}

TEST(one_file_alone_begins_anew)
{
	const struct log_config config = config_of(LOG_K8S_FILE, 90, 1);
	struct log_file f = LOG_FILE(&config);

	say(&f, "1\n2\n3\n");
	CHECK_STR(all(&config), "3");
	CHECK(!exists("log.1"));
	log_file_close(&f);
}

TEST(a_record_larger_than_a_file_has_one_of_its_own)
{
	const struct log_config config = config_of(LOG_K8S_FILE, 60, 9);
	struct log_file f = LOG_FILE(&config);

	say(&f, "1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n2\n");
	CHECK_STR(all(&config), "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA 2");
	CHECK(exists("log.2") && !exists("log.3"));
	log_file_close(&f);
}

TEST(who_follows_passes_from_file_to_file)
{
	const struct log_config config = TWO;
	struct log_file f = LOG_FILE(&config);
	CLEAN(log_reader_done) struct log_reader early = { 0 };
	CLEAN(log_reader_done) struct log_reader late = { 0 };
	struct log_record record;

	CHECK(log_reader_open(&config, dir, true, &early, NULL) == 0);
	CHECK_STR(rest(&early), "");
	say(&f, "1\n");
	CHECK_STR(rest(&early), "1");
	CHECK(log_reader_open(&config, dir, true, &late, NULL) == 0);
	say(&f, "2\n3\n");
	CHECK_STR(rest(&early), "2 3");
	say(&f, "4\n5\n6\n7\n8\n9\n");
	/* It stood in the file of 3 and 4, which is gone but for its descriptor. */
	CHECK_STR(rest(&early), "4 5 6 7 8 9");
	/* This one had 1 and 2 open; 3 and 4 went before it came there. */
	CHECK(log_reader_next(&late, &record) && record.text[0] == '1');
	CHECK_STR(rest(&late), "2 5 6 7 8 9");
	CHECK_STR(rest(&early), "");
	log_file_close(&f);
}

TEST(a_rotation_that_was_broken_off_loses_no_more)
{
	const struct log_config config = config_of(LOG_K8S_FILE, 90, 4);
	struct log_file f = LOG_FILE(&config);
	CLEAN(log_reader_done) struct log_reader r = { 0 };

	say(&f, "1\n2\n3\n4\n5\n");
	CHECK(log_reader_open(&config, dir, true, &r, NULL) == 0);
	log_file_close(&f);
	/* Killed after the first of its renames, and then after all but the last. */
	CHECK(renameat(dir, "log.2", dir, "log.3") == 0);
	CHECK_STR(all(&config), "1 2 3 4 5");
	CHECK(renameat(dir, "log.1", dir, "log.2") == 0);
	CHECK_STR(all(&config), "1 2 3 4 5");
	say(&f, "6\n7\n8\n");
	CHECK_STR(all(&config), "1 2 3 4 5 6 7 8");
	CHECK_STR(rest(&r), "1 2 3 4 5 6 7 8");
	log_file_close(&f);
}

TEST(a_torn_record_swallows_no_other)
{
	const struct log_config config = config_of(LOG_K8S_FILE, 1000, 2);
	struct log_file f = LOG_FILE(&config);

	say(&f, "1\n2\n");
	log_file_close(&f);
	CHECK(fchdir(dir) == 0 && truncate("log", 60) == 0);
	say(&f, "3\n");
	CHECK_STR(all(&config), "1 3");
	log_file_close(&f);
}

/* As on a full disk: what does not fit is lost, what fits afterwards is not. */
TEST(a_log_that_is_full_loses_records_and_no_halves)
{
	const struct log_config config = config_of(LOG_K8S_FILE, -1, 1);
	struct log_file f = LOG_FILE(&config);
	struct rlimit before, small;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 100;
	say(&f, "1\n2\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	say(&f, "3\n");
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	say(&f, "4\n");
	CHECK_STR(all(&config), "1 2 4");
	log_file_close(&f);
}

TEST(what_is_not_a_file_is_not_written_to)
{
	const struct log_config config = config_of(LOG_K8S_FILE, -1, 1);
	struct log_file f = LOG_FILE(&config);

	CHECK(mkfifoat(dir, "log", 0600) == 0);
	say(&f, "1\n");
	CHECK(f.fd < 0);
	unlinkat(dir, "log", 0);
	say(&f, "2\n");
	CHECK_STR(all(&config), "2");
	log_file_close(&f);
}

static pid_t start_writer(const struct log_config *config, int n)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct log_file f = LOG_FILE(config);

		for (int i = 1; i <= n; i++) {
			char text[16];

			snprintf(text, sizeof(text), "%d\n", i);
			say(&f, text);
		}
		_exit(0);
	}
	return pid;
}

/* Reads beside the writer. Numbers only rise; how many are missed is what comes back. */
static int follow_writer(const struct log_config *config, pid_t writer, int n, bool *ret_rising)
{
	CLEAN(log_reader_done) struct log_reader r = { 0 };
	int last = 0, seen = 0, status;
	struct log_record record;
	bool over = false;

	*ret_rising = true;
	CHECK(log_reader_open(config, dir, true, &r, NULL) == 0);
	while (last < n) {
		bool was_over = over;

		over = waitpid(writer, &status, WNOHANG) != 0;
		while (log_reader_next(&r, &record)) {
			int number = atoi(record.text);

			*ret_rising = *ret_rising && number > last;
			last = number;
			seen++;
		}
		if (was_over)
			break;
	}
	CHECK(last == n);
	waitpid(writer, &status, 0);
	return n - seen;
}

TEST(a_reader_beside_rotations_loses_nothing_that_stays)
{
	/* 3,000 records, 50 a file, in 70 files: none goes. */
	const struct log_config config = config_of(LOG_K8S_FILE, 2200, 70);
	bool rising;

	for (int round = 0; round < 2; round++) {
		pid_t writer = start_writer(&config, 3000);

		CHECK(follow_writer(&config, writer, 3000, &rising) == 0);
		CHECK(rising);
		for (int i = 0; i < config.max_files; i++) {
			CLEAN(clean_free) char *name = log_file_name(&config, i);

			unlinkat(dir, name, 0);
		}
	}
}

TEST(a_reader_that_is_left_behind_goes_on_with_the_oldest_there_is)
{
	const struct log_config config = config_of(LOG_JSON_FILE, 200, 3);
	pid_t writer = start_writer(&config, 3000);
	bool rising;

	follow_writer(&config, writer, 3000, &rising);
	CHECK(rising);
}

#define RUN_THERE(name)                                                                           \
	do {                                                                                      \
		mkdirat(work, #name, 0700);                                                       \
		dir = openat(work, #name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);                    \
		RUN(name);                                                                        \
		close(dir);                                                                       \
	} while (0)

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(work_path, sizeof(work_path), "%s/test_log.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(work_path) ||
	    (work = open(work_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(work_path);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	RUN_THERE(k8s_file_keeps_every_byte);
	RUN_THERE(json_file_keeps_every_character);
	RUN_THERE(json_file_replaces_what_is_no_character);
	RUN_THERE(what_is_no_record_is_not_taken_for_one);
	RUN_THERE(the_oldest_file_goes);
	RUN_THERE(one_file_alone_begins_anew);
	RUN_THERE(a_record_larger_than_a_file_has_one_of_its_own);
	RUN_THERE(who_follows_passes_from_file_to_file);
	RUN_THERE(a_rotation_that_was_broken_off_loses_no_more);
	RUN_THERE(a_torn_record_swallows_no_other);
	RUN_THERE(a_log_that_is_full_loses_records_and_no_halves);
	RUN_THERE(what_is_not_a_file_is_not_written_to);
	RUN_THERE(a_reader_beside_rotations_loses_nothing_that_stays);
	RUN_THERE(a_reader_that_is_left_behind_goes_on_with_the_oldest_there_is);
	close(work);
	tree_remove_at(AT_FDCWD, work_path, NULL);
	return test_summary();
}
