// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc module does not import, or imports in a shape that is hard to use: processes, signals, memory files.

#pragma once

#include <sys/types.h>

/// Starts a program as the leader of a process group of its own, with the default action for every signal, none of them
/// blocked, and some descriptors as its standard input, output and error, and beyond; it gets no others. Their numbers must not
/// be less than how many they are, unless they are the number that they are to have.
///
/// @param directory The folder that it starts in, looked up now, before a relative path of the program is; NULL for the caller's.
/// @return 0, or the number of the error. That the program cannot be executed is one.
int crunner_spawn(
    pid_t *pid, const char *path, char *const arguments[], char *const environment[], const int streams[], int count,
    const char *directory);

/// memfd_create(2), closed on exec, that can be sealed. @return The descriptor; -1 with errno.
int crunner_memory_file(const char *name);

/// Keeps a file in memory as it is from now on: F_ADD_SEALS of fcntl(2). @return 0; -1 with errno.
int crunner_seal(int file);

/// Makes the calling process the parent of whatever its descendants leave behind: PR_SET_CHILD_SUBREAPER of prctl(2).
/// @return 0; -1 with errno.
int crunner_adopt_orphans(void);

/// Blocks SIGCHLD in the calling thread, and returns a descriptor that is readable when one has come: signalfd(2), not blocking,
/// closed on exec; -1 with errno.
int crunner_child_signals(void);

/// waitid(2) for any child that has ended, without waiting. @return Its number, 0 if there is none, -1 with errno. The status is
/// its exit status, or the negative of the signal that has ended it.
pid_t crunner_reap(int *status);

/// pidfd_open(2): a descriptor that is readable once the process has ended, closed on exec; -1 with errno.
int crunner_process_descriptor(pid_t process);

/// How many bytes a pipe holds at most: F_GETPIPE_SZ of fcntl(2). -1 with errno.
int crunner_pipe_size(int pipe);

/// Has a signal noted, in place of its default action, for crunner_next_signal(): a handler that writes its number to a pipe
/// (sigaction(2), signal-safety(7)). The first call makes the pipe, and no other may be made at the same time.
/// @return 0; -1 with errno.
int crunner_note_signal(int number);

/// Waits for a noted signal. One thread may call it, after crunner_note_signal(). @return Its number; -1 with errno.
int crunner_next_signal(void);

/// Gives up all capabilities of the calling thread: capset(2). @return 0; -1 with errno.
int crunner_drop_capabilities(void);
