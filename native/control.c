#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "monitor.h"
#include "syscalls.h"

/* Connections of the daemon are few; more than this is a mistake. */
#define MAXIMUM_CONNECTIONS 256

struct connection {
  struct source source; /* first: a source is its connection */
  struct connection *next;
  bool greeted;
  size_t received;
  union {
    struct hello hello;
    struct message message;
    char bytes[sizeof(struct message)];
  } incoming;
};

static struct connection *connections;
static unsigned connection_count;
static struct source listener = {.fd = -1};

static void connection_release(struct connection *connection, bool keep_open) {
  for (struct connection **at = &connections; *at != NULL; at = &(*at)->next)
    if (*at == connection) {
      *at = connection->next;
      break;
    }
  connection_count--;
  if (keep_open) loop_forget(&connection->source);
  else loop_close(&connection->source);
  free(connection);
}

/** Messages are small and rare: a daemon that lets its socket's buffer fill up with them is cut off. */
static bool say(struct connection *connection, const struct message *message) {
  return send(connection->source.fd, message, sizeof *message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *message;
}

static int request(const struct message *message) {
  switch (message->type) {
    case MESSAGE_RESIZE: return terminal_resize((unsigned)message->a, (unsigned)message->b);
    case MESSAGE_CLOSE_STDIN: input_close(); return 0;
    case MESSAGE_KILL:
      if (monitor.ended) return ESRCH;
      return sys_pidfd_send_signal(monitor.pidfd, message->a) < 0 ? errno : 0;
    default: return EINVAL;
  }
}

void control_started(struct message *message) {
  *message = (struct message){
      .type = MESSAGE_STARTED,
      .a = monitor.pid,
      .b = getpid(),
      .wide = {monitor.child_start_time, monitor.start_time, monitor.cloned, monitor.executed},
  };
}

/** false when the connection is gone or was handed on. */
static bool greet(struct connection *connection) {
  struct hello hello = connection->incoming.hello;
  int fd = connection->source.fd;
  if (memcmp(hello.magic, "CRTN", 4) != 0 || (hello.kind != HELLO_CONTROL && hello.kind != HELLO_ATTACH)) {
    connection_release(connection, false);
    return false;
  }
  if (hello.kind == HELLO_ATTACH) {
    /* Told before the first byte of output can be sent. */
    bool told = send(fd, &hello, sizeof hello, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof hello;
    connection_release(connection, told);
    if (told) client_attach(fd, hello.streams & CLIENT_ALL);
    return false;
  }
  struct message message;
  control_started(&message);
  connection->greeted = true;
  if (say(connection, &message)) return true;
  connection_release(connection, false);
  return false;
}

static bool handle(struct connection *connection) {
  if (!connection->greeted) return greet(connection);
  struct message message = connection->incoming.message;
  struct message reply = {.type = MESSAGE_REPLY, .a = request(&message), .b = message.c};
  if (say(connection, &reply)) return true;
  connection_release(connection, false);
  return false;
}

static void connection_ready(struct source *source, uint32_t events) {
  (void)events;
  struct connection *connection = (struct connection *)source;
  size_t wanted = connection->greeted ? sizeof(struct message) : sizeof(struct hello);
  ssize_t size =
      recv(source->fd, connection->incoming.bytes + connection->received, wanted - connection->received, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) {
    connection_release(connection, false);
    return;
  }
  connection->received += (size_t)size;
  if (connection->received < wanted) return;
  connection->received = 0;
  handle(connection);
}

static struct connection *connection_add(int fd, bool greeted) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL || connection_count >= MAXIMUM_CONNECTIONS) {
    free(connection);
    close(fd);
    return NULL;
  }
  connection->source = (struct source){.fd = fd, .ready = connection_ready};
  connection->greeted = greeted;
  connection->next = connections;
  connections = connection;
  connection_count++;
  loop_watch(&connection->source, EPOLLIN);
  return connection;
}

void control_add(int fd) { connection_add(fd, true); }

void control_broadcast(const struct message *message) {
  for (struct connection *connection = connections, *next; connection != NULL; connection = next) {
    next = connection->next;
    if (connection->greeted && !say(connection, message)) connection_release(connection, false);
  }
}

static void listener_ready(struct source *source, uint32_t events) {
  (void)events;
  struct ucred peer = {0};
  socklen_t size = sizeof peer;
  int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  /* The socket's mode says the same; this holds also where somebody changed it (CVE-2020-15257). */
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 || (peer.uid != 0 && peer.uid != geteuid())) {
    close(fd);
    return;
  }
  connection_add(fd, false);
}

/** Binds below the directory's descriptor: a socket's path has 107 bytes, and a state directory's may be longer. */
int control_listen(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char directory[PATH_MAX];
  const char *slash = strrchr(path, '/');
  if (slash == NULL || slash == path || strlen(slash) > 64 || (size_t)(slash - path) >= sizeof directory) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(directory, path, (size_t)(slash - path));
  directory[slash - path] = 0;
  /* Number 0 is /dev/null in the monitor, and free for this: /proc/self/fd/0 needs no number to be printed. */
  int parent = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (parent < 0 || fd < 0 || dup3(parent, 0, O_CLOEXEC) < 0) return -1;
  close(parent);
  strcpy(address.sun_path, "/proc/self/fd/0");
  strcpy(address.sun_path + strlen(address.sun_path), slash);
  mode_t mask = umask(0177);
  int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
  umask(mask);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0) return -1;
  close(null);
  if (bound < 0 || listen(fd, 64) < 0) return -1;
  listener = (struct source){.fd = fd, .ready = listener_ready};
  loop_watch(&listener, EPOLLIN);
  return 0;
}

void control_stop_listening(void) {
  if (listener.fd < 0) return;
  unlink(monitor.socket_path);
  loop_close(&listener);
  for (struct connection *connection = connections, *next; connection != NULL; connection = next) {
    next = connection->next;
    if (!connection->greeted) connection_release(connection, false);
  }
}
