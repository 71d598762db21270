#include <stdint.h>

#include "image/progress_text.h"
#include "tests/unit/test.h"

static const struct progress_row row = {
	.name = "8d4af7e8ed45", .done = 12300000, .total = 45600000, .speed = 5.6e6
};

static const char *text(const struct progress_row *r, int columns)
{
	static char line[PROGRESS_LINE];

	progress_text(r, columns, line);
	return line;
}

TEST(progress_shows_all_in_a_wide_window)
{
	CHECK_STR(text(&row, 80), "8d4af7e8ed45 [======>                ]  26%    12.3MB/45.6MB    "
				  "5.6MB/s      6s");
}

TEST(progress_leaves_out_what_there_is_no_room_for)
{
	CHECK_STR(text(&row, 60), "8d4af7e8ed45  26%    12.3MB/45.6MB    5.6MB/s      6s");
	CHECK_STR(text(&row, 40), "8d4af7e8ed45  26%    12.3MB/45.6MB");
	CHECK_STR(text(&row, 20), "8d4af7e8ed45  26%");
	CHECK_STR(text(&row, 10), "8d4af7e8e");
	CHECK_STR(text(&row, 1), "");
	CHECK_STR(text(&row, 0), "");
}

TEST(progress_is_never_as_wide_as_the_window)
{
	static const int64_t sizes[] = { 0, 1, 999, 1000, 999949, 999950, 1000000, INT64_MAX };

	for (int columns = 1; columns < 300; columns++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
				const struct progress_row r = { .name = "8d4af7e8ed45",
								.done = sizes[k],
								.total = sizes[i],
								.speed = (double)sizes[k] };

				CHECK((int)strlen(text(&r, columns)) < columns);
			}
}

TEST(progress_says_in_a_word_what_cannot_be_counted)
{
	const struct progress_row waiting = { .name = "8d4af7e8ed45", .word = "queued", .total = 5 };

	CHECK_STR(text(&waiting, 80), "8d4af7e8ed45 queued");
	CHECK_STR(text(&waiting, 20), "8d4af7e8ed45 queued");
}

TEST(progress_words_time)
{
	const struct progress_row minutes = { .name = "x", .total = 65000, .speed = 1000 };
	const struct progress_row hours = { .name = "x", .total = 7380000, .speed = 1000 };
	const struct progress_row days = { .name = "x", .total = 1000000000, .speed = 1000 };

	CHECK(strstr(text(&minutes, 80), " 1m05s"));
	CHECK(strstr(text(&hours, 80), " 2h03m"));
	CHECK_STR(strstr(text(&days, 80), "1.0kB/s"), "1.0kB/s");
}

TEST(progress_does_without_a_size)
{
	const struct progress_row unknown = { .name = "x", .done = 1500 };

	CHECK_STR(text(&unknown, 80), "x                            1.5kB");
}

int main(void)
{
	RUN(progress_shows_all_in_a_wide_window);
	RUN(progress_leaves_out_what_there_is_no_room_for);
	RUN(progress_is_never_as_wide_as_the_window);
	RUN(progress_says_in_a_word_what_cannot_be_counted);
	RUN(progress_words_time);
	RUN(progress_does_without_a_size);
	return test_summary();
}
