/*
 * A fuzz target: one parser of strangers' bytes, by libFuzzer (`make fuzz`; LLVM, "libFuzzer").
 *
 * It is given bytes, and must neither crash nor leak, nor say what is not so: MUST(…) ends it where
 * something that holds for every input does not. Its corpus is in tests/fuzz/corpus/<what>/: inputs
 * written by hand, as text where that can be, and those that once were findings ("found-…").
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define MUST(expr)                                                                                 \
	do {                                                                                       \
		if (!(expr)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #expr);         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* As the text that it is up to its first NUL, in memory that ends right behind. The caller frees. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	const char *s = size ? (const char *)data : "";

	return xstrndup(s, strnlen(s, size));
}

/* A directory of our own in $TMPDIR, which whoever runs the target removes. */
static inline void fuzz_dir(char ret[64])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(ret, 64, "%s/fuzz.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
	MUST(mkdtemp(ret));
}

#endif
