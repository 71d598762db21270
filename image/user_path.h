/*
 * Where a user's own configuration lies (XDG Base Directory Specification, and podman's and
 * docker's variables).
 */
#ifndef IMAGE_USER_PATH_H
#define IMAGE_USER_PATH_H

/* The variable's value; NULL where it is not set, or empty. */
const char *user_variable(const char *name);
/*
 * $NAME/rest; where that is not set $HOME/home/rest, unless home is NULL. NULL where there is
 * neither. The caller frees.
 */
char *user_path(const char *name, const char *home, const char *rest);

#endif
