/* The monitor: one process beside each container process, which owns its streams and outlives the daemon. */
#ifndef CORTEN_MONITOR_H
#define CORTEN_MONITOR_H
#include <limits.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "plan.h"

/* --- loop.c: an epoll loop that hands out one event at a time, so that a handler may free whatever it likes --- */
struct source {
  int fd;
  uint32_t events;
  bool registered;
  void (*ready)(struct source *source, uint32_t events);
};
int loop_open(void);
/** Registers, or changes what is waited for. 0 still reports EPOLLHUP and EPOLLERR. */
void loop_watch(struct source *source, uint32_t events);
/** Stops watching; the descriptor stays open. */
void loop_forget(struct source *source);
/** Stops watching and closes. */
void loop_close(struct source *source);
/** Waits for one event, at most `timeout` ms (-1: for ever), and handles it. false after the timeout. */
bool loop_step(int timeout);

/* --- streams.c: the process's input and output --- */
enum stream { STREAM_STDIN, STREAM_STDOUT, STREAM_STDERR };
#define FRAME_HEADER 8
void streams_start(int input, int output, int error, bool terminal, bool stdin_once);
/** Takes what the process left behind: until the streams end, or nothing more is there. */
void streams_drain(void);
/** Output waits while a client in the foreground has too much queued. */
void streams_hold(bool hold);
/** Whether the input takes more now. */
bool input_accepts(void);
/** `size` is at most INPUT_BYTES. Only when the input accepts. */
void input_write(const char *bytes, size_t size);
/** A client that had the input has gone, or ended it. */
void input_client_ended(void);
/** Closes the input once what was written is taken. Does nothing with a terminal. */
void input_close(void);
int terminal_resize(unsigned rows, unsigned columns);
#define INPUT_BYTES 16384

/* --- clients.c: attached clients --- */
/** Takes an open connection over. `streams` of enum client_streams. */
void client_attach(int fd, uint32_t streams);
/** `frame` has FRAME_HEADER bytes of room before the payload. */
void clients_output(enum stream stream, char *frame, size_t size, bool terminal);
/** After the input's state changed: which clients are read from. */
void clients_update(void);
/** Bytes that clients have not taken yet. */
size_t clients_pending(void);
/** Tells each client of the end as soon as it has everything, and closes when it does. */
void clients_finish(void);
bool clients_any(void);

/* --- control.c: the daemon's connections --- */
enum message_type {
  /** a: pid; b: the monitor's; wide: start times of both, then ns from the monitor's start to clone3, to exec. */
  MESSAGE_STARTED = 1,
  /** a: operation or -1; b: errno; c: enum stage */
  MESSAGE_FAILED,
  /** a: exit code; b: signal or 0; c: 1 when something was killed for lack of memory; wide[0]: ns of the epoch */
  MESSAGE_EXITED,
  MESSAGE_REPLY,       /* a: errno of the request; b: its number */
  MESSAGE_RESIZE = 16, /* a: rows; b: columns; c: number of the request */
  MESSAGE_CLOSE_STDIN, /* c: number of the request */
  MESSAGE_KILL,        /* a: signal; c: number of the request */
};
enum stage {
  STAGE_PLAN = 1,
  STAGE_SOCKET,
  STAGE_STREAMS,
  STAGE_LOG,
  STAGE_PID_NAMESPACE,
  STAGE_CLONE,
  STAGE_OPERATION,
  STAGE_TERMINAL,
};
struct message {
  uint32_t type;
  int32_t a, b, c;
  uint64_t wide[4];
};
/** The first 8 bytes of a connection to the monitor's socket; an attached client gets them back when it is attached. */
struct hello {
  char magic[4]; /* "CRTN" */
  uint8_t kind;  /* enum hello_kind */
  uint8_t streams;
  uint8_t reserved[2];
};
enum hello_kind { HELLO_CONTROL = 1, HELLO_ATTACH };
void control_add(int fd);
void control_broadcast(const struct message *message);
/** What a daemon gets first. */
void control_started(struct message *message);
int control_listen(const char *path);
void control_stop_listening(void);

/* --- relay.c --- */
void relay_start(int listener, uint32_t address, uint16_t port);
void relays_stop(void);

/* --- exit.c --- */
struct exit_record {
  int code, signal;
  bool out_of_memory;
  uint64_t finished; /* ns of the epoch */
  uint64_t log_lost; /* lines */
};
/** Opens what tells later whether the memory cgroup among `directories` killed something. */
void exit_watch_memory(struct list directories);
bool exit_was_out_of_memory(void);
int exit_write(const char *path, const struct exit_record *record);

/* --- monitor.c --- */
uint64_t clock_nanoseconds(int clock);
extern struct monitor {
  int pid, pidfd, mount_namespace;
  bool ended, terminal;
  uint64_t started, cloned, executed;
  /** Field 22 of /proc/PID/stat: together with the PID it names a process for good. */
  uint64_t start_time, child_start_time;
  char socket_path[PATH_MAX], exit_path[PATH_MAX];
} monitor;
#endif
