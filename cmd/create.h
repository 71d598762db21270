/*
 * Creating a container: the image found, its configuration and the options made a specification,
 * the record written.
 */
#ifndef CMD_CREATE_H
#define CMD_CREATE_H

#include "cmd/run_options.h"
#include "cmd/start.h"

/*
 * operands: the image, then the command. *ret is ready to be started; its lock is held. Nothing
 * stays where this fails. Opens the store.
 */
int create_container(struct tiffin *t, const struct run_options *options,
		     const struct strv *operands, struct start *ret, struct err *err);

#endif
