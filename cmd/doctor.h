/*
 * What doctor tries, and what it found. A probe is an attempt, in a child where it could leave
 * traces; versions are not compared.
 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/command.h"

enum finding_state {
	FINDING_OK,
	FINDING_LIMITED, /* there is something that tiffin does without */
	FINDING_BROKEN,	 /* without it containers do not run */
};

/* Zero-initialise: all is well. Texts are cut where they are too long. */
struct finding {
	enum finding_state state;
	char found[400];
	char follows[300]; /* what that means; "" where all is well */
	char mend[300];	   /* a command; "" where there is none */
};

/* Sets a finding's texts. */
void finding_ok(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_bad(struct finding *f, enum finding_state state, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_follows(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_mend(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Runs work in a child, and gives what it returns: 0, or an errno. A signal that ends it is EPERM.
 */
int doctor_try(int (*work)(void));
/* The number in a file of /proc/sys; -1 where there is none. */
long doctor_sysctl(const char *path);

struct probe {
	const char *name;
	void (*run)(struct tiffin *t, struct finding *ret);
};

/*
 * Of the kernel (doctor_kernel.c), and of the rest of the machine (doctor_host.c); name NULL ends
 * them.
 */
extern const struct probe doctor_kernel[], doctor_host[];
/* The probe of --network fast (doctor_fast.c). */
void doctor_fast(struct tiffin *t, struct finding *f);

#endif
