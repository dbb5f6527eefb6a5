/*
 * Throws plans at the decoder: random bytes, and mutations of the whole plans that are given as files. Whatever it accepts is
 * walked through as the child does, with every string read to its end. Built with the sanitizers.
 * Usage: fuzz ITERATIONS SEED PLAN...
 *        fuzz dump PLAN          prints what was decoded, one operation a line
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static uint64_t state;

static uint32_t any(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16) % below;
}

static volatile size_t sink;

static void walk(const struct plan *plan) {
  struct reader operations = plan->operations, relays = plan->relays;
  struct operation operation;
  struct relay_setup relay;
  sink += strlen(plan->socket_path) + strlen(plan->exit_path) + strlen(plan->log_path);
  for (uint32_t i = 0; i < plan->relay_count; i++) {
    plan_next_relay(&relays, &relay);
    if (relay.listener >= plan->descriptors) abort();
  }
  for (uint32_t i = 0; i < plan->operation_count; i++) {
    if (!plan_next_operation(&operations, &operation)) abort();
    for (size_t j = 0; j < sizeof operation.text / sizeof *operation.text; j++)
      if (operation.text[j] != NULL) sink += strlen(operation.text[j]);
    bool texts = operation.kind != OP_SECCOMP && operation.kind != OP_CREDENTIALS;
    for (size_t j = 0; j < 2; j++) {
      const uint8_t *at = operation.list[j].elements;
      for (uint32_t k = 0; texts && k < operation.list[j].count; k++) sink += strlen(list_next_text(&at));
      if (!texts)
        for (uint32_t k = 0; k < operation.list[j].count; k++)
          sink += operation.list[j].elements[operation.kind == OP_SECCOMP ? k : k * 4 + 3];
    }
  }
}

static bool attempt(const uint8_t *bytes, size_t size) {
  struct plan plan;
  /* Of exactly this size, so that one byte too far is seen. */
  uint8_t *copy = malloc(size == 0 ? 1 : size);
  memcpy(copy, bytes, size);
  bool accepted = plan_decode(&plan, copy, size);
  if (accepted) walk(&plan);
  free(copy);
  return accepted;
}

static size_t mutate(uint8_t *bytes, size_t size, size_t room) {
  static const uint32_t interesting[] = {0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 0x10000, 255};
  for (uint32_t changes = 1 + any(4); changes > 0 && size > 8; changes--) {
    uint32_t at = any((uint32_t)size), value = interesting[any(8)], length = any(16);
    switch (any(5)) {
      case 0: bytes[at] = (uint8_t)any(256); break;
      case 1: bytes[at] ^= (uint8_t)(1u << any(8)); break;
      case 2:
        if (at + 4 <= size) memcpy(bytes + at, &value, 4);
        break;
      case 3: /* cut out */
        if (at + length > size) length = (uint32_t)size - at;
        memmove(bytes + at, bytes + at + length, size - at - length);
        size -= length;
        break;
      default: /* repeat a piece */
        if (at + length > size) length = (uint32_t)size - at;
        if (size + length > room) break;
        memmove(bytes + at + length, bytes + at, size - at);
        size += length;
    }
  }
  /* Mostly with a true length, or nothing behind the header would ever be reached. */
  if (any(8) != 0 && size >= 12)
    for (int i = 0; i < 4; i++) bytes[8 + i] = (uint8_t)(size >> 8 * i);
  return size;
}

static void dump(const struct plan *plan) {
  struct reader operations = plan->operations;
  struct operation operation;
  printf("setup %s|%s|%s|%d%d%d%d|%d|%llu|%u\n", plan->socket_path, plan->exit_path, plan->log_path, plan->terminal,
         plan->open_stdin, plan->stdin_once, plan->defer_unmount, (int)plan->log_driver,
         (unsigned long long)plan->log_maximum_size, plan->log_maximum_files);
  printf("launch %x|%d|%d|%u %u %u\n", plan->clone_flags, (int)plan->pid_namespace, (int)plan->cgroup, plan->relay_count,
         plan->held_count, plan->client_count);
  for (uint32_t i = 0; i < plan->operation_count; i++) {
    plan_next_operation(&operations, &operation);
    printf("%d", operation.kind);
    for (size_t j = 0; j < 5 && operation.text[j] != NULL; j++) printf(" %s", operation.text[j]);
    printf(" |");
    for (size_t j = 0; j < 7; j++) printf(" %x", operation.number[j]);
    printf(" |");
    for (size_t j = 0; j < 4; j++) printf(" %llx", (unsigned long long)operation.wide[j]);
    for (size_t j = 0; j < 2; j++) {
      const uint8_t *at = operation.list[j].elements;
      printf(" |");
      for (uint32_t k = 0; k < operation.list[j].count; k++) {
        if (operation.kind == OP_SECCOMP) printf(" %x", *at++);
        else if (operation.kind == OP_CREDENTIALS) printf(" %u", read_number(at + (size_t)4 * k));
        else printf(" %s", list_next_text(&at));
      }
    }
    printf("\n");
  }
}

static int dump_file(const char *path) {
  static uint8_t bytes[1 << 20];
  struct plan plan;
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 2;
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  if (!plan_decode(&plan, bytes, size)) return 1;
  dump(&plan);
  return 0;
}

int main(int argc, char **argv) {
  static uint8_t seed[1 << 20], bytes[1 << 20];
  if (argc == 3 && strcmp(argv[1], "dump") == 0) return dump_file(argv[2]);
  if (argc < 4) return 2;
  unsigned long iterations = strtoul(argv[1], NULL, 10), accepted = 0;
  state = strtoull(argv[2], NULL, 10) | 1;
  for (int i = 3; i < argc; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (file == NULL) return 2;
    size_t size = fread(seed, 1, sizeof seed / 2, file);
    fclose(file);
    if (!attempt(seed, size)) {
      fprintf(stderr, "%s: a whole plan was refused\n", argv[i]);
      return 1;
    }
    for (size_t cut = 0; cut < size; cut++)
      if (attempt(seed, cut)) return 1;
    for (unsigned long j = 0; j < iterations; j++) {
      memcpy(bytes, seed, size);
      accepted += attempt(bytes, mutate(bytes, size, sizeof bytes));
    }
  }
  for (unsigned long j = 0; j < iterations; j++) {
    size_t size = any(512);
    for (size_t k = 0; k < size; k++) bytes[k] = (uint8_t)any(256);
    if (size >= 16 && any(2)) {
      uint32_t header[3] = {PLAN_MAGIC, PLAN_VERSION, (uint32_t)size};
      memcpy(bytes, header, sizeof header);
    }
    accepted += attempt(bytes, size);
  }
  printf("%lu accepted\n", accepted);
  return 0;
}
