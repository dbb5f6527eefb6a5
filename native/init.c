#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

static void exit_if_ended(int command, int status, int pid) {
  if (pid != command) return;
  _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

void init_run(int command) {
  sigset_t all;
  siginfo_t signal;
  sigfillset(&all);
  for (;;) {
    int status, pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) exit_if_ended(command, status, pid);
    if (pid < 0 && errno == ECHILD) _exit(255);
    int number = sigwaitinfo(&all, &signal);
    /* Ours are about this process; everything else was meant for the command. */
    if (number <= 0 || number == SIGCHLD || number == SIGTTIN || number == SIGTTOU) continue;
    kill(command, number);
  }
}
