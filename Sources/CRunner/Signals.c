// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CRunner.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static int signal_pipe[2] = {-1, -1};

static void note(int number) {
    int error = errno;
    unsigned char byte = (unsigned char)number;
    ssize_t written = write(signal_pipe[1], &byte, 1);
    // A full pipe has tens of thousands of signals that nobody has taken yet.
    (void)written;
    errno = error;
}

int crunner_note_signal(int number) {
    if (signal_pipe[0] == -1) {
        if (pipe2(signal_pipe, O_CLOEXEC) != 0) {
            return -1;
        }
        // The handler never waits; whoever takes the signals does.
        if (fcntl(signal_pipe[1], F_SETFL, O_NONBLOCK) != 0) {
            return -1;
        }
    }
    struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
    sigfillset(&action.sa_mask);
    return sigaction(number, &action, NULL);
}

int crunner_next_signal(void) {
    unsigned char byte;
    while (1) {
        ssize_t count = read(signal_pipe[0], &byte, 1);
        if (count == 1) {
            return byte;
        }
        if (count == 0 || errno != EINTR) {
            return -1;
        }
    }
}

int crunner_drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    return (int)syscall(SYS_capset, &header, none);
}
