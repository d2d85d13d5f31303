// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>

#include "CSockets.h"

// The Swift side encodes these two structures byte by byte; it relies on this layout.
_Static_assert(sizeof(struct ucred) == 12, "struct ucred is three 32-bit numbers");
_Static_assert(sizeof(struct in6_pktinfo) == 20, "struct in6_pktinfo is an address and a 32-bit index");

int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(descriptor, address, length, flags);
}

int csockets_ppoll(struct pollfd *entries, nfds_t count, int64_t timeout) {
    struct timespec time = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    return ppoll(entries, count, timeout < 0 ? NULL : &time, NULL);
}

const char *csockets_errno_name(int error) {
    return strerrorname_np(error);
}

int16_t csockets_pollrdhup(void) {
    return POLLRDHUP;
}

int csockets_o_path(void) {
    return O_PATH;
}

int csockets_at_empty_path(void) {
    return AT_EMPTY_PATH;
}

/// Whether epoll_pwait2 is not to be had. The same for all threads, and never taken back: the other way works everywhere.
static _Atomic int lacks_epoll_pwait2;

/// Waits by epoll_wait, for as many whole milliseconds as there are. It comes back up to a millisecond too early then, and
/// waits for what is left of the time when it is called again: by ppoll, which knows of nanoseconds.
static int wait_without_epoll_pwait2(int poller, struct epoll_event *events, int capacity, int64_t timeout) {
    if (timeout < 0) {
        return epoll_wait(poller, events, capacity, -1);
    }
    int64_t milliseconds = timeout / 1000000;
    if (timeout > 0 && milliseconds == 0) {
        struct pollfd entry = {.fd = poller, .events = POLLIN};
        struct timespec time = {.tv_sec = 0, .tv_nsec = timeout};
        if (ppoll(&entry, 1, &time, NULL) < 0 && errno != EINTR) {
            milliseconds = 1;
        }
    }
    return epoll_wait(poller, events, capacity, milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
}

int csockets_epoll_wait(int poller, struct epoll_event *events, int capacity, int64_t timeout) {
    if (lacks_epoll_pwait2) {
        return wait_without_epoll_pwait2(poller, events, capacity, timeout);
    }
    struct timespec time = {.tv_sec = timeout / 1000000000, .tv_nsec = timeout % 1000000000};
    int count = epoll_pwait2(poller, events, capacity, timeout < 0 ? NULL : &time, NULL);
    if (count != -1 || errno == EINTR) {
        return count;
    }
    // Whatever the error is: if the older call works, it was about this one.
    count = wait_without_epoll_pwait2(poller, events, capacity, timeout);
    if (count != -1 || errno == EINTR) {
        lacks_epoll_pwait2 = 1;
    }
    return count;
}

int csockets_refuses_accept(void) {
    // A call that gets through finds no such descriptor.
    return accept4(-1, NULL, NULL, 0) == -1 && errno != EBADF;
}

static _Thread_local void *thread_value;

void *csockets_thread_value(void) {
    return thread_value;
}

void csockets_set_thread_value(void *value) {
    thread_value = value;
}

static _Thread_local int last_error;

int csockets_last_error(void) {
    return last_error;
}

void csockets_set_last_error(int error) {
    last_error = error;
}

int csockets_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return 1;
    }
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count;
}
