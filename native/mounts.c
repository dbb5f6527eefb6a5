/* Operations that make mounts. Every target is a descriptor; no path of the container is ever given to mount(2). */
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "rooted.h"
#include "syscalls.h"

static int close_keeping_errno(int fd, int result) {
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return result;
}

static int fail(int error) {
  errno = error;
  return -1;
}

int op_root_propagation(uint32_t propagation) { return sys_mount(NULL, "/", NULL, propagation, NULL); }

/** The mount that `target` is on must be private: pivot_root demands it, and ours would propagate to the host. */
static int make_parent_private(const char *target) {
  char path[PATH_MAX];
  size_t length = strlen(target);
  if (length == 0 || length >= sizeof path || target[0] != '/') return fail(ENAMETOOLONG);
  memcpy(path, target, length + 1);
  for (;;) {
    if (sys_mount(NULL, path, NULL, MS_PRIVATE, NULL) == 0) return 0;
    char *slash = strrchr(path, '/');
    if (errno != EINVAL || strcmp(path, "/") == 0) return -1;
    slash[slash == path ? 1 : 0] = 0;
  }
}

struct text {
  char *at, *end;
};

static void append(struct text *text, const char *more) {
  size_t length = strlen(more);
  if ((size_t)(text->end - text->at) <= length) {
    text->at = text->end;
    return;
  }
  memcpy(text->at, more, length + 1);
  text->at += length;
}

/** overlay takes its options as one string, in which comma, colon and backslash are escaped. */
static void append_escaped(struct text *text, const char *path) {
  char one[3];
  for (; *path != 0; path++) {
    bool special = *path == ',' || *path == ':' || *path == '\\';
    one[0] = special ? '\\' : *path;
    one[1] = special ? *path : 0;
    one[2] = 0;
    append(text, one);
  }
}

int op_root_overlay(struct child *child, const struct operation *operation) {
  /* The kernel copies one page and cuts the rest off in silence. */
  char options[4096];
  struct text text = {options, options + sizeof options};
  const char *target = operation->text[0];
  append(&text, "lowerdir=");
  const uint8_t *lower = operation->list[0].elements;
  for (uint32_t i = 0; i < operation->list[0].count; i++) {
    if (i > 0) append(&text, ":");
    append_escaped(&text, list_next_text(&lower));
  }
  append(&text, ",upperdir=");
  append_escaped(&text, operation->text[2]);
  append(&text, ",workdir=");
  append_escaped(&text, operation->text[3]);
  append(&text, ",index=off");
  if (operation->number[0] != 0) append(&text, ",volatile");
  if (text.at == text.end) return fail(E2BIG);
  if (make_parent_private(target) < 0 || chdir(operation->text[1]) < 0) return -1;
  int mounted = sys_mount("overlay", target, "overlay", 0, options);
  int error = errno;
  if (chdir("/") < 0) return -1;
  if (mounted < 0) return fail(error);
  child->root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
  return child->root < 0 ? -1 : 0;
}

int op_root_bind(struct child *child, const struct operation *operation) {
  const char *target = operation->text[1];
  struct mount_attr attributes = {.propagation = MS_PRIVATE};
  if (make_parent_private(target) < 0) return -1;
  int tree = sys_open_tree(AT_FDCWD, operation->text[0], OPEN_TREE_CLONE | AT_RECURSIVE);
  if (tree < 0) return -1;
  int on = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (on < 0 || sys_mount_setattr(tree, AT_EMPTY_PATH | AT_RECURSIVE, &attributes) < 0 ||
      sys_move_mount(tree, on) < 0)
    return close_keeping_errno(tree, close_keeping_errno(on, -1));
  close(on);
  child->root = tree;
  return 0;
}

static int configure(int context, const struct operation *operation) {
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "source", operation->text[1]) < 0) return -1;
  const uint8_t *options = operation->list[0].elements;
  for (uint32_t i = 0; i < operation->list[0].count; i++) {
    const char *option = list_next_text(&options);
    const char *equals = strchr(option, '=');
    char key[64];
    int result;
    if (equals == NULL) {
      result = sys_fsconfig(context, FSCONFIG_SET_FLAG, option, NULL);
    } else {
      size_t length = (size_t)(equals - option);
      if (length >= sizeof key) return fail(EINVAL);
      memcpy(key, option, length);
      key[length] = 0;
      result = sys_fsconfig(context, FSCONFIG_SET_STRING, key, equals + 1);
    }
    if (result < 0) return -1;
  }
  return sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL);
}

static int make_mount(const struct operation *operation) {
  int context = sys_fsopen(operation->text[0]);
  if (context < 0) return -1;
  if (configure(context, operation) < 0) return close_keeping_errno(context, -1);
  return close_keeping_errno(context, sys_fsmount(context, operation->number[0]));
}

/** What a path that programs trust must be after we mounted it; 0 for other types. */
static long magic_of(const char *type) {
  if (strcmp(type, "proc") == 0) return PROC_SUPER_MAGIC;
  if (strcmp(type, "sysfs") == 0) return SYSFS_MAGIC;
  return 0;
}

static int verify_mounted(struct child *child, const char *path, long magic) {
  struct statfs status;
  int fd = rooted_open(child, path, NO_SYMLINKS);
  if (fd < 0) return -1;
  int result = fstatfs(fd, &status);
  if (result == 0 && status.f_type != magic) result = fail(EXDEV);
  return close_keeping_errno(fd, result);
}

