#include <errno.h>
#include <unistd.h>

#include "monitor.h"

static int epoll = -1;

int loop_open(void) {
  epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll;
}

void loop_watch(struct source *source, uint32_t events) {
  if (source->registered && source->events == events) return;
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(epoll, source->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, source->fd, &event) < 0) return;
  source->registered = true;
  source->events = events;
}

void loop_forget(struct source *source) {
  if (source->registered) epoll_ctl(epoll, EPOLL_CTL_DEL, source->fd, NULL);
  source->registered = false;
}

void loop_close(struct source *source) {
  loop_forget(source);
  if (source->fd >= 0) close(source->fd);
  source->fd = -1;
}

bool loop_step(int timeout) {
  struct epoll_event event;
  int count = epoll_wait(epoll, &event, 1, timeout);
  if (count < 0) return errno == EINTR;
  if (count == 0) return false;
  struct source *source = event.data.ptr;
  source->ready(source, event.events);
  return true;
}
