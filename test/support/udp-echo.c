/* Answers each datagram on PORT with itself: busybox has no UDP server. Usage: udp-echo PORT */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv) {
  char buffer[2048];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argc > 1 ? argv[1] : "0"))};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(fd, (struct sockaddr *)&address, sizeof address)) return 1;
  for (;;) {
    socklen_t length = sizeof address;
    ssize_t count = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&address, &length);
    if (count < 0) return 1;
    sendto(fd, buffer, (size_t)count, 0, (struct sockaddr *)&address, length);
  }
}
