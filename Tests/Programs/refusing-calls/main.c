// SPDX-License-Identifier: Apache-2.0
// refusing-calls ERRNO CALL[,CALL…] PROGRAM [ARGUMENT…]: becomes a program to which the kernel refuses some system calls with an
// error number, as a container's seccomp profile does.

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#define MOST_CALLS 16

static const struct {
    const char *name;
    int number;
} calls[] = {
    {"accept", SYS_accept},
    {"accept4", SYS_accept4},
    {"close_range", 436},
    {"epoll_create1", SYS_epoll_create1},
    {"epoll_ctl", SYS_epoll_ctl},
    {"epoll_pwait", SYS_epoll_pwait},
    {"epoll_pwait2", 441},
#ifdef SYS_epoll_wait
    {"epoll_wait", SYS_epoll_wait},
#endif
    {"eventfd2", SYS_eventfd2},
    {"memfd_create", SYS_memfd_create},
    {"pidfd_open", 434},
    {"signalfd4", SYS_signalfd4},
};

static const struct {
    const char *name;
    int number;
} errors[] = {{"EACCES", EACCES}, {"ENOSYS", ENOSYS}, {"ENOTSUP", ENOTSUP}, {"EPERM", EPERM}};

static int fail(const char *what) {
    perror(what);
    return 125;
}

int main(int count, char *arguments[]) {
    if (count < 4) {
        fprintf(stderr, "refusing-calls ERRNO CALL[,CALL...] PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    int error = 0;
    for (size_t index = 0; index < sizeof errors / sizeof *errors; index++) {
        if (strcmp(arguments[1], errors[index].name) == 0) {
            error = errors[index].number;
        }
    }
    // Another architecture's numbers are other calls: they pass.
    struct sock_filter filter[4 + 2 * MOST_CALLS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    };
    unsigned short length = 4;
    for (char *name = strtok(arguments[2], ","); name != NULL; name = strtok(NULL, ",")) {
        int number = -1;
        for (size_t index = 0; index < sizeof calls / sizeof *calls; index++) {
            if (strcmp(name, calls[index].name) == 0) {
                number = calls[index].number;
            }
        }
        // Not every architecture has every call.
        if (number == -1) {
            continue;
        }
        if (error == 0 || length + 3 > sizeof filter / sizeof *filter) {
            fprintf(stderr, "refusing-calls: an unknown error, or too many calls\n");
            return 125;
        }
        filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1);
        filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error);
    }
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = length, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return fail("no new privileges");
    }
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        return fail("install the filter");
    }
    execv(arguments[3], &arguments[3]);
    return fail(arguments[3]);
}
