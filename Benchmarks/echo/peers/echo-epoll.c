// SPDX-License-Identifier: Apache-2.0
// An echo server on epoll, one thread: what is hard to beat.

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int poller;

// What a slow reader has not taken yet.
struct client {
    int descriptor;
    int length;
    int sent;
    char bytes[1024];
};

static void end(struct client *client) {
    close(client->descriptor);
    free(client);
}

static int flush(struct client *client) {
    while (client->sent < client->length) {
        ssize_t count = send(client->descriptor, client->bytes + client->sent, client->length - client->sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0) {
            return errno == EAGAIN ? 0 : -1;
        }
        client->sent += count;
    }
    return 1;
}

static void serve(struct client *client, unsigned events) {
    if (client->sent < client->length) {
        if (flush(client) < 0) {
            end(client);
            return;
        }
        if (client->sent < client->length) {
            return;
        }
    }
    for (;;) {
        ssize_t count = recv(client->descriptor, client->bytes, sizeof client->bytes, MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            end(client);
            return;
        }
        client->length = count;
        client->sent = 0;
        int done = flush(client);
        if (done < 0) {
            end(client);
            return;
        }
        // A short read has emptied the socket, unless the end of the stream is behind it.
        if (done == 0 || (count < (ssize_t)sizeof client->bytes && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))) {
            return;
        }
    }
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: echo-epoll PORT\n");
        return 64;
    }
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
            if (events[i].data.ptr != NULL) {
                serve(events[i].data.ptr, events[i].events);
                continue;
            }
            int descriptor;
            while ((descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
                struct client *client = malloc(sizeof *client);
                client->descriptor = descriptor;
                client->length = client->sent = 0;
                event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
                event.data.ptr = client;
                epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
            }
        }
    }
}
