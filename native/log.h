/*
 * The container's log. json-file: as Docker writes it, one JSON object a line. local: binary records of
 *
 *   u32 big-endian   length of the payload
 *   u8               stream: 1 standard output, 2 standard error
 *   u8               flags: 1 when the line goes on in the next record of this stream
 *   u64 big-endian   nanoseconds since the epoch
 *   payload          at most 16384 bytes, without the line's newline
 *
 * Lines longer than 16 KiB are cut into pieces. Nothing is synced: a crash of the machine may lose the newest lines. A
 * file system that is full loses lines, which are counted, and never stops the container.
 */
#ifndef CORTEN_LOG_H
#define CORTEN_LOG_H
#include "monitor.h"

/** 0, or -1 with errno. */
int log_open(const struct plan *plan);
void log_write(enum stream stream, const char *bytes, size_t size);
/** The stream ended: an unfinished line is written as it is. */
void log_end(enum stream stream);
/** Records that could not be written. */
uint64_t log_lost(void);
#endif
