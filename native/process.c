/* Operations on the process itself: cgroups, credentials, seccomp, exec. */
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "child.h"
#include "syscalls.h"

static int fail(int error) {
  errno = error;
  return -1;
}

int op_join_cgroups(struct list directories) {
  static const char file[] = "/cgroup.procs";
  char path[PATH_MAX];
  const uint8_t *at = directories.elements;
  for (uint32_t i = 0; i < directories.count; i++) {
    const char *directory = list_next_text(&at);
    size_t length = strlen(directory);
    if (length + sizeof file > sizeof path) return fail(ENAMETOOLONG);
    memcpy(path, directory, length);
    memcpy(path + length, file, sizeof file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, "0", 1);
    int error = errno;
    close(fd);
    if (written != 1) return fail(error);
  }
  return 0;
}

/** So that a command which is not root can open /dev/stdout, /proc/self/fd/1 and its terminal by name. */
static int own_standard_streams(uid_t uid) {
  struct stat status;
  for (int fd = 0; fd < 3; fd++) {
    if (fstat(fd, &status) < 0) return -1;
    bool ours = S_ISFIFO(status.st_mode) || (S_ISCHR(status.st_mode) && isatty(fd));
    if (ours && status.st_uid != uid && fchown(fd, uid, (gid_t)-1) < 0) return -1;
  }
  return 0;
}

static int drop_bounding(uint64_t keep) {
  for (unsigned capability = 0; capability < 64; capability++) {
    if (keep & (uint64_t)1 << capability) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    /* Past the last capability that this kernel knows. */
    return errno == EINVAL && capability > 0 ? 0 : -1;
  }
  return 0;
}

static int set_capabilities(const uint64_t *wide) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  uint64_t ambient = wide[3];
  for (int half = 0; half < 2; half++) {
    data[half].permitted = (uint32_t)(wide[1] >> 32 * half);
    data[half].effective = (uint32_t)(wide[2] >> 32 * half);
    /* Empty (CVE-2022-29162), but for what was asked for as ambient, which the kernel takes only from here. */
    data[half].inheritable = (uint32_t)(ambient >> 32 * half);
  }
  if (syscall(SYS_capset, &header, data) < 0) return -1;
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
  for (unsigned capability = 0; capability < 64; capability++)
    if ((ambient & (uint64_t)1 << capability) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      return -1;
  return 0;
}

int op_credentials(const struct operation *operation) {
  uid_t uid = operation->number[0];
  gid_t gid = operation->number[1];
  gid_t groups[NGROUPS_MAX > 1024 ? 1024 : NGROUPS_MAX];
  uint32_t count = operation->list[0].count;
  if (count > sizeof groups / sizeof *groups) return fail(EINVAL);
  for (uint32_t i = 0; i < count; i++) groups[i] = read_number(operation->list[0].elements + (size_t)4 * i);
  if (own_standard_streams(uid) < 0 || drop_bounding(operation->wide[0]) < 0) return -1;
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
  /* By system call: the C library's wrappers are about threads, which we have none of. */
  if (syscall(SYS_setgroups, count, groups) < 0 || syscall(SYS_setresgid, gid, gid, gid) < 0 ||
      syscall(SYS_setresuid, uid, uid, uid) < 0)
    return -1;
  return set_capabilities(operation->wide);
}

int op_seccomp(struct list filter) {
  struct sock_fprog program = {.len = (unsigned short)(filter.count / sizeof(struct sock_filter)),
                               .filter = (struct sock_filter *)(uintptr_t)filter.elements};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -1 : 0;
}

static char **to_vector(struct list list, char **vector) {
  const uint8_t *at = list.elements;
  for (uint32_t i = 0; i < list.count; i++) vector[i] = (char *)(uintptr_t)list_next_text(&at);
  vector[list.count] = NULL;
  return vector + list.count + 1;
}

static const char *search_path(char **environment) {
  for (; *environment != NULL; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/** Like execvpe, but with the PATH of the environment that is passed on, and without the shell for ENOEXEC. */
static int search_and_execute(char **arguments, char **environment) {
  char path[PATH_MAX];
  size_t name = strlen(arguments[0]);
  int error = ENOENT;
  if (name == 0) return fail(ENOENT);
  if (strchr(arguments[0], '/') != NULL) return execve(arguments[0], arguments, environment);
  for (const char *at = search_path(environment);;) {
    const char *end = strchrnul(at, ':');
    size_t length = (size_t)(end - at);
    if (length + name + 2 <= sizeof path) {
      memcpy(path, at, length);
      if (length > 0) path[length++] = '/';
      memcpy(path + length, arguments[0], name + 1);
      execve(path, arguments, environment);
      if (errno == EACCES) error = EACCES;
      else if (errno != ENOENT && errno != ENOTDIR) return -1;
    }
    if (*end == 0) return fail(error);
    at = end + 1;
  }
}

/** The command in a process of its own, which has the terminal; this one stays as PID 1. 0 in the command's process. */
static int split_init(struct child *child) {
  pid_t command = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (command < 0) return -1;
  if (command > 0) {
    /* The command's exec must be the last to close it. */
    close(child->report);
    init_run(command);
  }
  if (setpgid(0, 0) < 0) return -1;
  if (child->plan->terminal) {
    pid_t group = getpid();
    /* SIGTTOU is still blocked, so that a background group may do this. */
    if (ioctl(0, TIOCSPGRP, &group) < 0) return -1;
  }
  return 0;
}

int op_exec(struct child *child, const struct operation *operation) {
  size_t count = (size_t)operation->list[0].count + operation->list[1].count + 2;
  sigset_t none;
  char **vector = mmap(NULL, count * sizeof *vector, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (vector == MAP_FAILED) return -1;
  char **environment = to_vector(operation->list[0], vector);
  to_vector(operation->list[1], environment);
  /*
   * Without its monitor a process would block on its output, and nobody would learn of its end. This late, because a
   * change of the user resets it; not demanded, because a filter of the user's own may forbid it.
   */
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (operation->number[0] != 0 && split_init(child) < 0) return -1;
  sigemptyset(&none);
  if (sigprocmask(SIG_SETMASK, &none, NULL) < 0) return -1;
  return search_and_execute(vector, environment);
}
