#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* What was ever used of the stack below, within reason. */
#define STACK_SIZE ((uintptr_t)256 << 10)
#define RANGES_MAX 48 /* three of each file */

static void drop(uintptr_t from, uintptr_t to)
{
	madvise((void *)from, to - from, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
}

struct ranges {
	uintptr_t page;
	size_t n;
	struct {
		uintptr_t from, to;
	} v[RANGES_MAX];
};

/* Segments that are written to, as where addresses were relocated, differ from their file. */
static int add_file_pages(struct dl_phdr_info *object, size_t size, void *ranges)
{
	struct ranges *r = ranges;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) || r->n == RANGES_MAX)
			continue;
		r->v[r->n].from = from & -r->page;
		r->v[r->n++].to = (from + p->p_memsz + r->page - 1) & -r->page;
	}
	return 0;
}

/*
 * The kernel maps the sixteen pages around the one that was missed, where they are in its cache;
 * but not beyond a mapping, as which counts what is to be read by random access.
 */
static void be_alone(uintptr_t code, uintptr_t page)
{
	madvise((void *)(code & -page), 2 * page, MADV_RANDOM); /* NOLINT(performance-no-int-to-ptr) */
}

/*
 * What is used from the first drop to the end of the wait, by these two, comes back, and so is
 * little.
 */
static void let_go(uintptr_t caller, uintptr_t call)
{
	struct ranges files = { .page = (uintptr_t)sysconf(_SC_PAGESIZE) };
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & -files.page;

	malloc_trim(0);
	dl_iterate_phdr(add_file_pages, &files);
	be_alone(caller, files.page);
	be_alone(call, files.page);
	/* But for the page that the calls from here need. */
	drop(here - STACK_SIZE, here - files.page);
	for (size_t i = 0; i < files.n; i++)
		drop(files.v[i].from, files.v[i].to);
}

int memory_poll(struct pollfd *polls, nfds_t n, int timeout_ms)
{
	int ready;

	if (timeout_ms >= 0 && timeout_ms <= MEMORY_SETTLED_MS)
		return poll(polls, n, timeout_ms);
	ready = poll(polls, n, MEMORY_SETTLED_MS);
	if (ready)
		return ready;
	let_go((uintptr_t)memory_poll, (uintptr_t)poll);
	return poll(polls, n, timeout_ms < 0 ? -1 : timeout_ms - MEMORY_SETTLED_MS);
}

int memory_epoll_wait(int epoll, struct epoll_event *events, int max)
{
	int ready = epoll_wait(epoll, events, max, MEMORY_SETTLED_MS);

	if (ready)
		return ready;
	let_go((uintptr_t)memory_epoll_wait, (uintptr_t)epoll_wait);
	return epoll_wait(epoll, events, max, -1);
}
