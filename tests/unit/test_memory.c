/*
 * Letting go of memory: what is used stays, what is not goes.
 */
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/unit/test.h"

/*
 * Kilobytes that are resident: "Rss:" of all memory, "Anonymous:" of that which is no file's. In
 * /proc/self/status they are sums of each processor's counts, which lag behind on Linux 6.2 to 6.16.
 */
static long resident(const char *kind)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long n = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, kind, strlen(kind)) == 0)
			n = strtol(line + strlen(kind), NULL, 10);
	if (f)
		fclose(f);
	return n;
}

static long of_files(void)
{
	return resident("Rss:") - resident("Anonymous:");
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

	resident("Anonymous:"); /* stdio's own */
	use_stack();
	before = resident("Anonymous:");
	memory_poll(NULL, 0, MEMORY_SETTLED_MS + 1);
	CHECK(before - resident("Anonymous:") >= 150);
#endif
}

static int use_pages(struct dl_phdr_info *object, size_t size, void *arg)
{
	(void)size;
	(void)arg;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		const uintptr_t from = object->dlpi_addr + p->p_vaddr;

		for (size_t at = 0; p->p_type == PT_LOAD && at < p->p_memsz; at += 1024)
			(void)*(volatile const char *)(from + at); /* NOLINT(performance-no-int-to-ptr) */
	}
	return 0;
}

TEST(pages_of_files_go)
{
#ifndef __SANITIZE_ADDRESS__
	long before;

	dl_iterate_phdr(use_pages, NULL);
	before = of_files();
	memory_poll(NULL, 0, MEMORY_SETTLED_MS + 1);
	CHECK(of_files() < before / 2);
#endif
}

TEST(so_it_is_with_epoll)
{
#ifndef __SANITIZE_ADDRESS__
	int epoll = epoll_create1(EPOLL_CLOEXEC), timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct itimerspec later = { .it_value.tv_sec = 2 };
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = 7 };
	long before;
	int n;

	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
	dl_iterate_phdr(use_pages, NULL);
	before = of_files();
	CHECK(timerfd_settime(timer, 0, &later, NULL) == 0);
	event.data.u32 = 0;
	while ((n = memory_epoll_wait(epoll, &event, 1)) < 0 && errno == EINTR)
		;
	CHECK(n == 1);
	CHECK(event.data.u32 == 7);
	CHECK(of_files() < before / 2);
	close(timer);
	close(epoll);
#endif
}

TEST(a_short_wait_leaves_all_as_it_is)
{
#ifndef __SANITIZE_ADDRESS__
	long before;

	use_stack();
	before = resident("Anonymous:");
	memory_poll(NULL, 0, 1);
	CHECK(before - resident("Anonymous:") < 150);
#endif
}

TEST(what_is_in_use_stays)
{
	static const char *const words[] = { "relocated", "pointers" };
	char local[] = "on the stack", *block = strdup("on the heap");

	for (int i = 0; i < 2; i++) {
		memory_poll(NULL, 0, MEMORY_SETTLED_MS + 1);
		CHECK_STR(local, "on the stack");
		CHECK_STR(block, "on the heap");
		CHECK_STR(words[1], "pointers");
	}
	free(block);
}

int main(void)
{
	RUN(the_stack_below_goes);
	RUN(pages_of_files_go);
	RUN(so_it_is_with_epoll);
	RUN(a_short_wait_leaves_all_as_it_is);
	RUN(what_is_in_use_stays);
	return test_summary();
}
