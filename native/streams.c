#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "log.h"
#include "monitor.h"

#define OUTPUT_BYTES 32768
/* What may be taken after the process ended: others that share its pipe could write for ever. */
#define DRAIN_BYTES (8u << 20)

static struct source input = {.fd = -1}, output = {.fd = -1}, error = {.fd = -1};
static char input_buffer[INPUT_BYTES];
static size_t input_start, input_size;
static bool is_terminal, close_with_client, closing, held;
/**
 * The other side of the terminal, held open: a process may close all of its own and open the terminal again later, and in
 * between the master would report its end.
 */
static int slave = -1;

static enum stream stream_of(const struct source *source) {
  return source == &error ? STREAM_STDERR : STREAM_STDOUT;
}

/** Takes one piece of output. 0 at its end, -1 when there is none now. */
static ssize_t take_output(struct source *source) {
  static char frame[FRAME_HEADER + OUTPUT_BYTES];
  ssize_t size = read(source->fd, frame + FRAME_HEADER, OUTPUT_BYTES);
  if (size > 0) {
    log_write(stream_of(source), frame + FRAME_HEADER, (size_t)size);
    clients_output(stream_of(source), frame, (size_t)size, is_terminal);
    return size;
  }
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return -1;
  /* A terminal's end is EIO: nobody has its slave open. */
  return 0;
}

static void output_ready(struct source *source, uint32_t events) {
  (void)events;
  if (take_output(source) != 0) return;
  log_end(stream_of(source));
  loop_close(source);
}

static void input_flush(void) {
  while (input_size > 0 && input.fd >= 0) {
    ssize_t written = write(input.fd, input_buffer + input_start, input_size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      /* The process does not read any more: what comes is thrown away. */
      input_size = 0;
      if (!is_terminal) loop_close(&input);
      break;
    }
    input_start += (size_t)written;
    input_size -= (size_t)written;
  }
  if (input_size == 0) {
    input_start = 0;
    if (closing && !is_terminal) loop_close(&input);
  }
}

static void input_update(void) {
  if (input.fd < 0) return;
  if (input_size > 0) loop_watch(&input, EPOLLOUT);
  else loop_forget(&input);
}

static void input_ready(struct source *source, uint32_t events) {
  (void)source, (void)events;
  input_flush();
  input_update();
  clients_update();
}

bool input_accepts(void) { return input_size == 0; }

void input_write(const char *bytes, size_t size) {
  if (input.fd < 0 || closing) return;
  memcpy(input_buffer, bytes, size);
  input_start = 0;
  input_size = size;
  input_flush();
  input_update();
}

void input_close(void) {
  closing = !is_terminal;
  input_flush();
  input_update();
}

void input_client_ended(void) {
  if (close_with_client) input_close();
}

int terminal_resize(unsigned rows, unsigned columns) {
  struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
  if (!is_terminal) return ENOTTY;
  return ioctl(output.fd, TIOCSWINSZ, &size) < 0 ? errno : 0;
}

static void watch_output(struct source *source) {
  if (source->fd < 0) return;
  if (held) loop_forget(source);
  else loop_watch(source, EPOLLIN);
}

void streams_hold(bool hold) {
  if (held == hold || monitor.ended) return;
  held = hold;
  watch_output(&output);
  watch_output(&error);
}

static void set_non_blocking(int fd) {
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void streams_start(int in, int out, int err, bool terminal, bool stdin_once) {
  is_terminal = terminal;
  if (terminal) slave = ioctl(out, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  close_with_client = stdin_once;
  set_non_blocking(in);
  set_non_blocking(out);
  set_non_blocking(err);
  input = (struct source){.fd = in, .ready = input_ready};
  output = (struct source){.fd = out, .ready = output_ready};
  error = (struct source){.fd = err, .ready = output_ready};
  watch_output(&output);
  watch_output(&error);
}

static void drain(struct source *source) {
  size_t taken = 0;
  while (source->fd >= 0 && taken < DRAIN_BYTES) {
    ssize_t size = take_output(source);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    taken += (size_t)size;
  }
  log_end(stream_of(source));
  loop_close(source);
}

void streams_drain(void) {
  loop_close(&input);
  input_size = 0;
  if (slave >= 0) close(slave);
  drain(&output);
  drain(&error);
}
