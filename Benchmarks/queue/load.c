// SPDX-License-Identifier: Apache-2.0
// The load: what the clients of a beanstalk server do, how much of it in what time, and what it costs the server.
//
//   load cycle PORT CONNECTIONS SECONDS BODYBYTES [TUBES]
//       put, reserve, delete on each connection, one command after another. With TUBES, so many tubes hold a job each
//       before the time starts, and each connection has a tube to itself. Prints the number of cycles, the seconds, the
//       server's processor time in seconds, and p50, p99 and p99.9 in microseconds of put, of reserve and of delete.
//   load pipeline PORT PUTS SECONDS BODYBYTES
//       so many puts in one go on one connection, again and again, emptying the tube in between, which is not timed.
//       Prints the number of puts, the seconds, and the server's processor time in seconds.
//   load fill PORT TUBE COUNT BODYBYTES [PRIORITY]
//       puts jobs as fast as it can. Prints the seconds.
//   load idle PORT COUNT
//       holds so many connections until standard input ends. Prints "ready" when all are accepted.
//   load wait PORT COUNT
//       as idle, but each connection waits for the outcome of a job of its own, which nobody reserves. For talkback only.
//   load commit FOLDER COUNT
//       puts a row into an SQLite database, or deletes it, and waits for the disk, with a short pause in between, as a
//       server has one. Prints the median of one commit in microseconds.
//
// The server's processor time is that of the process in SERVER_PROCESS, and 0 without it.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 30000, LINE = 256, BATCH = 10000 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static clockid_t server_clock;
static int has_server_clock;

static void fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void fail_reading(ssize_t count) {
    errno = count == 0 ? ECONNRESET : errno;
    fail("recv");
}

static void unexpected(const char *expected, const char *reply, size_t length) {
    fprintf(stderr, "load: expected %s, got %.*s\n", expected, (int)(length < 80 ? length : 80), reply);
    exit(1);
}

static void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        fail("calloc");
    }
    return memory;
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    if (clock_gettime(clock, &time) != 0) {
        fail("clock_gettime");
    }
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

// All of the server's threads together, with those that have ended.
static uint64_t processor_time(void) { return has_server_clock ? nanoseconds(server_clock) : 0; }

static void find_server_clock(void) {
    const char *process = getenv("SERVER_PROCESS");
    if (process != NULL && *process != '\0') {
        errno = clock_getcpuclockid(atoi(process), &server_clock);
        if (errno != 0) {
            fail("SERVER_PROCESS");
        }
        has_server_clock = 1;
    }
}

static int dial(void) {
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        fail("socket");
    }
    int one = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(descriptor, (struct sockaddr *)&server, sizeof server) != 0) {
        fail("connect");
    }
    return descriptor;
}

// Times in steps of a 64th of their power of two, so that no percentile is off by more than 1.6 %.
enum { STEPS = 64 };
struct histogram {
    long total;
    long counts[STEPS * 60];
};

static void record(struct histogram *histogram, uint64_t value) {
    int shift = value < STEPS ? 0 : 63 - 6 - __builtin_clzll(value);
    histogram->counts[shift * STEPS + (value >> shift)]++;
    histogram->total++;
}

static double percentile(const struct histogram *histogram, double share) {
    long rank = (long)(share * histogram->total), seen = 0;
    for (int i = 0; i < STEPS * 60; i++) {
        seen += histogram->counts[i];
        if (seen > rank) {
            int shift = i < 2 * STEPS ? 0 : i / STEPS - 1;
            return ((uint64_t)(i - shift * STEPS) << shift) / 1e3;
        }
    }
    return 0;
}

// A body of so many bytes that can be told from another one.
static char *make_body(size_t length) {
    char *body = allocate(length + 1);
    for (size_t i = 0; i < length; i++) {
        body[i] = 'a' + i % 23;
    }
    return body;
}

static size_t write_put(char *to, long priority, const char *body, size_t length) {
    size_t count = sprintf(to, "put %ld 0 600 %zu\r\n", priority, length);
    memcpy(to + count, body, length);
    memcpy(to + count + length, "\r\n", 2);
    return count + length + 2;
}

