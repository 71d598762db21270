/*
 * The lines that progress is drawn with: plain ASCII, never as wide as the window.
 */
#ifndef IMAGE_PROGRESS_TEXT_H
#define IMAGE_PROGRESS_TEXT_H

#include <stdint.h>

#define PROGRESS_NAME 12   /* columns for names */
#define PROGRESS_LINE 160  /* bytes of a line at most, with its NUL */

struct progress_row {
	const char *name;    /* ASCII */
	const char *word;    /* what happens where nothing is counted: "queued"; NULL: it is */
	int64_t done, total; /* bytes; total 0: unknown */
	double speed;	     /* bytes a second; 0: unknown */
};

/* One line for a window of so many columns, of which it leaves the last one free. */
void progress_text(const struct progress_row *row, int columns, char ret[PROGRESS_LINE]);

#endif
