/*
 * Letting go of memory: what is used stays, what is not goes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "tests/unit/test.h"

/* Kilobytes of anonymous memory that are resident. */
static long resident(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[128];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

static __attribute__((noinline)) void use_stack(void)
{
	volatile char deep[192 << 10];

	for (size_t i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 1;
}

TEST(the_stack_below_goes)
{
#ifndef __SANITIZE_ADDRESS__ /* whose stacks are elsewhere */
	long before;

	resident(); /* stdio's own */
	use_stack();
	before = resident();
	memory_let_go();
	CHECK(before - resident() >= 150);
#endif
}

TEST(what_is_in_use_stays)
{
	static const char *const words[] = { "relocated", "pointers" };
	char local[] = "on the stack", *block = strdup("on the heap");

	for (int i = 0; i < 2; i++) {
		memory_let_go();
		CHECK_STR(local, "on the stack");
		CHECK_STR(block, "on the heap");
		CHECK_STR(words[1], "pointers");
	}
	free(block);
}

int main(void)
{
	RUN(the_stack_below_goes);
	RUN(what_is_in_use_stays);
	return test_summary();
}
