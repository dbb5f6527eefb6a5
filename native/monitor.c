/*
 * The program: reads a launch plan from descriptor 3, reports to the daemon on descriptor 4, and has the plan's own
 * descriptors from 5 on. It never ends before the process that it started, nor when the daemon does.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "log.h"
#include "monitor.h"
#include "syscalls.h"

#define PLAN_DESCRIPTOR 3
#define STATUS_DESCRIPTOR 4
#define FIRST_DESCRIPTOR 5
/* How long the exit record waits for clients that are slow to take the last output. They get it all in any case. */
#define FLUSH_MILLISECONDS 2000
#define LINGER_MILLISECONDS 500

struct monitor monitor = {.pid = -1, .pidfd = -1, .mount_namespace = -1};

uint64_t clock_nanoseconds(int clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static _Noreturn void give_up(enum stage stage, uint32_t operation, int error) {
  struct message message = {.type = MESSAGE_FAILED, .a = (int32_t)operation, .b = error, .c = (int32_t)stage};
  control_stop_listening();
  _exit(send(STATUS_DESCRIPTOR, &message, sizeof message, MSG_NOSIGNAL) < 0 ? 2 : 1);
}

/** The plan, mapped privately: nobody can change it after it was checked. */
static const uint8_t *read_plan(size_t *length) {
  struct stat status;
  if (fstat(PLAN_DESCRIPTOR, &status) < 0) return NULL;
  if (status.st_size <= 0 || status.st_size > PLAN_MAXIMUM_BYTES) return NULL;
  *length = (size_t)status.st_size;
  uint8_t *bytes = mmap(NULL, *length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) return NULL;
  for (size_t done = 0; done < *length;) {
    ssize_t size = pread(PLAN_DESCRIPTOR, bytes + done, *length - done, (off_t)done);
    if (size <= 0) return NULL;
    done += (size_t)size;
  }
  return bytes;
}

static bool copy_path(char *to, const char *from) {
  size_t length = strlen(from);
  if (length == 0 || length >= PATH_MAX) return false;
  memcpy(to, from, length + 1);
  return true;
}

/** Ends of the child's streams: [0] the monitor's, [1] the child's. */
struct stream_pairs {
  int input[2], output[2], error[2];
};

static int make_pipe(int pair[2], bool child_reads) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -1;
  pair[0] = ends[child_reads ? 1 : 0];
  pair[1] = ends[child_reads ? 0 : 1];
  return 0;
}

static int make_streams(const struct plan *plan, struct stream_pairs *pairs) {
  *pairs = (struct stream_pairs){{-1, 0}, {-1, 1}, {-1, 2}};
  if (plan->terminal) return 0;
  if (plan->open_stdin && make_pipe(pairs->input, true) < 0) return -1;
  return make_pipe(pairs->output, false) < 0 || make_pipe(pairs->error, false) < 0 ? -1 : 0;
}

/** Opens the sources of all bind operations where the daemon sees them. */
static int *open_binds(const struct plan *plan) {
  struct reader operations = plan->operations;
  struct operation operation;
  uint32_t count = 0;
  int *binds = calloc((size_t)plan->operation_count, sizeof *binds);
  if (binds == NULL) give_up(STAGE_OPERATION, NO_DESCRIPTOR, ENOMEM);
  for (uint32_t i = 0; i < plan->operation_count; i++) {
    if (!plan_next_operation(&operations, &operation)) break;
    if (operation.kind == OP_JOIN_CGROUPS) exit_watch_memory(operation.list[0]);
    if (operation.kind != OP_BIND) continue;
    binds[count] = open_bind_source(&operation, FIRST_DESCRIPTOR);
    if (binds[count++] < 0) give_up(STAGE_OPERATION, i, errno);
  }
  return binds;
}

static void start_child(const struct plan *plan, const struct stream_pairs *pairs, const int *binds, int report[2]) {
  int pidfd = -1;
  struct clone_args arguments = {
      .flags = plan->clone_flags | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
  if (plan->cgroup != NO_DESCRIPTOR) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = FIRST_DESCRIPTOR + plan->cgroup;
  }
  if (plan->pid_namespace != NO_DESCRIPTOR && setns(FIRST_DESCRIPTOR + (int)plan->pid_namespace, CLONE_NEWPID) < 0)
    give_up(STAGE_PID_NAMESPACE, NO_DESCRIPTOR, errno);
  monitor.cloned = clock_nanoseconds(CLOCK_MONOTONIC) - monitor.started;
  int pid = sys_clone3(&arguments);
  if (pid < 0) give_up(STAGE_CLONE, NO_DESCRIPTOR, errno);
  if (pid == 0) {
    struct child child = {
        .plan = plan,
        .descriptors = FIRST_DESCRIPTOR,
        .report = report[1],
        .stdio = {pairs->input[1], pairs->output[1], pairs->error[1]},
        .binds = binds,
        .root = -1,
        .dev = -1,
        .proc = -1,
    };
    child_run(&child);
  }
  monitor.pid = pid;
  monitor.pidfd = pidfd;
}

