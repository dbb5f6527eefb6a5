#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 16384
/* A line of nothing but escapes, and what stands around it. */
#define RECORD_BYTES (LINE_BYTES * 6 + 128)
#define BATCH_BYTES (128u << 10)

static struct {
  enum log_driver driver;
  int fd;
  uint64_t size, maximum_size;
  uint32_t maximum_files;
  uint64_t lost;
  char path[PATH_MAX];
} file = {.fd = -1};

static struct line {
  size_t size;
  uint64_t time;
  char bytes[LINE_BYTES];
} lines[2];

static char batch[BATCH_BYTES];
static size_t batch_size;
static unsigned batch_records;

static int open_file(int flags) {
  struct stat status;
  file.fd = open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
  if (file.fd < 0) return -1;
  file.size = fstat(file.fd, &status) == 0 ? (uint64_t)status.st_size : 0;
  return 0;
}

int log_open(const struct plan *plan) {
  if (plan->log_driver == LOG_NONE) return 0;
  size_t length = strlen(plan->log_path);
  /* Room for ".N" */
  if (length + 12 > sizeof file.path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(file.path, plan->log_path, length + 1);
  file.driver = plan->log_driver;
  file.maximum_size = plan->log_maximum_size;
  file.maximum_files = plan->log_maximum_files == 0 ? 1 : plan->log_maximum_files;
  return open_file(0);
}

/** Writes the batch out. What does not fit is cut off at the last whole record before this batch. */
static void write_batch(void) {
  size_t done = 0;
  while (done < batch_size && file.fd >= 0) {
    ssize_t written = write(file.fd, batch + done, batch_size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += (size_t)written;
  }
  if (done == batch_size) {
    file.size += batch_size;
  } else {
    file.lost += batch_records;
    if (file.fd >= 0 && done > 0 && ftruncate(file.fd, (off_t)file.size) < 0) file.size += done;
  }
  batch_size = 0;
  batch_records = 0;
}

/** path -> path.1 -> path.2 …; with one file, it starts anew. A crash in between leaves a gap in the numbers. */
static void rotate(void) {
  char from[PATH_MAX + 16], to[PATH_MAX + 16];
  for (uint32_t i = file.maximum_files - 1; i > 0; i--) {
    snprintf(to, sizeof to, "%s.%u", file.path, i);
    if (i == 1) strcpy(from, file.path);
    else snprintf(from, sizeof from, "%s.%u", file.path, i - 1);
    rename(from, to);
  }
  if (file.fd >= 0) close(file.fd);
  open_file(file.maximum_files == 1 ? O_TRUNC : 0);
}

static void put(const void *bytes, size_t size) {
  memcpy(batch + batch_size, bytes, size);
  batch_size += size;
}

static void put_text(const char *text) { put(text, strlen(text)); }

/** Length of the well-formed UTF-8 sequence at `at`, or 0. */
static size_t sequence_length(const unsigned char *at, size_t size) {
  unsigned char first = at[0];
  size_t length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length == 0 || length > size) return 0;
  for (size_t i = 1; i < length; i++)
    if ((at[i] & 0xc0) != 0x80) return 0;
  if ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f)) return 0;
  if ((first == 0xf0 && at[1] < 0x90) || (first == 0xf4 && at[1] > 0x8f)) return 0;
  return length;
}

static void put_escape(unsigned code) {
  static const char digits[] = "0123456789abcdef";
  char escape[6] = {'\\', 'u', digits[code >> 12 & 15], digits[code >> 8 & 15], digits[code >> 4 & 15], digits[code & 15]};
  put(escape, sizeof escape);
}

static bool is_plain(unsigned char byte) {
  return byte >= 0x20 && byte < 0x80 && byte != '\\' && byte != '"' && byte != '<' && byte != '>' && byte != '&';
}

