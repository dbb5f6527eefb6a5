#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "monitor.h"

/* The kernel's own socket buffer comes before these. */
#define HOLD_BYTES (64u << 10)
#define DROP_BYTES (1u << 20)

struct client {
  struct source source; /* first: a source is its client */
  struct client *next;
  uint32_t streams;
  bool reads, hung_up, finishing;
  char *queue;
  size_t start, size, capacity;
};

static struct client *clients;

static void client_drop(struct client *client) {
  for (struct client **at = &clients; *at != NULL; at = &(*at)->next)
    if (*at == client) {
      *at = client->next;
      break;
    }
  bool had_input = client->reads;
  loop_close(&client->source);
  free(client->queue);
  free(client);
  if (had_input) input_client_ended();
  clients_update();
}

static void client_watch(struct client *client) {
  uint32_t events = client->size > 0 ? EPOLLOUT : 0;
  bool wants_input = client->reads && input_accepts();
  if (wants_input) events |= EPOLLIN;
  /* A connection that hung up would report it for ever; what it sent is read once the input accepts. */
  if (client->hung_up && events == 0) loop_forget(&client->source);
  else loop_watch(&client->source, events);
}

void clients_update(void) {
  bool hold = false;
  for (struct client *client = clients; client != NULL; client = client->next) {
    client_watch(client);
    if ((client->streams & CLIENT_FOREGROUND) && client->size > HOLD_BYTES) hold = true;
  }
  streams_hold(hold);
}

static void discard_queue(struct client *client) {
  free(client->queue);
  client->queue = NULL;
  client->start = client->size = client->capacity = 0;
}

static bool enqueue(struct client *client, const char *bytes, size_t size) {
  if (client->start > 0 && client->size > 0) memmove(client->queue, client->queue + client->start, client->size);
  client->start = 0;
  if (client->size + size > client->capacity) {
    size_t capacity = (client->size + size) * 2;
    char *queue = realloc(client->queue, capacity);
    if (queue == NULL) return false;
    client->queue = queue;
    client->capacity = capacity;
  }
  memcpy(client->queue + client->size, bytes, size);
  client->size += size;
  return true;
}

/** Sends what is queued. false when the other side is gone. */
static bool flush(struct client *client) {
  while (client->size > 0) {
    ssize_t sent = send(client->source.fd, client->queue + client->start, client->size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN;
    client->start += (size_t)sent;
    client->size -= (size_t)sent;
  }
  discard_queue(client);
  return true;
}

/** false when the client must go: it is dead, or it stopped taking output and nobody waits for it. */
static bool deliver(struct client *client, const char *bytes, size_t size) {
  size_t sent = 0;
  if (client->size == 0) {
    ssize_t result = send(client->source.fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (result < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (result > 0) sent = (size_t)result;
  }
  if (sent == size) return true;
  if (!(client->streams & CLIENT_FOREGROUND) && client->size + size > DROP_BYTES) return false;
  return enqueue(client, bytes + sent, size - sent);
}

void clients_output(enum stream stream, char *frame, size_t size, bool terminal) {
  uint32_t wanted = stream == STREAM_STDERR ? CLIENT_STDERR : CLIENT_STDOUT;
  char *from = terminal ? frame + FRAME_HEADER : frame;
  size_t length = terminal ? size : size + FRAME_HEADER;
  memset(frame, 0, FRAME_HEADER);
  frame[0] = (char)stream;
  for (int i = 0; i < 4; i++) frame[4 + i] = (char)(size >> (24 - 8 * i));
  bool queued = false;
  for (struct client *client = clients, *next; client != NULL; client = next) {
    next = client->next;
    if (!(client->streams & wanted)) continue;
    if (!deliver(client, from, length)) client_drop(client);
    else queued |= client->size > 0;
  }
  if (queued) clients_update();
}

/** Everything was sent. The other side sees the end, takes what is on its way, and closes. */
static void say_end(struct client *client) {
  shutdown(client->source.fd, SHUT_WR);
  client->reads = true;
}

static void take_input(struct client *client) {
  static char bytes[INPUT_BYTES];
  ssize_t size = recv(client->source.fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (client->finishing) {
    /* Thrown away: closing with input unread would reset the connection, and with it what we sent. */
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) client_drop(client);
    return;
  }
  if (size > 0) {
    input_write(bytes, (size_t)size);
    if (!input_accepts()) clients_update();
    return;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  client->reads = false;
  input_client_ended();
  clients_update();
}

static void client_ready(struct source *source, uint32_t events) {
  struct client *client = (struct client *)source;
  if (events & EPOLLOUT) {
    if (!flush(client)) {
      client_drop(client);
      return;
    }
    if (client->finishing && client->size == 0) say_end(client);
    clients_update();
  }
  if (client->reads && input_accepts() && (events & (EPOLLIN | EPOLLHUP))) {
    take_input(client);
    return;
  }
  if (!(events & (EPOLLHUP | EPOLLERR))) return;
  /* Both directions are closed: no output goes there any more, but input may still have to be read. */
  discard_queue(client);
  if (!client->reads) {
    client_drop(client);
    return;
  }
  client->streams &= ~(uint32_t)(CLIENT_STDOUT | CLIENT_STDERR | CLIENT_FOREGROUND);
  client->hung_up = true;
  clients_update();
}

void client_attach(int fd, uint32_t streams) {
  struct client *client = calloc(1, sizeof *client);
  if (client == NULL) {
    close(fd);
    return;
  }
  client->source = (struct source){.fd = fd, .ready = client_ready};
  client->streams = streams;
  client->reads = (streams & CLIENT_STDIN) != 0;
  client->next = clients;
  clients = client;
  client_watch(client);
}

size_t clients_pending(void) {
  size_t pending = 0;
  for (struct client *client = clients; client != NULL; client = client->next) pending += client->size;
  return pending;
}

void clients_finish(void) {
  for (struct client *client = clients, *next; client != NULL; client = next) {
    next = client->next;
    client->reads = false;
    client->finishing = true;
    if (client->size == 0) say_end(client);
    client_watch(client);
  }
}

bool clients_any(void) { return clients != NULL; }
