/* Operations that make file system objects, the terminal, and writes to procfs. */
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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

int op_device(struct child *child, const struct operation *operation) {
  char name[NAME_MAX + 1];
  struct stat status;
  const uint32_t *number = operation->number;
  dev_t device = S_ISFIFO(number[0]) ? 0 : makedev(number[1], number[2]);
  int parent = rooted_parent(child, operation->text[0], name);
  if (parent < 0) return -1;
  int result = mknodat(parent, name, number[0], device);
  if (result < 0 && errno == EEXIST) {
    result = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW);
    if (result == 0 && ((status.st_mode & S_IFMT) != (number[0] & S_IFMT) || status.st_rdev != device))
      result = fail(EEXIST);
    return close_keeping_errno(parent, result);
  }
  if (result == 0 && (number[3] != 0 || number[4] != 0))
    result = fchownat(parent, name, number[3], number[4], AT_SYMLINK_NOFOLLOW);
  return close_keeping_errno(parent, result);
}

int op_directory(struct child *child, const struct operation *operation) {
  char name[NAME_MAX + 1];
  const uint32_t *number = operation->number;
  int parent = rooted_parent(child, operation->text[0], name);
  if (parent < 0) return -1;
  int result = mkdirat(parent, name, number[0]);
  if (result < 0 && errno == EEXIST) result = 0;
  else if (result == 0 && (number[1] != 0 || number[2] != 0))
    result = fchownat(parent, name, number[1], number[2], AT_SYMLINK_NOFOLLOW);
  return close_keeping_errno(parent, result);
}

int op_symlink(struct child *child, const struct operation *operation) {
  char name[NAME_MAX + 1];
  int parent = rooted_parent(child, operation->text[0], name);
  if (parent < 0) return -1;
  int result = symlinkat(operation->text[1], parent, name);
  if (result < 0 && errno == EEXIST) result = 0;
  return close_keeping_errno(parent, result);
}

static int send_terminal(int report, int master) {
  struct report message = {.kind = REPORT_TERMINAL};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {&message, sizeof message};
  struct msghdr envelope = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(&control.header), &master, sizeof master);
  return sendmsg(report, &envelope, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/** Opens a pair of the container's own devpts. The slave comes from its master, not by a path (CVE-2025-52565). */
static int open_pair(struct child *child, int *master) {
  struct statfs system;
  int unlock = 0;
  int directory = rooted_open(child, "/dev/pts", NO_SYMLINKS);
  if (directory < 0) return -1;
  *master = sys_openat2(directory, "ptmx", O_RDWR | O_NOCTTY, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  close_keeping_errno(directory, 0);
  if (*master < 0 || fstatfs(*master, &system) < 0) return -1;
  if (system.f_type != DEVPTS_SUPER_MAGIC) return fail(EXDEV);
  if (ioctl(*master, TIOCSPTLCK, &unlock) < 0) return -1;
  return ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static int bind_console(struct child *child, int slave) {
  int tree = sys_open_tree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  if (tree < 0) return -1;
  int on = rooted_file(child, "/dev/console");
  if (on < 0) return close_keeping_errno(tree, -1);
  return close_keeping_errno(on, close_keeping_errno(tree, sys_move_mount(tree, on)));
}

int op_terminal(struct child *child, const struct operation *operation) {
  int master = -1;
  struct winsize size = {.ws_row = (unsigned short)operation->number[0],
                         .ws_col = (unsigned short)operation->number[1]};
  int slave = open_pair(child, &master);
  if (slave < 0) return close_keeping_errno(master, -1);
  if ((size.ws_row != 0 || size.ws_col != 0) && ioctl(slave, TIOCSWINSZ, &size) < 0) return -1;
  if (operation->number[2] != 0 && bind_console(child, slave) < 0) return -1;
  if (send_terminal(child->report, master) < 0 || ioctl(slave, TIOCSCTTY, 0) < 0) return -1;
  for (int fd = 0; fd < 3; fd++)
    if (dup2(slave, fd) < 0) return -1;
  close(master);
  close(slave);
  return 0;
}

/** A procfs of this process's PID namespace that is mounted nowhere, so that nobody can fake it (CVE-2025-52881). */
static int private_proc(struct child *child) {
  if (child->proc >= 0) return child->proc;
  int context = sys_fsopen("proc");
  if (context < 0) return -1;
  if (sys_fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0) return close_keeping_errno(context, -1);
  child->proc = close_keeping_errno(context, sys_fsmount(context, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  return child->proc;
}

/** `path` is resolved below `directory` of procfs, and cannot leave it. */
static int write_proc(struct child *child, const char *directory, const char *path, const char *value) {
  struct statfs system;
  int proc = private_proc(child);
  if (proc < 0) return -1;
  int base = sys_openat2(proc, directory, O_PATH | O_DIRECTORY, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  if (base < 0) return -1;
  int fd = sys_openat2(base, path, O_WRONLY, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
  close_keeping_errno(base, 0);
  if (fd < 0) return -1;
  int result = fstatfs(fd, &system);
  if (result == 0 && system.f_type != PROC_SUPER_MAGIC) result = fail(EXDEV);
  if (result == 0 && write(fd, value, strlen(value)) < 0) result = -1;
  return close_keeping_errno(fd, result);
}

int op_sysctl(struct child *child, const char *key, const char *value) {
  return write_proc(child, "sys", key, value);
}

int op_oom_score_adjust(struct child *child, int value) {
  char text[12];
  char *at = text + sizeof text - 1;
  unsigned rest = value < 0 ? 0u - (unsigned)value : (unsigned)value;
  *at = 0;
  do *--at = (char)('0' + rest % 10);
  while ((rest /= 10) != 0);
  if (value < 0) *--at = '-';
  return write_proc(child, "self", "oom_score_adj", at);
}

int op_working_directory(struct child *child, const char *path, bool create) {
  char current[PATH_MAX];
  if (chdir(path) < 0) {
    if (errno != ENOENT || !create) return -1;
    int made = rooted_directory(child, path, FOLLOW_IN_ROOT);
    if (made < 0) return -1;
    if (fchdir(made) < 0) return close_keeping_errno(made, -1);
    close(made);
  }
  /* A directory outside the root, reached by a descriptor that leaked, is "(unreachable)…" (CVE-2024-21626). */
  if (syscall(SYS_getcwd, current, sizeof current) < 0) return -1;
  return current[0] == '/' ? 0 : fail(EXDEV);
}