// The bytes that a reply takes, with the body behind a RESERVED, or 0 while they are not all there.
static size_t reply_length(const char *bytes, size_t length) {
    const char *end = memchr(bytes, '\n', length);
    if (end == NULL) {
        return 0;
    }
    size_t line = end - bytes + 1;
    if (strncmp(bytes, "RESERVED ", 9) != 0) {
        return line;
    }
    char *field;
    strtoull(bytes + 9, &field, 10);
    size_t whole = line + strtoull(field, NULL, 10) + 2;
    return length < whole ? 0 : whole;
}

// The job's id in a reply that begins as expected, or 0 where there is none. A RESERVED has to carry the body.
static unsigned long long check(const char *expected, const char *reply, size_t length, const char *body,
                                size_t body_length) {
    size_t prefix = strlen(expected);
    if (length < prefix + 2 || memcmp(reply, expected, prefix) != 0 || memcmp(reply + length - 2, "\r\n", 2) != 0) {
        unexpected(expected, reply, length);
    }
    if (strcmp(expected, "RESERVED ") == 0 &&
        (length < body_length + 2 || reply[length - body_length - 3] != '\n' ||
         memcmp(reply + length - body_length - 2, body, body_length) != 0)) {
        unexpected("the body that was put", reply, length);
    }
    return strtoull(reply + prefix, NULL, 10);
}

// One connection that pipelines: sends all it has while it reads the replies, so that neither side waits for the other.
struct pipe {
    int descriptor;
    const char *body;
    size_t body_length;
    char *received;
    size_t capacity;
};

static void open_pipe(struct pipe *pipe, size_t body_length) {
    pipe->descriptor = dial();
    pipe->body = make_body(body_length);
    pipe->body_length = body_length;
    pipe->capacity = body_length + (1 << 17);
    pipe->received = allocate(pipe->capacity);
}

// The replies have to begin with the expected words in turn. Their ids go into ids, if it is not NULL.
static void exchange(struct pipe *pipe, const char *bytes, size_t length, long replies, const char *const expected[2],
                     unsigned long long *ids) {
    size_t sent = 0, filled = 0;
    for (long heard = 0; heard < replies;) {
        struct pollfd poller = {.fd = pipe->descriptor, .events = POLLIN | (sent < length ? POLLOUT : 0)};
        if (poll(&poller, 1, PATIENCE) <= 0) {
            errno = ETIMEDOUT;
            fail("poll");
        }
        if (poller.revents & POLLOUT) {
            ssize_t count = send(pipe->descriptor, bytes + sent, length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0 && errno != EAGAIN) {
                fail("send");
            }
            sent += count > 0 ? count : 0;
        }
        if (!(poller.revents & ~POLLOUT)) {
            continue;
        }
        ssize_t count = recv(pipe->descriptor, pipe->received + filled, pipe->capacity - filled, MSG_DONTWAIT);
        if (count <= 0) {
            fail_reading(count);
        }
        filled += count;
        size_t used = 0, reply;
        while (heard < replies && (reply = reply_length(pipe->received + used, filled - used)) > 0) {
            unsigned long long id =
                check(expected[heard % 2], pipe->received + used, reply, pipe->body, pipe->body_length);
            if (ids != NULL) {
                ids[heard] = id;
            }
            used += reply;
            heard++;
        }
        filled -= used;
        memmove(pipe->received, pipe->received + used, filled);
    }
    if (filled > 0) {
        unexpected("no more replies", pipe->received, filled);
    }
}

static const char *const inserted[2] = {"INSERTED ", "INSERTED "};
static const char *const using[2] = {"USING ", "USING "};

// A job that nobody reserves keeps a tube alive. They outlive this process: an earlier turn may have made them.
static void make_tubes(long tubes) {
    static const char *const use_and_put[2] = {"USING ", "INSERTED "};
    struct pipe pipe;
    open_pipe(&pipe, 0);
    char look[LINE];
    int length = sprintf(look, "use cold-%ld\r\npeek-ready\r\n", tubes - 1);
    if (send(pipe.descriptor, look, length, MSG_NOSIGNAL) != length) {
        fail("send");
    }
    // The empty body makes the second reply two lines when there is a job.
    char reply[LINE] = "";
    size_t count = 0;
    while (strstr(reply, "NOT_FOUND\r\n") == NULL && strstr(reply, " 0\r\n\r\n") == NULL) {
        ssize_t more = recv(pipe.descriptor, reply + count, sizeof reply - 1 - count, 0);
        if (more <= 0) {
            unexpected("USING and FOUND or NOT_FOUND", reply, count);
        }
        count += more;
    }
    if (strstr(reply, "NOT_FOUND\r\n") != NULL) {
        char *bytes = allocate(tubes * LINE);
        size_t filled = 0;
        for (long i = 0; i < tubes; i++) {
            filled += sprintf(bytes + filled, "use cold-%ld\r\n", i);
            filled += write_put(bytes + filled, 0, "", 0);
        }
        exchange(&pipe, bytes, filled, 2 * tubes, use_and_put, NULL);
        free(bytes);
    }
    close(pipe.descriptor);
}

