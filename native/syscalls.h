/*
 * System calls that C libraries of the supported distributions lack or wrap under clashing headers.
 * <sys/mount.h> must not be included beside <linux/mount.h>, so mount and umount2 are here as well.
 */
#ifndef CORTEN_SYSCALLS_H
#define CORTEN_SYSCALLS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define DETACH 2 /* MNT_DETACH */

static inline int sys_clone3(struct clone_args *arguments) {
  return (int)syscall(SYS_clone3, arguments, sizeof *arguments);
}
static inline int sys_openat2(int directory, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}
static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const void *data) {
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount2(const char *target, int flags) { return (int)syscall(SYS_umount2, target, flags); }
static inline int sys_open_tree(int directory, const char *path, unsigned flags) {
  return (int)syscall(SYS_open_tree, directory, path, flags | OPEN_TREE_CLOEXEC);
}
static inline int sys_move_mount(int from, int to) {
  return (int)syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}
static inline int sys_fsopen(const char *type) { return (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC); }
static inline int sys_fsconfig(int fd, unsigned command, const char *key, const char *value) {
  return (int)syscall(SYS_fsconfig, fd, command, key, value, 0);
}
static inline int sys_fsmount(int fd, unsigned attributes) {
  return (int)syscall(SYS_fsmount, fd, FSMOUNT_CLOEXEC, attributes);
}
static inline int sys_mount_setattr(int fd, unsigned flags, struct mount_attr *attributes) {
  return (int)syscall(SYS_mount_setattr, fd, "", flags, attributes, sizeof *attributes);
}
static inline int sys_pivot_root(const char *root, const char *old) {
  return (int)syscall(SYS_pivot_root, root, old);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags) {
  return (int)syscall(SYS_close_range, first, last, flags);
}
static inline int sys_pidfd_send_signal(int pidfd, int signal) {
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
#endif
