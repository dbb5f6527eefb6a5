#include "plan.h"

#include <string.h>

/*
 * The fields of each operation: s string, u number, d index of a descriptor, o index or NO_DESCRIPTOR, q wide number,
 * l list of strings, g list of numbers, b bytes. Change it together with src/runtime/encode.ts.
 */
static const char *const operation_fields[OP_KINDS] = {
    [OP_JOIN_CGROUPS] = "l",
    [OP_JOIN_NAMESPACE] = "ud",
    [OP_UNSHARE] = "u",
    [OP_ROOT_PROPAGATION] = "u",
    [OP_ROOT_OVERLAY] = "sslssu",
    [OP_ROOT_BIND] = "ss",
    [OP_MOUNT] = "sssuul",
    [OP_BIND] = "sosuuuuu",
    [OP_DEVICE] = "suuuuu",
    [OP_DIRECTORY] = "suuu",
    [OP_SYMLINK] = "ss",
    [OP_TERMINAL] = "uuu",
    [OP_MASK] = "s",
    [OP_READ_ONLY_PATH] = "s",
    [OP_SYSCTL] = "ss",
    [OP_HOSTNAME] = "s",
    [OP_DOMAINNAME] = "s",
    [OP_PIVOT_ROOT] = "uu",
    [OP_RLIMIT] = "uqq",
    [OP_OOM_SCORE_ADJUST] = "u",
    [OP_UMASK] = "u",
    [OP_WORKING_DIRECTORY] = "su",
    [OP_CREDENTIALS] = "uugqqqq",
    [OP_NO_NEW_PRIVILEGES] = "",
    [OP_SECCOMP] = "b",
    [OP_EXEC] = "llu",
};

/* socket, exit record, terminal, openStdin, stdinOnce, deferUnmount, log driver, log path, size, files */
static const char setup_fields[] = "ssuuuuusqu";

