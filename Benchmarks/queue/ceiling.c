// SPDX-License-Identifier: Apache-2.0
// Answers put, reserve and delete in the right shape and keeps nothing: one system call in and one out, on epoll, in
// one thread. No server of the protocol can do with less.
//
//   ceiling PORT BODYBYTES

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT = 65536 };

static int poller;
static char *reserved;
static size_t reserved_length, room;

// What has come and is not answered yet, and what a slow reader has not taken yet. skip is what is left of a body.
struct client {
    int descriptor;
    size_t skip, filled, length, sent;
    char *replies;
    char input[INPUT];
};

static void end(struct client *client) {
    close(client->descriptor);
    free(client->replies);
    free(client);
}

static void answer(struct client *client, const char *reply, size_t length) {
    memcpy(client->replies + client->length, reply, length);
    client->length += length;
}

static void execute(struct client *client, const char *line) {
    unsigned long bytes;
    if (sscanf(line, "put %*u %*u %*u %lu", &bytes) == 1) {
        client->skip = bytes + 2;
        answer(client, "INSERTED 1\r\n", 12);
    } else if (strncmp(line, "reserve", 7) == 0) {
        answer(client, reserved, reserved_length);
    } else if (strncmp(line, "delete ", 7) == 0) {
        answer(client, "DELETED\r\n", 9);
    } else if (strncmp(line, "use ", 4) == 0) {
        answer(client, "USING default\r\n", 15);
    } else {
        answer(client, "UNKNOWN_COMMAND\r\n", 17);
    }
}

// Answers what is there, as far as there is room for replies.
static void execute_all(struct client *client) {
    size_t used = 0;
    while (client->length <= INPUT) {
        size_t some = client->filled - used < client->skip ? client->filled - used : client->skip;
        used += some;
        client->skip -= some;
        char *line = client->input + used, *stop = memchr(line, '\n', client->filled - used);
        if (stop == NULL) {
            break;
        }
        *stop = '\0';
        used += stop - line + 1;
        execute(client, line);
    }
    client->filled -= used;
    memmove(client->input, client->input + used, client->filled);
}

static int flush(struct client *client) {
    while (client->sent < client->length) {
        ssize_t count = send(client->descriptor, client->replies + client->sent, client->length - client->sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        client->sent += count;
    }
    client->sent = client->length = 0;
    return 1;
}

// Whether all that has come is answered and sent, or -1.
static int serve_input(struct client *client) {
    for (;;) {
        int done = flush(client);
        if (done <= 0) {
            return done;
        }
        execute_all(client);
        if (client->length == 0) {
            return 1;
        }
    }
}

static void serve(struct client *client, unsigned events) {
    int done = serve_input(client);
    while (done > 0) {
        size_t space = INPUT - client->filled;
        ssize_t count = recv(client->descriptor, client->input + client->filled, space, MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            done = -1;
            break;
        }
        client->filled += count;
        done = serve_input(client);
        // A short read has emptied the socket, unless the end of the stream is behind it.
        if ((size_t)count < space && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
            break;
        }
    }
    if (done < 0) {
        end(client);
    }
}

static void accept_all(int listener) {
    int descriptor;
    while ((descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct client *client = calloc(1, sizeof *client);
        client->descriptor = descriptor;
        client->replies = malloc(INPUT + room);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = client};
        epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
    }
}

static void make_reserved(size_t body) {
    reserved = malloc(body + 64);
    size_t line = sprintf(reserved, "RESERVED 1 %zu\r\n", body);
    // The body that the load puts.
    for (size_t i = 0; i < body; i++) {
        reserved[line + i] = 'a' + i % 23;
    }
    memcpy(reserved + line + body, "\r\n", 2);
    reserved_length = line + body + 2;
    room = reserved_length + 64;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: ceiling PORT BODYBYTES\n");
        return 64;
    }
    make_reserved(atol(arguments[2]));
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 4096) != 0) {
        perror("listen");
        return 1;
    }
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    static struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL) {
                accept_all(listener);
            } else {
                serve(events[i].data.ptr, events[i].events);
            }
        }
    }
}