int op_mount(struct child *child, const struct operation *operation) {
  const char *path = operation->text[2];
  long magic = magic_of(operation->text[0]);
  bool is_dev = strcmp(path, "/dev") == 0;
  /* An image that has /proc, /sys or /dev as a link could have the mount elsewhere and a forgery in its place. */
  int on = rooted_directory(child, path, magic != 0 || is_dev ? NO_SYMLINKS : FOLLOW_IN_ROOT);
  if (on < 0) return -1;
  int mount = make_mount(operation);
  if (mount < 0 || sys_move_mount(mount, on) < 0) return close_keeping_errno(on, close_keeping_errno(mount, -1));
  close(on);
  if (is_dev) {
    child->dev = mount;
    return 0;
  }
  close(mount);
  return magic == 0 ? 0 : verify_mounted(child, path, magic);
}

int open_bind_source(const struct operation *operation, int descriptors) {
  unsigned recursive = operation->number[1] != 0 ? AT_RECURSIVE : 0;
  if (operation->number[0] != NO_DESCRIPTOR)
    return sys_open_tree(descriptors + (int)operation->number[0], "", OPEN_TREE_CLONE | AT_EMPTY_PATH | recursive);
  return sys_open_tree(AT_FDCWD, operation->text[0], OPEN_TREE_CLONE | recursive);
}

int op_bind(struct child *child, const struct operation *operation) {
  const char *path = operation->text[1];
  unsigned recursive = operation->number[1] != 0 ? AT_RECURSIVE : 0;
  uint32_t propagation = operation->number[4];
  struct mount_attr attributes = {.attr_set = operation->number[2], .attr_clr = operation->number[3]};
  struct mount_attr spread = {.propagation = propagation & ~(uint32_t)MS_REC};
  int tree = child->binds[child->binds_used++];
  struct stat status;
  if (fstat(tree, &status) < 0) return -1;
  int on;
  if (operation->number[5] == 0) on = rooted_open(child, path, FOLLOW_IN_ROOT);
  else on = S_ISDIR(status.st_mode) ? rooted_directory(child, path, FOLLOW_IN_ROOT) : rooted_file(child, path);
  if (on < 0) return -1;
  if ((attributes.attr_set | attributes.attr_clr) != 0 &&
      sys_mount_setattr(tree, AT_EMPTY_PATH | recursive, &attributes) < 0)
    return close_keeping_errno(on, -1);
  if (propagation != 0 &&
      sys_mount_setattr(tree, AT_EMPTY_PATH | (propagation & MS_REC ? AT_RECURSIVE : 0), &spread) < 0)
    return close_keeping_errno(on, -1);
  if (sys_move_mount(tree, on) < 0) return close_keeping_errno(on, -1);
  close(on);
  if (strcmp(path, "/dev") == 0) child->dev = tree;
  else close(tree);
  return 0;
}

/** A clone of the container's null device, proven to be it: a link or another device must not be mounted (CVE-2025-31133). */
static int null_device(struct child *child) {
  struct stat status;
  int fd = rooted_open(child, "/dev/null", NO_SYMLINKS);
  if (fd < 0) return -1;
  if (fstat(fd, &status) < 0) return close_keeping_errno(fd, -1);
  if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) return close_keeping_errno(fd, fail(ENODEV));
  return close_keeping_errno(fd, sys_open_tree(fd, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
}

static int empty_directory(void) {
  int context = sys_fsopen("tmpfs");
  if (context < 0) return -1;
  if (sys_fsconfig(context, FSCONFIG_SET_STRING, "mode", "755") < 0 ||
      sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
    return close_keeping_errno(context, -1);
  return close_keeping_errno(context, sys_fsmount(context, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
}

/** What this kernel or image lacks needs no hiding. */
static bool is_missing(int fd) { return fd < 0 && (errno == ENOENT || errno == ENOTDIR); }

int op_mask(struct child *child, const char *path) {
  struct stat status;
  int on = rooted_open(child, path, FOLLOW_IN_ROOT);
  if (is_missing(on)) return 0;
  if (on < 0 || fstat(on, &status) < 0) return close_keeping_errno(on, -1);
  int cover = S_ISDIR(status.st_mode) ? empty_directory() : null_device(child);
  if (cover < 0) return close_keeping_errno(on, -1);
  return close_keeping_errno(on, close_keeping_errno(cover, sys_move_mount(cover, on)));
}

int op_read_only_path(struct child *child, const char *path) {
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY, .propagation = MS_PRIVATE};
  int on = rooted_open(child, path, FOLLOW_IN_ROOT);
  if (is_missing(on)) return 0;
  if (on < 0) return -1;
  int tree = sys_open_tree(on, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0 || sys_mount_setattr(tree, AT_EMPTY_PATH | AT_RECURSIVE, &attributes) < 0)
    return close_keeping_errno(on, close_keeping_errno(tree, -1));
  return close_keeping_errno(on, close_keeping_errno(tree, sys_move_mount(tree, on)));
}

int op_pivot_root(struct child *child, const struct operation *operation) {
  struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
  int root = root_directory(child);
  if (root < 0 || fchdir(root) < 0 || sys_pivot_root(".", ".") < 0) return -1;
  /* The old root lies on top now. A slave, so that its unmount does not reach the host. */
  if (sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0 || sys_umount2(".", DETACH) < 0 || chdir("/") < 0)
    return -1;
  if (sys_mount(NULL, "/", NULL, operation->number[1], NULL) < 0) return -1;
  return operation->number[0] != 0 ? sys_mount_setattr(root, AT_EMPTY_PATH, &read_only) : 0;
}
