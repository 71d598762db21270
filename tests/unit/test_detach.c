/* The keys to detach by. */
#include "tests/unit/test.h"

#include "runtime/detach.h"

/* What goes on of what is typed, at one go or key by key; "!" behind it: detached. */
static const char *typed(const char *keys, const char *text, size_t n, size_t step)
{
	static char out[256];
	struct detach d;
	size_t len = 0;
	bool over = false;

	CHECK(detach_parse(keys, &d, NULL) == 0);
	for (size_t i = 0; i < n && !over; i += step) {
		size_t more;

		over = detach_filter(&d, text + i, i + step < n ? step : n - i, out + len, &more);
		len += more;
	}
	snprintf(out + len, sizeof(out) - len, "%s", over ? "!" : "");
	return out;
}

static const char *whole(const char *keys, const char *text)
{
	return typed(keys, text, strlen(text), 100);
}

static const char *singly(const char *keys, const char *text)
{
	return typed(keys, text, strlen(text), 1);
}

TEST(the_keys_detach_and_what_is_before_them_goes_on)
{
	CHECK_STR(whole(DETACH_KEYS_DEFAULT, "ls\x10\x11rest"), "ls!");
	CHECK_STR(singly(DETACH_KEYS_DEFAULT, "ls\x10\x11"), "ls!");
	CHECK_STR(whole("q", "abqc"), "ab!");
}

TEST(what_was_held_back_goes_on_when_another_key_comes)
{
	CHECK_STR(singly(DETACH_KEYS_DEFAULT, "\x10x\x11"), "\x10x\x11");
	CHECK_STR(singly(DETACH_KEYS_DEFAULT, "\x10\x10\x11"), "\x10!");
	CHECK_STR(whole("a,a,b", "aaab"), "a!");
	CHECK_STR(singly("a,b,a,c", "ababac"), "ab!");
	CHECK_STR(whole("a,b,a,c", "abababx"), "abababx");
}

TEST(no_keys_are_none)
{
	CHECK_STR(whole("", "\x10\x11q"), "\x10\x11q");
}

TEST(every_key_has_its_code)
{
	struct detach d;

	CHECK(detach_parse("ctrl-@,ctrl-a,ctrl-z,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_,DEL,x", &d, NULL) == 0);
	CHECK(d.n == 10 && memcmp(d.keys, "\0\x01\x1a\x1b\x1c\x1d\x1e\x1f\x7fx", 10) == 0);
	CHECK_STR(typed("ctrl-@,x", "a\0x", 3, 1), "a!");
}

TEST(what_is_no_key_is_refused)
{
	static const char *const bad[] = { "ctrl-", "ctrl-A", "ctrl-1", "ctrl-aa", "ab", ",", "a,", ",a", "^P",
					   "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q" };
	struct detach d = { .n = 77 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(detach_parse(bad[i], &d, NULL) < 0);
	CHECK(d.n == 77);
}

int main(void)
{
	RUN(the_keys_detach_and_what_is_before_them_goes_on);
	RUN(what_was_held_back_goes_on_when_another_key_comes);
	RUN(no_keys_are_none);
	RUN(every_key_has_its_code);
	RUN(what_is_no_key_is_refused);
	return test_summary();
}
