/*
 * The machine's own floor: what the kernel itself needs to run /bin/true in a container, with nobody's policy on top.
 * Repeats: cgroup directories, clone3 with five namespaces, overlay mount, pivot_root, exec, wait, removal.
 * Usage: floor ROOT RUNS [bare]     ROOT holds an unpacked root with /bin/true; "bare" leaves out network and cgroups.
 * Prints one line a run: microseconds from before the first call to after wait().
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *controllers[] = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "pids"};
#define CONTROLLERS (sizeof controllers / sizeof *controllers)

static void die(const char *what) {
  perror(what);
  _exit(1);
}

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, text, strlen(text)) < 0) { /* a controller without this file: its directory alone still counts */ }
  close(fd);
}

static void cgroup_path(char *out, size_t size, size_t index, const char *file) {
  snprintf(out, size, "/sys/fs/cgroup/%s/corten-floor-%d%s", controllers[index], getpid(), file);
}

static void make_cgroups(void) {
  char path[256];
  for (size_t i = 0; i < CONTROLLERS; i++) {
    cgroup_path(path, sizeof path, i, "");
    mkdir(path, 0755);
  }
  cgroup_path(path, sizeof path, 2, "/cpuset.cpus");
  write_file(path, "0");
  cgroup_path(path, sizeof path, 2, "/cpuset.mems");
  write_file(path, "0");
}

static void remove_cgroups(void) {
  char path[256];
  for (size_t i = 0; i < CONTROLLERS; i++) {
    cgroup_path(path, sizeof path, i, "");
    rmdir(path);
  }
}

static void child(const char *scratch, const char *options, int parent, int bare) {
  char path[256];
  if (!bare)
    for (size_t i = 0; i < CONTROLLERS; i++) {
      snprintf(path, sizeof path, "/sys/fs/cgroup/%s/corten-floor-%d/cgroup.procs", controllers[i], parent);
      write_file(path, "0");
    }
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) die("private");
  snprintf(path, sizeof path, "%s/merged", scratch);
  if (mount("overlay", path, "overlay", 0, options)) die("overlay");
  if (chdir(path)) die("chdir");
  mkdir("proc", 0755);
  if (mount("proc", "proc", "proc", 0, NULL)) die("proc");
  if (syscall(SYS_pivot_root, ".", ".")) die("pivot_root");
  if (umount2(".", MNT_DETACH)) die("umount");
  if (chdir("/")) die("chdir /");
  execl("/bin/true", "true", (char *)NULL);
  die("exec");
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: floor ROOT RUNS [bare]\n");
    return 2;
  }
  int bare = argc > 3;
  char scratch[] = "/tmp/corten-floor-XXXXXX", options[1024], path[300];
  if (!mkdtemp(scratch)) die("mkdtemp");
  const char *names[] = {"upper", "work", "merged"};
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
    mkdir(path, 0755);
  }
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work,volatile", argv[1], scratch, scratch);
  for (int run = 0; run < atoi(argv[2]); run++) {
    double start = microseconds();
    if (!bare) make_cgroups();
    struct clone_args arguments = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS, .exit_signal = SIGCHLD};
    if (!bare) arguments.flags |= CLONE_NEWNET;
    int parent = getpid();
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid < 0) die("clone3");
    if (pid == 0) child(scratch, options, parent, bare);
    int status;
    if (waitpid(pid, &status, 0) != pid || status) die("wait");
    printf("%.0f\n", microseconds() - start);
    if (!bare) remove_cgroups();
    /* A volatile overlay leaves a marker that forbids the next mount of the same work directory. */
    snprintf(path, sizeof path, "rm -rf %s/work %s/upper && mkdir %s/work %s/upper", scratch, scratch, scratch, scratch);
    if (system(path)) die("clean");
  }
  snprintf(path, sizeof path, "rm -rf %s", scratch);
  return system(path) != 0;
}
