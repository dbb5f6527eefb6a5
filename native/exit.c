#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"

static int memory_events = -1;

void exit_watch_memory(struct list directories) {
  /* Version 1, version 2. */
  static const char *const names[] = {"/memory.oom_control", "/memory.events"};
  char path[PATH_MAX];
  const uint8_t *at = directories.elements;
  for (uint32_t i = 0; i < directories.count && memory_events < 0; i++) {
    const char *directory = list_next_text(&at);
    for (size_t j = 0; j < 2 && memory_events < 0; j++) {
      int length = snprintf(path, sizeof path, "%s%s", directory, names[j]);
      if (length > 0 && (size_t)length < sizeof path) memory_events = open(path, O_RDONLY | O_CLOEXEC);
    }
  }
}

bool exit_was_out_of_memory(void) {
  char text[512];
  if (memory_events < 0) return false;
  ssize_t size = pread(memory_events, text, sizeof text - 1, 0);
  if (size <= 0) return false;
  text[size] = 0;
  const char *at = strstr(text, "oom_kill ");
  return at != NULL && strtoul(at + 9, NULL, 10) > 0;
}

static int write_all(int fd, const char *text, size_t size) {
  while (size > 0) {
    ssize_t written = write(fd, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return -1;
    text += written;
    size -= (size_t)written;
  }
  return 0;
}

/*
 * A crash leaves either no record (with perhaps a ".new" beside, which the daemon ignores) or a whole one. The directory
 * is not synced: it is below the exec root, which does not outlive the machine's own crash anyway.
 */
int exit_write(const char *path, const struct exit_record *record) {
  char temporary[PATH_MAX + 8], text[256];
  snprintf(temporary, sizeof temporary, "%s.new", path);
  int length = snprintf(text, sizeof text,
                        "{\"exitCode\":%d,\"signal\":%d,\"oomKilled\":%s,\"finishedAtNanoseconds\":\"%llu\","
                        "\"logLinesLost\":%llu}\n",
                        record->code, record->signal, record->out_of_memory ? "true" : "false",
                        (unsigned long long)record->finished, (unsigned long long)record->log_lost);
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  int result = write_all(fd, text, (size_t)length);
  if (result == 0) result = fsync(fd);
  close(fd);
  return result == 0 ? rename(temporary, path) : -1;
}
