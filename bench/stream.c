/*
 * One TCP stream, as fast as it goes. Usage: stream serve PORT | stream send ADDRESS PORT SECONDS
 * The server takes one connection at a time and discards what it reads; the sender prints megabits a second.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 17];

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int serve(int port) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
  for (;;) {
    int connection = accept(listener, NULL, NULL);
    if (connection < 0) return 1;
    while (read(connection, buffer, sizeof buffer) > 0) {
    }
    close(connection);
  }
}

static int send_for(const char *host, int port, double duration) {
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  inet_pton(AF_INET, host, &address.sin_addr);
  if (connect(connection, (struct sockaddr *)&address, sizeof address)) return 1;
  double start = seconds(), sent = 0;
  while (seconds() - start < duration) {
    ssize_t count = write(connection, buffer, sizeof buffer);
    if (count <= 0) return 1;
    sent += (double)count;
  }
  printf("%.0f\n", sent * 8 / 1e6 / (seconds() - start));
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 3 && !strcmp(argv[1], "serve")) return serve(atoi(argv[2]));
  if (argc == 5 && !strcmp(argv[1], "send")) return send_for(argv[2], atoi(argv[3]), atof(argv[4]));
  fprintf(stderr, "usage: stream serve PORT | stream send ADDRESS PORT SECONDS\n");
  return 2;
}
