/*
 * The wire form of a launch plan, as src/runtime/encode.ts writes it. Little-endian. A string is its length (u32), its
 * bytes and a NUL that the length does not count; it holds no other NUL. A list is its count (u32) and its elements.
 *
 *   header      u32 magic, u32 version, u32 length of all
 *   setup       see `setup_fields` in plan.c, then relays, held descriptors and clients
 *   launch      u32 clone flags, optional pid namespace, optional cgroup
 *   operations  u32 count; each: u8 kind, u32 length of what follows, its fields
 *
 * The decoder checks everything before anything is done, allocates nothing, and leaves pointers into the plan.
 */
#ifndef CORTEN_PLAN_H
#define CORTEN_PLAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x4e545243u /* "CRTN" */
#define PLAN_VERSION 1u
#define PLAN_MAXIMUM_BYTES (16u << 20)
#define PLAN_MAXIMUM_DESCRIPTORS 1024u
#define NO_DESCRIPTOR UINT32_MAX

enum operation_kind {
  OP_JOIN_CGROUPS = 1,
  OP_JOIN_NAMESPACE,
  OP_UNSHARE,
  OP_ROOT_PROPAGATION,
  OP_ROOT_OVERLAY,
  OP_ROOT_BIND,
  OP_MOUNT,
  OP_BIND,
  OP_DEVICE,
  OP_DIRECTORY,
  OP_SYMLINK,
  OP_TERMINAL,
  OP_MASK,
  OP_READ_ONLY_PATH,
  OP_SYSCTL,
  OP_HOSTNAME,
  OP_DOMAINNAME,
  OP_PIVOT_ROOT,
  OP_RLIMIT,
  OP_OOM_SCORE_ADJUST,
  OP_UMASK,
  OP_WORKING_DIRECTORY,
  OP_CREDENTIALS,
  OP_NO_NEW_PRIVILEGES,
  OP_SECCOMP,
  OP_EXEC,
  OP_KINDS,
};

struct list {
  uint32_t count;
  const uint8_t *elements;
};

/** One decoded operation: its fields by type, in the order in which they are written. */
struct operation {
  uint8_t kind;
  const char *text[5];
  uint32_t number[7];
  uint64_t wide[4];
  struct list list[2];
};

struct reader {
  const uint8_t *next;
  const uint8_t *end;
  uint32_t descriptors;
  bool failed;
};

enum log_driver { LOG_NONE, LOG_JSON_FILE, LOG_LOCAL, LOG_DRIVERS };

/** Which streams an attached client has; CLIENT_FOREGROUND: output waits for it, rather than leaving it behind. */
enum client_streams { CLIENT_STDIN = 1, CLIENT_STDOUT = 2, CLIENT_STDERR = 4, CLIENT_FOREGROUND = 8, CLIENT_ALL = 15 };

struct plan {
  uint32_t descriptors;
  const char *socket_path, *exit_path, *log_path;
  bool terminal, open_stdin, stdin_once, defer_unmount;
  enum log_driver log_driver;
  uint64_t log_maximum_size;
  uint32_t log_maximum_files;
  struct reader relays, held, clients;
  uint32_t relay_count, held_count, client_count;
  uint32_t clone_flags, pid_namespace, cgroup;
  uint32_t operation_count;
  struct reader operations;
};

struct relay_setup {
  uint32_t listener, address, port;
};

/** false when the plan is not well-formed: nothing of it may be used then. */
bool plan_decode(struct plan *plan, const uint8_t *bytes, size_t length);
bool plan_next_operation(struct reader *reader, struct operation *operation);
void plan_next_relay(struct reader *reader, struct relay_setup *relay);
uint32_t plan_next_number(struct reader *reader);
/** Steps through a list of strings: returns the string at `*at` and moves on. */
const char *list_next_text(const uint8_t **at);
uint32_t read_number(const uint8_t *at);
#endif
