#include "image/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

void progress_line(const struct progress *p, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	if (p->quiet)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\n';
	write_all(STDERR_FILENO, line, (size_t)n + 1, NULL);
}
