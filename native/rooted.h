/* Paths of the container. Every one is resolved below a directory that we hold, and never by a joined string. */
#ifndef CORTEN_ROOTED_H
#define CORTEN_ROOTED_H
#include "child.h"

enum symlinks { FOLLOW_IN_ROOT, NO_SYMLINKS };

/** The root: after pivot_root or in a joined mount namespace it is "/". */
int root_directory(struct child *child);
/** O_PATH of an existing path. */
int rooted_open(struct child *child, const char *path, enum symlinks symlinks);
/** O_PATH of a directory, made with its parents (0755, root) where missing. */
int rooted_directory(struct child *child, const char *path, enum symlinks symlinks);
/** O_PATH of the parent of `path`, made where missing; `name` gets the last component (NAME_MAX + 1 bytes). */
int rooted_parent(struct child *child, const char *path, char *name);
/** O_PATH of a regular file (or whatever is there), made empty where missing. */
int rooted_file(struct child *child, const char *path);
#endif