static int receive(int fd, struct report *report, int *passed) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec part = {report, sizeof *report};
  struct msghdr envelope = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t size;
  do size = recvmsg(fd, &envelope, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size != (ssize_t)sizeof *report) return size == 0 ? 0 : -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&envelope);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS) memcpy(passed, CMSG_DATA(header), sizeof *passed);
  return 1;
}

static void reap(siginfo_t *status) {
  memset(status, 0, sizeof *status);
  while (waitid(P_PIDFD, (id_t)monitor.pidfd, status, WEXITED) < 0 && errno == EINTR) {
  }
}

/** Waits until the child's exec closed the report socket. Returns the terminal's master, or -1. */
static int await_exec(int report) {
  struct report message;
  siginfo_t status;
  int master = -1, result;
  while ((result = receive(report, &message, &master)) > 0) {
    if (message.kind != REPORT_FAILED) continue;
    reap(&status);
    give_up(STAGE_OPERATION, message.operation, message.error);
  }
  if (result < 0) give_up(STAGE_OPERATION, NO_DESCRIPTOR, errno);
  return master;
}

/** Sockets that keep published ports from others. */
static bool holds_port[PLAN_MAXIMUM_DESCRIPTORS];

/** Closes what only the child needed: namespaces, cgroups, sources of binds. Keeps relays, held ports and clients. */
static void close_launch_descriptors(const struct plan *plan) {
  bool keep[PLAN_MAXIMUM_DESCRIPTORS] = {false};
  struct reader relays = plan->relays, held = plan->held, clients = plan->clients;
  struct relay_setup relay;
  for (uint32_t i = 0; i < plan->relay_count; i++) {
    plan_next_relay(&relays, &relay);
    keep[relay.listener] = true;
  }
  for (uint32_t i = 0; i < plan->held_count; i++) {
    uint32_t number = plan_next_number(&held);
    keep[number] = holds_port[number] = true;
  }
  for (uint32_t i = 0; i < plan->client_count; i++) {
    keep[plan_next_number(&clients)] = true;
    plan_next_number(&clients);
  }
  for (uint32_t i = 0; i < plan->descriptors; i++)
    if (!keep[i]) close(FIRST_DESCRIPTOR + (int)i);
}

/** Works for a child that has ended as well, as long as we did not reap it. */
static uint64_t start_time_of(int pid) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  /* The command may hold spaces and parentheses: field 3 begins after the last one. */
  const char *at = strrchr(text, ')');
  for (int field = 2; at != NULL && field < 22; field++) at = strchr(at + 1, ' ');
  return at == NULL ? 0 : strtoull(at + 1, NULL, 10);
}

static void hold_mount_namespace(void) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/ns/mnt", monitor.pid);
  monitor.mount_namespace = open(path, O_RDONLY | O_CLOEXEC);
}

/** Before anybody learns of the end: whoever waits for it may want the ports next. */
static void let_go_of_ports(void) {
  relays_stop();
  for (int i = 0; i < (int)PLAN_MAXIMUM_DESCRIPTORS; i++)
    if (holds_port[i]) close(FIRST_DESCRIPTOR + i);
}

static void start_clients(const struct plan *plan) {
  struct reader clients = plan->clients;
  for (uint32_t i = 0; i < plan->client_count; i++) {
    int fd = FIRST_DESCRIPTOR + (int)plan_next_number(&clients);
    client_attach(fd, plan_next_number(&clients));
  }
}

static void start_relays(const struct plan *plan) {
  struct reader relays = plan->relays;
  struct relay_setup relay;
  for (uint32_t i = 0; i < plan->relay_count; i++) {
    plan_next_relay(&relays, &relay);
    relay_start(FIRST_DESCRIPTOR + (int)relay.listener, relay.address, (uint16_t)relay.port);
  }
}

static void child_ready(struct source *source, uint32_t events) {
  (void)events;
  monitor.ended = true;
  loop_forget(source);
}

