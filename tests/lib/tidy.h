/*
 * Put before each source by `make tidy`: what the checkers can't know.
 *
 * They see one file at a time, and so not that an error is always -1: without this, each "return
 * err_set(…)" looks like a success with nothing in the outputs.
 */
#include "base/err.h"

#define err_set(...) ((void)(err_set)(__VA_ARGS__), -1)
#define err_sys(...) ((void)(err_sys)(__VA_ARGS__), -1)
#define err_wrap(...) ((void)(err_wrap)(__VA_ARGS__), -1)
#define err_hint(...) ((void)(err_hint)(__VA_ARGS__), -1)
