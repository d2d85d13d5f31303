// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CRunner.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int crunner_spawn(
    pid_t *pid, const char *path, char *const arguments[], char *const environment[], const int streams[], int count,
    const char *directory) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        posix_spawnattr_destroy(&attributes);
        return error;
    }
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    // The streams' numbers are as large as that, so that none is overwritten before it was duplicated.
    for (int stream = 0; stream < count && error == 0; stream++) {
        error = posix_spawn_file_actions_adddup2(&actions, streams[stream], stream);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(&actions, count);
    }
    if (error == 0 && directory != NULL) {
        error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    }
    if (error == 0) {
        error = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int crunner_memory_file(const char *name) {
    return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

int crunner_seal(int file) {
    return fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

int crunner_adopt_orphans(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int crunner_child_signals(void) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    int error = pthread_sigmask(SIG_BLOCK, &child, NULL);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
}

pid_t crunner_reap(int *status) {
    int raw;
    pid_t pid = waitpid(-1, &raw, WNOHANG);
    if (pid > 0) {
        *status = WIFSIGNALED(raw) ? -WTERMSIG(raw) : WEXITSTATUS(raw);
    }
    return pid;
}

int crunner_process_descriptor(pid_t process) {
    return (int)syscall(SYS_pidfd_open, process, 0);
}

int crunner_pipe_size(int pipe) {
    return fcntl(pipe, F_GETPIPE_SZ);
}