// A connection of a cycle: the command that it waits for, since when, and what has come of the reply.
enum { PUT, RESERVE, DELETE, COMMANDS };
struct client {
    int descriptor;
    int command;
    uint64_t since;
    unsigned long long id;
    size_t filled;
    char *received;
};

struct cycle {
    const char *body, *put;
    size_t body_length, put_length, capacity;
    int poller, active;
    long cycles;
    uint64_t end;
    struct histogram histograms[COMMANDS];
};

static void use_own_tube(int descriptor, int number) {
    static const char *const replies[2] = {"USING ", "WATCHING "};
    struct pipe pipe = {.descriptor = descriptor, .capacity = 1024, .received = (char[1024]){0}};
    char bytes[LINE];
    size_t length = sprintf(bytes, "use hot-%d\r\nwatch hot-%d\r\n", number, number);
    exchange(&pipe, bytes, length, 2, replies, NULL);
    exchange(&pipe, "ignore default\r\n", 16, 1, (const char *const[2]){"WATCHING ", NULL}, NULL);
}

static void say(struct cycle *cycle, struct client *client) {
    char line[LINE] = "reserve\r\n";
    const char *bytes = line;
    size_t length = 9;
    if (client->command == PUT) {
        bytes = cycle->put;
        length = cycle->put_length;
    } else if (client->command == DELETE) {
        length = sprintf(line, "delete %llu\r\n", client->id);
    }
    client->since = now();
    // It may wait for the server to read, which has nobody else to wait for.
    if (send(client->descriptor, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        fail("send");
    }
}

// Whether the reply is complete.
static int hear(struct cycle *cycle, struct client *client) {
    static const char *const expected[COMMANDS] = {"INSERTED ", "RESERVED ", "DELETED"};
    ssize_t count =
        recv(client->descriptor, client->received + client->filled, cycle->capacity - client->filled, MSG_DONTWAIT);
    if (count <= 0) {
        if (count < 0 && errno == EAGAIN) {
            return 0;
        }
        fail_reading(count);
    }
    client->filled += count;
    size_t length = reply_length(client->received, client->filled);
    if (length == 0 && client->filled < cycle->capacity) {
        return 0;
    }
    if (length != client->filled) {
        unexpected("one reply", client->received, client->filled);
    }
    record(&cycle->histograms[client->command], now() - client->since);
    client->id = check(expected[client->command], client->received, length, cycle->body, cycle->body_length);
    client->filled = 0;
    return 1;
}

// Cycles that have begun come to their end when the time is over, and count: nothing is left to the next turn.
static void go_on(struct cycle *cycle, struct client *client) {
    client->command = (client->command + 1) % COMMANDS;
    if (client->command == PUT) {
        cycle->cycles++;
        if (now() >= cycle->end) {
            cycle->active--;
            return;
        }
    }
    say(cycle, client);
}

static void run_cycles(struct cycle *cycle, struct client *clients, int connections, double seconds) {
    static struct epoll_event events[256];
    uint64_t used = processor_time(), start = now();
    cycle->end = start + (uint64_t)(seconds * 1e9);
    cycle->active = connections;
    for (int i = 0; i < connections; i++) {
        say(cycle, &clients[i]);
    }
    while (cycle->active > 0) {
        // Alone on its processor, one connection asks again and again: to be woken would take as long as the answer.
        int ready = 0;
        for (uint64_t asked = now(); connections == 1 && ready == 0 && now() - asked < PATIENCE * 1000000ull;) {
            ready = epoll_wait(cycle->poller, events, 256, 0);
        }
        if (connections > 1) {
            ready = epoll_wait(cycle->poller, events, 256, PATIENCE);
        }
        if (ready <= 0) {
            errno = ready == 0 ? ETIMEDOUT : errno;
            fail("epoll_wait");
        }
        for (int i = 0; i < ready; i++) {
            if (hear(cycle, events[i].data.ptr)) {
                go_on(cycle, events[i].data.ptr);
            }
        }
    }
    uint64_t elapsed = now() - start;
    printf("%ld %.6f %.6f", cycle->cycles, elapsed / 1e9, (processor_time() - used) / 1e9);
    for (int i = 0; i < COMMANDS; i++) {
        const struct histogram *histogram = &cycle->histograms[i];
        printf(" %.1f %.1f %.1f", percentile(histogram, 0.5), percentile(histogram, 0.99),
               percentile(histogram, 0.999));
    }
    printf("\n");
}

static void cycle(int connections, double seconds, size_t body_length, long tubes) {
    if (tubes > 0) {
        make_tubes(tubes);
    }
    struct cycle *cycle = allocate(sizeof *cycle);
    char *put = allocate(body_length + LINE);
    cycle->body = make_body(body_length);
    cycle->body_length = body_length;
    cycle->put_length = write_put(put, 0, cycle->body, body_length);
    cycle->put = put;
    cycle->capacity = body_length + LINE;
    cycle->poller = epoll_create1(EPOLL_CLOEXEC);
    struct client *clients = allocate(connections * sizeof *clients);
    for (int i = 0; i < connections; i++) {
        clients[i].descriptor = dial();
        clients[i].received = allocate(cycle->capacity);
        if (tubes > 0) {
            use_own_tube(clients[i].descriptor, i);
        } else {
            // The answer tells that the server has accepted the connection, which is not what is measured.
            struct pipe pipe = {.descriptor = clients[i].descriptor, .capacity = cycle->capacity,
                                .received = clients[i].received};
            exchange(&pipe, "use default\r\n", 13, 1, using, NULL);
        }
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
        epoll_ctl(cycle->poller, EPOLL_CTL_ADD, clients[i].descriptor, &event);
    }
    run_cycles(cycle, clients, connections, seconds);
}

static void pipeline(long puts, double seconds, size_t body_length) {
    static const char *const reserved_and_deleted[2] = {"RESERVED ", "DELETED"};
    struct pipe pipe;
    open_pipe(&pipe, body_length);
    char *bytes = allocate(puts * (body_length + LINE)), *others = allocate(puts * LINE);
    unsigned long long *ids = allocate(puts * sizeof *ids);
    size_t length = 0;
    for (long i = 0; i < puts; i++) {
        length += write_put(bytes + length, 0, pipe.body, body_length);
    }
    long total = 0;
    uint64_t elapsed = 0, used = 0;
    while (elapsed < seconds * 1e9) {
        uint64_t before = processor_time(), start = now();
        exchange(&pipe, bytes, length, puts, inserted, ids);
        elapsed += now() - start;
        used += processor_time() - before;
        total += puts;
        // They come back in the order in which they were put, so that the deletes need not wait for the reserves.
        size_t count = 0;
        for (long i = 0; i < puts; i++) {
            count += sprintf(others + count, "reserve\r\ndelete %llu\r\n", ids[i]);
        }
        exchange(&pipe, others, count, 2 * puts, reserved_and_deleted, NULL);
    }
    printf("%ld %.6f %.6f\n", total, elapsed / 1e9, used / 1e9);
}

static void fill(const char *tube, long jobs, size_t body_length, long priority) {
    struct pipe pipe;
    open_pipe(&pipe, body_length);
    char *bytes = allocate(BATCH * (body_length + LINE)), use[LINE];
    if ((size_t)snprintf(use, sizeof use, "use %s\r\n", tube) >= sizeof use) {
        errno = ENAMETOOLONG;
        fail(tube);
    }
    exchange(&pipe, use, strlen(use), 1, using, NULL);
    size_t length = 0, one = 0;
    for (int i = 0; i < BATCH; i++) {
        one = write_put(bytes + length, priority, pipe.body, body_length);
        length += one;
    }
    uint64_t start = now();
    for (long left = jobs; left > 0;) {
        long some = left < BATCH ? left : BATCH;
        exchange(&pipe, bytes, some * one, some, inserted, NULL);
        left -= some;
    }
    printf("%.6f\n", (now() - start) / 1e9);
}

static void idle(int connections, int waiting) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    struct pipe pipe;
    open_pipe(&pipe, 0);
    for (int i = 0; i < connections; i++) {
        if (i > 0) {
            pipe.descriptor = dial();
        }
        exchange(&pipe, "list-tube-used\r\n", 16, 1, using, NULL);
        if (waiting) {
            unsigned long long id;
            char line[LINE];
            const char *use = "use pages\r\n", *put = "put 0 0 60 4\r\npage\r\n";
            exchange(&pipe, use, strlen(use), 1, using, NULL);
            exchange(&pipe, put, strlen(put), 1, inserted, &id);
            int length = snprintf(line, sizeof line, "wait %llu 86400\r\n", id);
            if (send(pipe.descriptor, line, length, MSG_NOSIGNAL) != length) {
                fail("send");
            }
        }
    }
    printf("ready\n");
    fflush(stdout);
    while (getchar() != EOF) {
    }
}

