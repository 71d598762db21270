/*
 * Names for containers that were given none: adjective_name, as docker's.
 */
#ifndef CMD_NAMES_H
#define CMD_NAMES_H

/* A name at random; attempts beyond the first few get a number. The caller frees. */
char *generate_name(int attempt);

#endif
