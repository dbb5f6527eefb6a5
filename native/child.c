#include "child.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "syscalls.h"

static _Noreturn void report_failure(const struct child *child, uint32_t operation, int error) {
  struct report report = {.kind = REPORT_FAILED, .operation = operation, .error = error};
  if (send(child->report, &report, sizeof report, MSG_NOSIGNAL) < 0) _exit(126);
  _exit(127);
}

/**
 * From here on the process is on its way to being the container's: nothing of the host may be open in it any more
 * (CVE-2016-9962, CVE-2024-21626). Only the report socket stays, which exec closes.
 */
static int seal_descriptors(struct child *child) {
  if (child->sealed) return 0;
  if (child->report != 3) {
    if (dup3(child->report, 3, O_CLOEXEC) < 0) return -1;
    child->report = 3;
  }
  child->sealed = true;
  child->root = child->dev = child->proc = -1;
  return sys_close_range(4, ~0u, 0);
}

static int carry_out(struct child *child, const struct operation *operation) {
  const uint32_t *number = operation->number;
  const char *const *text = operation->text;
  switch (operation->kind) {
    case OP_JOIN_CGROUPS: return op_join_cgroups(operation->list[0]);
    case OP_JOIN_NAMESPACE: return setns(child->descriptors + (int)number[1], (int)number[0]);
    case OP_UNSHARE: return unshare((int)number[0]);
    case OP_ROOT_PROPAGATION: return op_root_propagation(number[0]);
    case OP_ROOT_OVERLAY: return op_root_overlay(child, operation);
    case OP_ROOT_BIND: return op_root_bind(child, operation);
    case OP_MOUNT: return op_mount(child, operation);
    case OP_BIND: return op_bind(child, operation);
    case OP_DEVICE: return op_device(child, operation);
    case OP_DIRECTORY: return op_directory(child, operation);
    case OP_SYMLINK: return op_symlink(child, operation);
    case OP_TERMINAL: return op_terminal(child, operation);
    case OP_MASK: return op_mask(child, text[0]);
    case OP_READ_ONLY_PATH: return op_read_only_path(child, text[0]);
    case OP_SYSCTL: return op_sysctl(child, text[0], text[1]);
    case OP_HOSTNAME: return sethostname(text[0], strlen(text[0]));
    case OP_DOMAINNAME: return setdomainname(text[0], strlen(text[0]));
    case OP_PIVOT_ROOT: return op_pivot_root(child, operation);
    case OP_RLIMIT: {
      uint64_t limit[2] = {operation->wide[0], operation->wide[1]};
      return (int)syscall(SYS_prlimit64, 0, number[0], limit, NULL);
    }
    case OP_OOM_SCORE_ADJUST: return op_oom_score_adjust(child, (int)number[0]);
    case OP_UMASK: return (int)syscall(SYS_umask, number[0] & 0777) < 0 ? -1 : 0;
    case OP_WORKING_DIRECTORY: return op_working_directory(child, text[0], number[0] != 0);
    case OP_CREDENTIALS: return op_credentials(operation);
    case OP_NO_NEW_PRIVILEGES: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    case OP_SECCOMP: return op_seccomp(operation->list[0]);
    case OP_EXEC: return op_exec(child, operation);
    default: errno = EINVAL; return -1;
  }
}

static bool is_tail(uint8_t kind) {
  return kind == OP_CREDENTIALS || kind == OP_NO_NEW_PRIVILEGES || kind == OP_SECCOMP || kind == OP_EXEC;
}

/** Node ignores SIGPIPE, and that would be inherited through exec. By system call: the C library keeps two for itself. */
static void reset_signals(void) {
  struct {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
  } action = {0};
  for (int number = 1; number < NSIG; number++)
    syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
}

static int prepare(struct child *child) {
  reset_signals();
  syscall(SYS_umask, 0);
  /* Should the monitor be killed meanwhile. A change of the user takes it back; op_exec asks for it again. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || setsid() < 0) return -1;
  for (int fd = 0; fd < 3; fd++)
    if (dup2(child->stdio[fd], fd) < 0) return -1;
  return 0;
}

void child_run(struct child *child) {
  struct reader operations = child->plan->operations;
  struct operation operation;
  if (prepare(child) < 0) report_failure(child, NO_DESCRIPTOR, errno);
  for (uint32_t i = 0; i < child->plan->operation_count; i++) {
    if (!plan_next_operation(&operations, &operation)) report_failure(child, i, EINVAL);
    if (is_tail(operation.kind) && seal_descriptors(child) < 0) report_failure(child, i, errno);
    if (carry_out(child, &operation) < 0) report_failure(child, i, errno);
  }
  report_failure(child, NO_DESCRIPTOR, EINVAL);
}