static int ascending(const void *left, const void *right) {
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static void commit(const char *folder, long count) {
    char path[4096];
    snprintf(path, sizeof path, "%s/commit", folder);
    sqlite3 *database;
    sqlite3_stmt *statements[2];
    if (sqlite3_open(path, &database) != SQLITE_OK ||
        sqlite3_exec(database,
                     "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                     "CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY, body BLOB)",
                     NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(database, "INSERT INTO job VALUES (?, zeroblob(64))", -1, &statements[0], NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(database, "DELETE FROM job WHERE id = ?", -1, &statements[1], NULL) != SQLITE_OK) {
        fprintf(stderr, "load: %s: %s\n", path, sqlite3_errmsg(database));
        exit(1);
    }
    uint64_t *times = allocate(count * sizeof *times);
    for (long i = 0; i < count; i++) {
        sqlite3_stmt *statement = statements[i % 2];
        uint64_t start = now();
        sqlite3_bind_int64(statement, 1, i / 2);
        if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK) {
            fprintf(stderr, "load: %s: %s\n", path, sqlite3_errmsg(database));
            exit(1);
        }
        times[i] = now() - start;
        usleep(50);
    }
    sqlite3_finalize(statements[0]);
    sqlite3_finalize(statements[1]);
    sqlite3_close(database);
    qsort(times, count, sizeof *times, ascending);
    printf("%.1f\n", times[count / 2] / 1e3);
}

static int usage(void) {
    fprintf(stderr, "usage: load cycle PORT CONNECTIONS SECONDS BODYBYTES [TUBES]\n"
                    "       load pipeline PORT PUTS SECONDS BODYBYTES\n"
                    "       load fill PORT TUBE COUNT BODYBYTES [PRIORITY]\n"
                    "       load idle PORT COUNT\n"
                    "       load wait PORT COUNT\n"
                    "       load commit FOLDER COUNT\n");
    return 64;
}

int main(int count, char **arguments) {
    if (count < 4) {
        return usage();
    }
    const char *mode = arguments[1];
    server.sin_port = htons(atoi(arguments[2]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    find_server_clock();
    if (strcmp(mode, "cycle") == 0 && count >= 6) {
        cycle(atoi(arguments[3]), atof(arguments[4]), atol(arguments[5]), count > 6 ? atol(arguments[6]) : 0);
    } else if (strcmp(mode, "pipeline") == 0 && count >= 6) {
        pipeline(atol(arguments[3]), atof(arguments[4]), atol(arguments[5]));
    } else if (strcmp(mode, "fill") == 0 && count >= 6) {
        fill(arguments[3], atol(arguments[4]), atol(arguments[5]), count > 6 ? atol(arguments[6]) : 0);
    } else if (strcmp(mode, "idle") == 0) {
        idle(atoi(arguments[3]), 0);
    } else if (strcmp(mode, "wait") == 0) {
        idle(atoi(arguments[3]), 1);
    } else if (strcmp(mode, "commit") == 0) {
        commit(arguments[2], atol(arguments[3]));
    } else {
        return usage();
    }
    return 0;
}
