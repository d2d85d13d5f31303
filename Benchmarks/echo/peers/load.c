// SPDX-License-Identifier: Apache-2.0
// The load: what the clients of an echo server do, and how much of it in what time.
//
//   load pingpong PORT CONNECTIONS MILLISECONDS   64 bytes there and back on each connection, one after another
//   load connect PORT CONNECTIONS MILLISECONDS    connect, 64 bytes there and back, close; so many at a time
//   load idle PORT CONNECTIONS                    one exchange each, then silence until standard input ends
//   load bulk PORT MEBIBYTES                      so much there and back on one connection
//
// Prints the number of exchanges (or bytes) and the seconds they took.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, PIECE = 65536 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static int poller;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// One end of the echo; received counts the bytes of the exchange that have come back.
struct client {
    int descriptor;
    int received;
};

static void dial(struct client *client) {
    client->descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    client->received = 0;
    if (client->descriptor < 0) {
        fail("socket");
    }
    int one = 1;
    setsockopt(client->descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(client->descriptor, (struct sockaddr *)&server, sizeof server) != 0) {
        fail("connect");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(poller, EPOLL_CTL_ADD, client->descriptor, &event);
}

static void say(struct client *client) {
    static const char message[MESSAGE];
    if (send(client->descriptor, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) {
        fail("send");
    }
}

// Whether an exchange is complete.
static int hear(struct client *client) {
    char bytes[MESSAGE];
    ssize_t count = recv(client->descriptor, bytes, MESSAGE - client->received, MSG_DONTWAIT);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) {
            return 0;
        }
        fail("recv");
    }
    client->received += count;
    if (client->received < MESSAGE) {
        return 0;
    }
    client->received = 0;
    return 1;
}

static void exchange(int connections, double seconds, int reconnect) {
    struct client *clients = calloc(connections, sizeof *clients);
    for (int i = 0; i < connections; i++) {
        dial(&clients[i]);
    }
    for (int i = 0; i < connections; i++) {
        say(&clients[i]);
    }
    long exchanges = 0;
    double start = now(), end = start + seconds;
    static struct epoll_event events[256];
    while (now() < end) {
        int ready = epoll_wait(poller, events, 256, 1000);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!hear(client)) {
                continue;
            }
            exchanges++;
            if (reconnect) {
                // Reset instead of TIME-WAIT, or there would soon be no port left.
                struct linger linger = {.l_onoff = 1, .l_linger = 0};
                setsockopt(client->descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
                close(client->descriptor);
                dial(client);
            }
            say(client);
        }
    }
    printf("%ld %.6f\n", exchanges, now() - start);
}

static void idle(int connections) {
    struct client *clients = calloc(connections, sizeof *clients);
    for (int i = 0; i < connections; i++) {
        dial(&clients[i]);
        say(&clients[i]);
        while (!hear(&clients[i])) {
        }
    }
    printf("%d 0\n", connections);
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static void bulk(long mebibytes) {
    struct client client;
    dial(&client);
    static char piece[PIECE];
    long total = mebibytes << 20, sent = 0, received = 0;
    double start = now();
    while (received < total) {
        ssize_t count = 0;
        if (sent < total) {
            count = send(client.descriptor, piece, total - sent < PIECE ? total - sent : PIECE,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno != EAGAIN) {
                fail("send");
            }
            sent += count > 0 ? count : 0;
        }
        count = recv(client.descriptor, piece, PIECE, sent < total ? MSG_DONTWAIT : 0);
        if (count == 0 || (count < 0 && errno != EAGAIN)) {
            fail("recv");
        }
        received += count > 0 ? count : 0;
    }
    printf("%ld %.6f\n", received, now() - start);
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: load pingpong|connect|idle|bulk PORT CONNECTIONS [MILLISECONDS]\n");
        return 64;
    }
    server.sin_port = htons(atoi(arguments[2]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(EPOLL_CLOEXEC);
    long number = atol(arguments[3]);
    double seconds = count > 4 ? atol(arguments[4]) / 1e3 : 1;
    if (strcmp(arguments[1], "pingpong") == 0) {
        exchange(number, seconds, 0);
    } else if (strcmp(arguments[1], "connect") == 0) {
        exchange(number, seconds, 1);
    } else if (strcmp(arguments[1], "idle") == 0) {
        idle(number);
    } else {
        bulk(number);
    }
    return 0;
}
