#include "rooted.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "syscalls.h"

int root_directory(struct child *child) {
  if (child->root < 0) child->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return child->root;
}

/**
 * Where a path starts, and with what rules. /dev starts at the mount that the plan made there, without symbolic links: an
 * image that has /dev as a link must not get its nodes elsewhere (CVE-2026-41579).
 */
static int base_of(struct child *child, const char **path, enum symlinks symlinks, uint64_t *resolve) {
  *resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  if (symlinks == NO_SYMLINKS) *resolve |= RESOLVE_NO_SYMLINKS;
  if (child->dev >= 0 && strncmp(*path, "/dev", 4) == 0 && ((*path)[4] == '/' || (*path)[4] == 0)) {
    *resolve |= RESOLVE_NO_SYMLINKS;
    *path += 4;
    return child->dev;
  }
  return root_directory(child);
}

static int open_at(int base, const char *path, uint64_t resolve) {
  while (*path == '/') path++;
  return sys_openat2(base, *path == 0 ? "." : path, O_PATH, 0, resolve);
}

int rooted_open(struct child *child, const char *path, enum symlinks symlinks) {
  uint64_t resolve;
  int base = base_of(child, &path, symlinks, &resolve);
  return base < 0 ? -1 : open_at(base, path, resolve);
}

/** Makes one component in `parent` (whose full path is `prefix`) and opens it. Consumes `parent`. */
static int make_component(int parent, const char *prefix) {
  const char *slash = strrchr(prefix, '/');
  const char *name = slash == NULL ? prefix : slash + 1;
  int made = mkdirat(parent, name, 0755);
  if (made < 0 && errno != EEXIST) {
    int error = errno;
    close(parent);
    errno = error;
    return -1;
  }
  int fd = sys_openat2(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  int error = errno;
  close(parent);
  errno = error;
  return fd;
}

static int make_directories(int base, const char *path, uint64_t resolve) {
  char prefix[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof prefix) {
    errno = ENAMETOOLONG;
    return -1;
  }
  int current = open_at(base, "", resolve);
  for (size_t end = 0; current >= 0 && end < length;) {
    while (path[end] == '/') end++;
    if (path[end] == 0) break;
    while (path[end] != 0 && path[end] != '/') end++;
    memcpy(prefix, path, end);
    prefix[end] = 0;
    int next = open_at(base, prefix, resolve);
    if (next < 0 && errno == ENOENT) {
      current = make_component(current, prefix);
      continue;
    }
    int error = errno;
    close(current);
    errno = error;
    current = next;
  }
  return current;
}

int rooted_directory(struct child *child, const char *path, enum symlinks symlinks) {
  uint64_t resolve;
  int base = base_of(child, &path, symlinks, &resolve);
  if (base < 0) return -1;
  int fd = open_at(base, path, resolve);
  if (fd >= 0 || errno != ENOENT) return fd;
  return make_directories(base, path, resolve);
}

int rooted_parent(struct child *child, const char *path, char *name) {
  char parent[PATH_MAX];
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  size_t start = length;
  while (start > 0 && path[start - 1] != '/') start--;
  size_t size = length - start;
  bool dots = (size == 1 && path[start] == '.') || (size == 2 && path[start] == '.' && path[start + 1] == '.');
  if (start >= sizeof parent || size > NAME_MAX) {
    errno = ENAMETOOLONG;
    return -1;
  }
  if (size == 0 || dots) {
    errno = EINVAL;
    return -1;
  }
  memcpy(name, path + start, size);
  name[size] = 0;
  memcpy(parent, path, start);
  parent[start] = 0;
  return rooted_directory(child, start == 0 ? "/" : parent, FOLLOW_IN_ROOT);
}

int rooted_file(struct child *child, const char *path) {
  char name[NAME_MAX + 1];
  int fd = rooted_open(child, path, FOLLOW_IN_ROOT);
  if (fd >= 0 || errno != ENOENT) return fd;
  int parent = rooted_parent(child, path, name);
  if (parent < 0) return -1;
  fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0755);
  if (fd >= 0) {
    /* Mounts are attached to O_PATH descriptors; the file just made cannot be a link. */
    close(fd);
    fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  }
  int error = errno;
  close(parent);
  errno = error;
  return fd;
}