uint32_t read_number(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/** `size` bytes, or NULL (and failed, for good) when there are fewer. */
static const uint8_t *take(struct reader *reader, size_t size) {
  if (reader->failed || (size_t)(reader->end - reader->next) < size) {
    reader->failed = true;
    return NULL;
  }
  const uint8_t *at = reader->next;
  reader->next += size;
  return at;
}

uint32_t plan_next_number(struct reader *reader) {
  const uint8_t *at = take(reader, 4);
  return at == NULL ? 0 : read_number(at);
}

static uint64_t next_wide(struct reader *reader) {
  const uint8_t *at = take(reader, 8);
  return at == NULL ? 0 : (uint64_t)read_number(at) | (uint64_t)read_number(at + 4) << 32;
}

static const char *next_text(struct reader *reader) {
  uint32_t length = plan_next_number(reader);
  const uint8_t *at = take(reader, (size_t)length + 1);
  if (at == NULL) return NULL;
  if (at[length] != 0 || memchr(at, 0, length) != NULL) {
    reader->failed = true;
    return NULL;
  }
  return (const char *)at;
}

static struct list next_list(struct reader *reader, char element) {
  struct list list = {.count = plan_next_number(reader), .elements = reader->next};
  if (element == 'b') {
    take(reader, list.count);
    return list;
  }
  if (element == 'g') {
    take(reader, (size_t)list.count * 4);
    return list;
  }
  for (uint32_t i = 0; i < list.count && !reader->failed; i++) next_text(reader);
  return list;
}

static uint32_t next_descriptor(struct reader *reader, bool optional) {
  uint32_t index = plan_next_number(reader);
  if (index >= reader->descriptors && !(optional && index == NO_DESCRIPTOR)) reader->failed = true;
  return index;
}

static void next_fields(struct reader *reader, const char *fields, struct operation *operation) {
  size_t texts = 0, numbers = 0, wides = 0, lists = 0;
  for (; *fields != 0 && !reader->failed; fields++) switch (*fields) {
      case 's': operation->text[texts++] = next_text(reader); break;
      case 'u': operation->number[numbers++] = plan_next_number(reader); break;
      case 'd': operation->number[numbers++] = next_descriptor(reader, false); break;
      case 'o': operation->number[numbers++] = next_descriptor(reader, true); break;
      case 'q': operation->wide[wides++] = next_wide(reader); break;
      default: operation->list[lists++] = next_list(reader, *fields); break;
    }
}

bool plan_next_operation(struct reader *reader, struct operation *operation) {
  memset(operation, 0, sizeof *operation);
  const uint8_t *kind = take(reader, 1);
  uint32_t length = plan_next_number(reader);
  const uint8_t *body = take(reader, length);
  if (kind == NULL || body == NULL || *kind == 0 || *kind >= OP_KINDS) {
    reader->failed = true;
    return false;
  }
  operation->kind = *kind;
  struct reader fields = {.next = body, .end = body + length, .descriptors = reader->descriptors};
  next_fields(&fields, operation_fields[*kind], operation);
  if (fields.failed || fields.next != fields.end) reader->failed = true;
  return !reader->failed;
}

void plan_next_relay(struct reader *reader, struct relay_setup *relay) {
  relay->listener = next_descriptor(reader, false);
  relay->address = plan_next_number(reader);
  relay->port = plan_next_number(reader);
  if (relay->port > UINT16_MAX) reader->failed = true;
}

const char *list_next_text(const uint8_t **at) {
  const char *text = (const char *)*at + 4;
  *at += 4 + read_number(*at) + 1;
  return text;
}

static void decode_setup(struct reader *reader, struct plan *plan) {
  struct operation setup = {0};
  next_fields(reader, setup_fields, &setup);
  plan->socket_path = setup.text[0];
  plan->exit_path = setup.text[1];
  plan->log_path = setup.text[2];
  plan->terminal = setup.number[0] != 0;
  plan->open_stdin = setup.number[1] != 0;
  plan->stdin_once = setup.number[2] != 0;
  plan->defer_unmount = setup.number[3] != 0;
  if (setup.number[4] >= LOG_DRIVERS) reader->failed = true;
  plan->log_driver = (enum log_driver)setup.number[4];
  plan->log_maximum_size = setup.wide[0];
  plan->log_maximum_files = setup.number[5];
}

/** Relays, held descriptors and clients: walked once to check them, then again when they are set up. */
static void decode_descriptors(struct reader *reader, struct plan *plan) {
  struct relay_setup relay;
  plan->relay_count = plan_next_number(reader);
  plan->relays = *reader;
  for (uint32_t i = 0; i < plan->relay_count && !reader->failed; i++) plan_next_relay(reader, &relay);
  plan->held_count = plan_next_number(reader);
  plan->held = *reader;
  for (uint32_t i = 0; i < plan->held_count && !reader->failed; i++) next_descriptor(reader, false);
  plan->client_count = plan_next_number(reader);
  plan->clients = *reader;
  for (uint32_t i = 0; i < plan->client_count && !reader->failed; i++) {
    next_descriptor(reader, false);
    if (plan_next_number(reader) > CLIENT_ALL) reader->failed = true;
  }
}

static void decode_operations(struct reader *reader, struct plan *plan) {
  struct operation operation;
  plan->operation_count = plan_next_number(reader);
  plan->operations = *reader;
  uint32_t terminals = 0;
  if (plan->operation_count == 0) reader->failed = true;
  for (uint32_t i = 0; i < plan->operation_count && !reader->failed; i++) {
    if (!plan_next_operation(reader, &operation)) return;
    bool last = i + 1 == plan->operation_count;
    if ((operation.kind == OP_EXEC) != last) reader->failed = true;
    if (operation.kind == OP_EXEC && operation.list[0].count == 0) reader->failed = true;
    if (operation.kind == OP_TERMINAL) terminals++;
    if (operation.kind == OP_SECCOMP && (operation.list[0].count % 8 != 0 || operation.list[0].count > 8 * UINT16_MAX))
      reader->failed = true;
  }
  /* The monitor waits for the terminal if and only if an operation makes one. */
  if (terminals != (plan->terminal ? 1 : 0)) reader->failed = true;
}

bool plan_decode(struct plan *plan, const uint8_t *bytes, size_t length) {
  struct reader reader = {.next = bytes, .end = bytes + length};
  memset(plan, 0, sizeof *plan);
  if (length > PLAN_MAXIMUM_BYTES || plan_next_number(&reader) != PLAN_MAGIC ||
      plan_next_number(&reader) != PLAN_VERSION || plan_next_number(&reader) != length)
    return false;
  plan->descriptors = reader.descriptors = plan_next_number(&reader);
  if (reader.failed || reader.descriptors > PLAN_MAXIMUM_DESCRIPTORS) return false;
  decode_setup(&reader, plan);
  decode_descriptors(&reader, plan);
  plan->clone_flags = plan_next_number(&reader);
  plan->pid_namespace = next_descriptor(&reader, true);
  plan->cgroup = next_descriptor(&reader, true);
  decode_operations(&reader, plan);
  return !reader.failed && reader.next == reader.end;
}
