// SPDX-License-Identifier: Apache-2.0

// What Swift's Glibc module does not import: functions and constants that glibc hides behind _GNU_SOURCE.
// This header must not define _GNU_SOURCE itself: the same system headers, seen once with it and once without,
// would give Swift two clashing definitions of one type. The C file beside it may.

#ifndef CSOCKETS_H
#define CSOCKETS_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>

/// accept4(2): accepts a connection and sets SOCK_CLOEXEC and SOCK_NONBLOCK in the same call.
int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

/// ppoll(2) with no signal mask: poll with a timeout in nanoseconds; a negative one waits for ever.
int csockets_ppoll(struct pollfd *entries, nfds_t count, int64_t timeout);

/// The C spelling of an errno value, such as "EACCES", or null for a value the C library does not know.
const char *csockets_errno_name(int error);

/// POLLRDHUP of poll(2).
int16_t csockets_pollrdhup(void);

/// O_PATH of open(2), and AT_EMPTY_PATH of fchownat(2).
int csockets_o_path(void);
int csockets_at_empty_path(void);

/// epoll_pwait2(2) with no signal mask: epoll_wait with a timeout in nanoseconds; a negative one waits for ever.
///
/// Where it is missing (before Linux 5.11) or refused (by a container's seccomp filter: ENOSYS, EPERM, ENOTSUP or any other
/// error), epoll_wait and ppoll take its place. The call may then return 0 up to a millisecond before the time.
int csockets_epoll_wait(int poller, struct epoll_event *events, int capacity, int64_t timeout);

/// Whether accept4(2) is refused, whatever the descriptor.
int csockets_refuses_accept(void);

/// A value that each thread has of its own, null at first.
void *csockets_thread_value(void);
void csockets_set_thread_value(void *value);

/// The number that each thread has for PHPSockets' last error, 0 at first.
int csockets_last_error(void);
void csockets_set_last_error(int error);

/// The task that runs on this thread, or null: the entry of the Swift runtime that the compiler calls for
/// `withUnsafeCurrentTask`. Only AsyncSockets may call it: the runtime is not part of what C sources link with.
void *swift_task_getCurrent(void);

/// The number of processors that this thread may run on, at least 1.
int csockets_processor_count(void);

#endif
