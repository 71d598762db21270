#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* What was ever used of the stack below, within reason. */
#define STACK_SIZE ((uintptr_t)256 << 10)

static void drop(uintptr_t from, uintptr_t to)
{
	madvise((void *)from, to - from, MADV_DONTNEED); /* NOLINT(performance-no-int-to-ptr) */
}

/* Segments that are written to, as where addresses were relocated, differ from their file. */
static int drop_file_pages(struct dl_phdr_info *object, size_t size, void *page_size)
{
	const uintptr_t page = *(const uintptr_t *)page_size;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &object->dlpi_phdr[i];
		uintptr_t from = object->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
			drop(from & -page, (from + p->p_memsz + page - 1) & -page);
	}
	return 0;
}

void memory_let_go(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & -page;

	malloc_trim(0);
	/* But for the page that the calls from here need. */
	drop(here - STACK_SIZE, here - page);
	dl_iterate_phdr(drop_file_pages, &page);
}