static void put_json(const char *bytes, size_t size) {
  const unsigned char *at = (const unsigned char *)bytes;
  for (size_t i = 0, length; i < size; i += length) {
    unsigned char byte = at[i];
    for (length = 0; i + length < size && is_plain(at[i + length]);) length++;
    if (length > 0) {
      put(at + i, length);
      continue;
    }
    length = 1;
    if (byte == '\\' || byte == '"') {
      char escape[2] = {'\\', (char)byte};
      put(escape, 2);
    } else if (byte == '\n') {
      put("\\n", 2);
    } else if (byte == '\r') {
      put("\\r", 2);
    } else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
      put_escape(byte);
    } else if ((length = sequence_length(at + i, size - i)) == 0) {
      length = 1;
      put_escape(0xfffd);
    } else if (length == 3 && byte == 0xe2 && at[i + 1] == 0x80 && (at[i + 2] == 0xa8 || at[i + 2] == 0xa9)) {
      put_escape(0x2000 + at[i + 2] - 0x80);
    } else {
      put(at + i, length);
    }
  }
}

/** RFC 3339 with nanoseconds, whose trailing zeros are left out. */
static void put_time(uint64_t nanoseconds) {
  /* All lines of one read have the same time. */
  static uint64_t last;
  static char text[40];
  static int length;
  if (length == 0 || nanoseconds != last) {
    time_t seconds = (time_t)(nanoseconds / 1000000000);
    struct tm tm;
    /* gmtime_r, unlike localtime_r, reads no file. */
    gmtime_r(&seconds, &tm);
    length = snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%09u", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(nanoseconds % 1000000000));
    while (text[length - 1] == '0') length--;
    if (text[length - 1] == '.') length--;
    last = nanoseconds;
  }
  put(text, (size_t)length);
  put("Z", 1);
}

static void put_record(enum stream stream, const struct line *line, bool partial) {
  if (file.driver == LOG_LOCAL) {
    unsigned char header[14];
    for (int i = 0; i < 4; i++) header[i] = (unsigned char)(line->size >> (24 - 8 * i));
    header[4] = (unsigned char)stream;
    header[5] = partial;
    for (int i = 0; i < 8; i++) header[6 + i] = (unsigned char)(line->time >> (56 - 8 * i));
    put(header, sizeof header);
    put(line->bytes, line->size);
    return;
  }
  put_text("{\"log\":\"");
  put_json(line->bytes, line->size);
  put_text(partial ? "\",\"stream\":\"" : "\\n\",\"stream\":\"");
  put_text(stream == STREAM_STDERR ? "stderr" : "stdout");
  put_text("\",\"time\":\"");
  put_time(line->time);
  put_text("\"}\n");
}

static void emit(enum stream stream, struct line *line, bool partial) {
  if (file.maximum_size > 0 && file.size + batch_size >= file.maximum_size) {
    write_batch();
    rotate();
  } else if (batch_size + RECORD_BYTES > sizeof batch) {
    write_batch();
  }
  put_record(stream, line, partial);
  batch_records++;
  line->size = 0;
}

static struct line *line_of(enum stream stream) { return &lines[stream == STREAM_STDERR ? 1 : 0]; }

/** Gives the memory of a burst back: most containers say little, and there are many monitors. */
static void trim(size_t used) {
  if (used <= 16384) return;
  uintptr_t start = ((uintptr_t)batch + 8191) & ~(uintptr_t)4095;
  madvise((void *)start, ((uintptr_t)batch + sizeof batch - start) & ~(uintptr_t)4095, MADV_DONTNEED);
}

static void flush(void) {
  if (batch_size == 0) return;
  size_t used = batch_size;
  write_batch();
  trim(used);
}

void log_write(enum stream stream, const char *bytes, size_t size) {
  if (file.driver == LOG_NONE) return;
  struct line *line = line_of(stream);
  uint64_t now = clock_nanoseconds(CLOCK_REALTIME);
  while (size > 0) {
    if (line->size == 0) line->time = now;
    size_t room = LINE_BYTES - line->size;
    size_t piece = size < room ? size : room;
    const char *newline = memchr(bytes, '\n', piece);
    if (newline != NULL) piece = (size_t)(newline - bytes);
    memcpy(line->bytes + line->size, bytes, piece);
    line->size += piece;
    bytes += piece;
    size -= piece;
    if (newline != NULL) {
      bytes++;
      size--;
      emit(stream, line, false);
    } else if (line->size == LINE_BYTES) {
      emit(stream, line, true);
    }
  }
  flush();
}

void log_end(enum stream stream) {
  struct line *line = line_of(stream);
  if (file.driver == LOG_NONE || line->size == 0) return;
  emit(stream, line, true);
  flush();
}

uint64_t log_lost(void) { return file.lost; }
