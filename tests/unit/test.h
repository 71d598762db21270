/*
 * A unit test: a main() that lists its tests, whose names are sentences. Prints a line a test and
 * "N passed, N failed" last; exits 1 where one failed.
 *
 *	TEST(reference_refuses_upper_case) { CHECK(reference_parse(…) < 0); }
 *	int main(void) { RUN(reference_refuses_upper_case); return test_summary(); }
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <stdio.h>
#include <string.h>

static int test_passed, test_failed, test_bad;

#define TEST(name) static void name(void)

#define CHECK(expr)                                                                               \
	do {                                                                                      \
		if (!(expr)) {                                                                    \
			printf("#   %s:%d: %s\n", __FILE__, __LINE__, #expr);                     \
			test_bad = 1;                                                             \
		}                                                                                 \
	} while (0)

#define CHECK_STR(got, want)                                                                      \
	do {                                                                                      \
		const char *got_ = (got), *want_ = (want);                                        \
		if (!got_ || !want_ ? got_ != want_ : strcmp(got_, want_) != 0) {                 \
			printf("#   %s:%d: '%s', not '%s'\n", __FILE__, __LINE__,                 \
			       got_ ? got_ : "(null)", want_ ? want_ : "(null)");                 \
			test_bad = 1;                                                             \
		}                                                                                 \
	} while (0)

#define RUN(name)                                                                                 \
	do {                                                                                      \
		test_bad = 0;                                                                     \
		name();                                                                           \
		printf("%s - %s\n", test_bad ? "not ok" : "ok", #name);                           \
		if (test_bad)                                                                     \
			test_failed++;                                                            \
		else                                                                              \
			test_passed++;                                                            \
	} while (0)

static inline int test_summary(void)
{
	printf("%d passed, %d failed\n", test_passed, test_failed);
	return test_failed != 0;
}

#endif
