/* Relays TCP connections of the host to the container by splice: no byte is copied through this process. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"

#define MAXIMUM_CONNECTIONS 512
#define SPLICE_BYTES 65536

struct relay {
  struct source source; /* first: a source is its relay */
  struct relay *next;
  uint32_t address;
  uint16_t port;
};

struct connection;

struct end {
  struct source source; /* first: a source is its end */
  struct connection *connection;
};

/** From one end to the other. */
struct direction {
  int pipe[2];
  size_t pending;
  bool ended, finished;
};

struct connection {
  /** 0 is the host's side, 1 the container's. Direction i reads from end i. */
  struct end ends[2];
  struct direction directions[2];
  bool connected;
};

static struct relay *relays;
static unsigned connection_count;

static void relays_listen(void) {
  for (struct relay *relay = relays; relay != NULL; relay = relay->next) {
    if (connection_count < MAXIMUM_CONNECTIONS) loop_watch(&relay->source, EPOLLIN);
    else loop_forget(&relay->source);
  }
}

static void connection_close(struct connection *connection) {
  for (int i = 0; i < 2; i++) {
    loop_close(&connection->ends[i].source);
    for (int j = 0; j < 2; j++)
      if (connection->directions[i].pipe[j] >= 0) close(connection->directions[i].pipe[j]);
  }
  free(connection);
  connection_count--;
  relays_listen();
}

/** Moves what there is in one direction. false when the connection is broken. */
static bool move(struct connection *connection, int from) {
  struct direction *direction = &connection->directions[from];
  int source = connection->ends[from].source.fd, target = connection->ends[1 - from].source.fd;
  const unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
  /* One turn each: others are waiting as well. */
  if (!direction->ended && direction->pending == 0) {
    ssize_t size = splice(source, NULL, direction->pipe[1], NULL, SPLICE_BYTES, flags);
    if (size == 0) direction->ended = true;
    else if (size > 0) direction->pending = (size_t)size;
    else if (errno != EAGAIN && errno != EINTR) return false;
  }
  if (direction->pending > 0) {
    ssize_t size = splice(direction->pipe[0], NULL, target, NULL, direction->pending, flags);
    if (size > 0) direction->pending -= (size_t)size;
    else if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
  }
  if (direction->ended && direction->pending == 0 && !direction->finished) {
    direction->finished = true;
    shutdown(target, SHUT_WR);
  }
  return true;
}

static void connection_watch(struct connection *connection) {
  for (int i = 0; i < 2; i++) {
    const struct direction *in = &connection->directions[i], *out = &connection->directions[1 - i];
    uint32_t events = 0;
    if (!connection->connected) {
      events = i == 1 ? EPOLLOUT : 0;
    } else {
      if (!in->ended && in->pending == 0) events |= EPOLLIN;
      if (out->pending > 0) events |= EPOLLOUT;
    }
    loop_watch(&connection->ends[i].source, events);
  }
}

static void end_ready(struct source *source, uint32_t events) {
  struct connection *connection = ((struct end *)source)->connection;
  if (!connection->connected) {
    int error = 0;
    socklen_t size = sizeof error;
    if (source == &connection->ends[0].source || (events & EPOLLERR) ||
        getsockopt(source->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 || error != 0) {
      connection_close(connection);
      return;
    }
    connection->connected = true;
  }
  bool whole = !(events & EPOLLERR) && move(connection, 0) && move(connection, 1);
  bool finished = connection->directions[0].finished && connection->directions[1].finished;
  /* Both sides of this socket are closed, so nothing that is left can be delivered to it. */
  bool gone = (events & EPOLLHUP) && !(events & EPOLLIN) && connection->directions[source == &connection->ends[1].source].ended;
  if (!whole || finished || gone) connection_close(connection);
  else connection_watch(connection);
}

static int connect_to(const struct relay *relay) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(relay->port), .sin_addr.s_addr = htonl(relay->address)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS) return fd;
  close(fd);
  return -1;
}

static void relay_ready(struct source *source, uint32_t events) {
  (void)events;
  const struct relay *relay = (const struct relay *)source;
  int accepted = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (accepted < 0) return;
  struct connection *connection = calloc(1, sizeof *connection);
  int other = connection == NULL ? -1 : connect_to(relay);
  if (connection == NULL) {
    close(accepted);
    return;
  }
  connection_count++;
  for (int i = 0; i < 2; i++) {
    connection->ends[i] = (struct end){.source = {.fd = i == 0 ? accepted : other, .ready = end_ready}, .connection = connection};
    connection->directions[i].pipe[0] = connection->directions[i].pipe[1] = -1;
  }
  if (other < 0 || pipe2(connection->directions[0].pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
      pipe2(connection->directions[1].pipe, O_CLOEXEC | O_NONBLOCK) < 0) {
    connection_close(connection);
    return;
  }
  connection_watch(connection);
  if (connection_count == MAXIMUM_CONNECTIONS) relays_listen();
}

void relay_start(int listener, uint32_t address, uint16_t port) {
  struct relay *relay = calloc(1, sizeof *relay);
  if (relay == NULL) return;
  fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
  *relay = (struct relay){
      .source = {.fd = listener, .ready = relay_ready}, .next = relays, .address = address, .port = port};
  relays = relay;
  loop_watch(&relay->source, EPOLLIN);
}

void relays_stop(void) {
  for (struct relay *relay = relays; relay != NULL; relay = relay->next) loop_close(&relay->source);
}
