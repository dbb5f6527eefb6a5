/*
 * What runs between clone3 and exec. The child shares nothing with the monitor but the report socket: it says there
 * which operation failed, hands over its terminal, and its exec closes it.
 */
#ifndef CORTEN_CHILD_H
#define CORTEN_CHILD_H
#include "plan.h"

enum report_kind { REPORT_FAILED = 1, REPORT_TERMINAL };

/** One message on the report socket (SOCK_SEQPACKET). A REPORT_TERMINAL carries the terminal's master as SCM_RIGHTS. */
struct report {
  uint32_t kind, operation;
  int32_t error;
};

struct child {
  const struct plan *plan;
  /** First of the plan's descriptors. */
  int descriptors;
  int report;
  int stdio[3];
  /** Clones of the sources of bind operations, in their order, made in the host's mount namespace. */
  const int *binds;
  uint32_t binds_used;
  /** O_PATH of the container's root, before and after pivot_root; -1 until there is one. */
  int root;
  /** The mount that the plan made at /dev: what is made below /dev goes there whatever the image holds. */
  int dev;
  /** A procfs of our own, which nobody can have mounted over. */
  int proc;
  bool sealed;
};

/** Carries the operations out and executes the command. Never returns. */
_Noreturn void child_run(struct child *child);

/* Each returns 0, or -1 with errno. */
int op_join_cgroups(struct list directories);
int op_root_propagation(uint32_t propagation);
int op_root_overlay(struct child *child, const struct operation *operation);
int op_root_bind(struct child *child, const struct operation *operation);
int op_mount(struct child *child, const struct operation *operation);
int op_bind(struct child *child, const struct operation *operation);
int op_mask(struct child *child, const char *path);
int op_read_only_path(struct child *child, const char *path);
int op_pivot_root(struct child *child, const struct operation *operation);
int op_device(struct child *child, const struct operation *operation);
int op_directory(struct child *child, const struct operation *operation);
int op_symlink(struct child *child, const struct operation *operation);
int op_terminal(struct child *child, const struct operation *operation);
int op_sysctl(struct child *child, const char *key, const char *value);
int op_oom_score_adjust(struct child *child, int value);
int op_working_directory(struct child *child, const char *path, bool create);
int op_credentials(const struct operation *operation);
int op_seccomp(struct list filter);
int op_exec(struct child *child, const struct operation *operation);

/** The source of a bind operation as a detached mount: called before clone3. */
int open_bind_source(const struct operation *operation, int descriptors);
/** As PID 1: waits for `command`, forwards signals to it, reaps what is left over. Never returns. */
_Noreturn void init_run(int command);
#endif
