// SPDX-License-Identifier: Apache-2.0

#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "CSockets.h"

// The Swift side encodes these two structures byte by byte; it relies on this layout.
_Static_assert(sizeof(struct ucred) == 12, "struct ucred is three 32-bit numbers");
_Static_assert(sizeof(struct in6_pktinfo) == 20, "struct in6_pktinfo is an address and a 32-bit index");

int csockets_accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags) {
    return accept4(descriptor, address, length, flags);
}

int csockets_ppoll(struct pollfd *entries, nfds_t count, const struct timespec *timeout) {
    return ppoll(entries, count, timeout, NULL);
}

const char *csockets_errno_name(int error) {
    return strerrorname_np(error);
}

int16_t csockets_pollrdhup(void) {
    return POLLRDHUP;
}