static void launch(const struct plan *plan) {
  struct stream_pairs pairs;
  static struct source child = {.ready = child_ready};
  int report[2];
  if (loop_open() < 0 || !copy_path(monitor.exit_path, plan->exit_path) ||
      !copy_path(monitor.socket_path, plan->socket_path))
    give_up(STAGE_PLAN, NO_DESCRIPTOR, EINVAL);
  if (control_listen(plan->socket_path) < 0) give_up(STAGE_SOCKET, NO_DESCRIPTOR, errno);
  if (log_open(plan) < 0) give_up(STAGE_LOG, NO_DESCRIPTOR, errno);
  if (make_streams(plan, &pairs) < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
    give_up(STAGE_STREAMS, NO_DESCRIPTOR, errno);
  int *binds = open_binds(plan);
  start_child(plan, &pairs, binds, report);
  close(report[1]);
  if (pairs.input[1] > 2) close(pairs.input[1]);
  if (pairs.output[1] > 2) close(pairs.output[1]);
  if (pairs.error[1] > 2) close(pairs.error[1]);
  for (uint32_t i = 0; i < plan->operation_count; i++)
    if (binds[i] > 0) close(binds[i]);
  free(binds);
  int master = await_exec(report[0]);
  close(report[0]);
  monitor.executed = clock_nanoseconds(CLOCK_MONOTONIC) - monitor.started;
  if (plan->terminal && master < 0) {
    sys_pidfd_send_signal(monitor.pidfd, SIGKILL);
    give_up(STAGE_TERMINAL, NO_DESCRIPTOR, EIO);
  }
  monitor.start_time = start_time_of(getpid());
  monitor.child_start_time = start_time_of(monitor.pid);
  if (plan->defer_unmount) hold_mount_namespace();
  close_launch_descriptors(plan);
  monitor.terminal = plan->terminal;
  start_clients(plan);
  if (plan->terminal) streams_start(dup(master), master, -1, true, plan->stdin_once);
  else streams_start(pairs.input[0], pairs.output[0], pairs.error[0], false, plan->stdin_once);
  start_relays(plan);
  child.fd = monitor.pidfd;
  loop_watch(&child, EPOLLIN);
  control_add(STATUS_DESCRIPTOR);
  struct message started;
  control_started(&started);
  control_broadcast(&started);
}

static void finish(void) {
  siginfo_t status;
  struct exit_record record = {0};
  reap(&status);
  record.finished = clock_nanoseconds(CLOCK_REALTIME);
  record.out_of_memory = exit_was_out_of_memory();
  record.signal = status.si_code == CLD_EXITED ? 0 : status.si_status;
  record.code = status.si_code == CLD_EXITED ? status.si_status : 128 + status.si_status;
  let_go_of_ports();
  streams_drain();
  uint64_t deadline = clock_nanoseconds(CLOCK_MONOTONIC) / 1000000 + FLUSH_MILLISECONDS;
  while (clients_pending() > 0) {
    uint64_t now = clock_nanoseconds(CLOCK_MONOTONIC) / 1000000;
    if (now >= deadline || !loop_step((int)(deadline - now))) break;
  }
  record.log_lost = log_lost();
  exit_write(monitor.exit_path, &record);
  control_stop_listening();
  control_broadcast(&(struct message){.type = MESSAGE_EXITED,
                                      .a = record.code,
                                      .b = record.signal,
                                      .c = record.out_of_memory,
                                      .wide = {record.finished}});
  clients_finish();
  /* Unmounts the container's root, which may take as long as its dirty pages take to be written. */
  if (monitor.mount_namespace >= 0) close(monitor.mount_namespace);
  /* For ever while output is left; not so for clients that do not close when they were told of the end. */
  while (clients_any())
    if (!loop_step(clients_pending() > 0 ? -1 : LINGER_MILLISECONDS)) break;
}

/**
 * Gives the pages of the program back that only the launch needed: what is used again comes back from the sealed file,
 * which all monitors share. Only segments that are not writable, whose content the file still has.
 */
static void trim_program(void) {
  extern const ElfW(Ehdr) __ehdr_start;
  const char *start = (const char *)&__ehdr_start;
  const ElfW(Phdr) *segments = (const ElfW(Phdr) *)(const void *)(start + __ehdr_start.e_phoff);
  /* The program is position-independent: it was linked for address 0, where its header is. */
  for (int i = 0; i < __ehdr_start.e_phnum; i++) {
    const ElfW(Phdr) *segment = &segments[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
    const char *page = start + (segment->p_vaddr & ~(uintptr_t)4095);
    madvise((void *)(uintptr_t)page, (size_t)(start + segment->p_vaddr + segment->p_memsz - page), MADV_DONTNEED);
  }
}

int main(void) {
  struct plan plan;
  size_t length = 0;
  sigset_t all;
  monitor.started = clock_nanoseconds(CLOCK_MONOTONIC);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "corten-monitor", 0, 0, 0);
  setsid();
  if (chdir("/") < 0) give_up(STAGE_PLAN, NO_DESCRIPTOR, errno);
  const uint8_t *bytes = read_plan(&length);
  if (bytes == NULL || !plan_decode(&plan, bytes, length)) give_up(STAGE_PLAN, NO_DESCRIPTOR, EINVAL);
  close(PLAN_DESCRIPTOR);
  sys_close_range(FIRST_DESCRIPTOR + plan.descriptors, ~0u, 0);
  launch(&plan);
  munmap((void *)(uintptr_t)bytes, length);
  trim_program();
  while (!monitor.ended) loop_step(-1);
  finish();
  return 0;
}
