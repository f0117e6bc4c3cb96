// Starting the guarded command, and saying in one line why it could not be started.

#define _GNU_SOURCE
#include "guard_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/// Marks every descriptor above 2 to be closed by exec; closing them now would lose the pipe that reports its failure.
static void keep_standard_descriptors_only(void) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
#endif
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        int descriptor = atoi(entry->d_name);
        if (descriptor > STDERR_FILENO) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    }
    closedir(folder);
}

/// Runs in the forked child: becomes the command, or writes errno to `failure` and ends.
static _Noreturn void become(char *const command[], bool merge_output, pid_t guard, int failure) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard) _exit(127);  // the guard died before the line above: nobody is left to kill us
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (null >= 0) dup2(null, STDIN_FILENO);
    else close(STDIN_FILENO);  // never the control channel
    if (merge_output) dup2(STDERR_FILENO, STDOUT_FILENO);
    keep_standard_descriptors_only();
    execvp(command[0], command);
    int reason = errno;
    (void)!write(failure, &reason, sizeof reason);
    _exit(127);
}

static void explain(const char *command, int reason, char line[GUARD_LINE_BYTES]) {
    char folder[PATH_MAX];
    const char *here = getcwd(folder, sizeof folder) != NULL ? folder : "the current folder";
    const char *path = getenv("PATH");
    bool is_path = strchr(command, '/') != NULL;
    const size_t size = GUARD_LINE_BYTES;
    if (reason == ENOENT && !is_path) {
        snprintf(line, size, "cannot start '%.300s': no such command in PATH (%.600s); install it, or correct `run`",
                 command, path != NULL ? path : "not set");
    } else if (reason == ENOENT && access(command, F_OK) == 0) {
        snprintf(line, size, "cannot start '%.300s': the interpreter that its first line names is missing", command);
    } else if (reason == ENOENT) {
        snprintf(line, size, "cannot start '%.300s': no such file (looked from %.600s); correct `run`", command, here);
    } else if (reason == EACCES) {
        snprintf(line, size, "cannot start '%.300s': not executable (looked from %.600s); chmod +x it",
                 command, here);
    } else {
        snprintf(line, size, "cannot start '%.300s': %s (looked from %.600s)", command, strerror(reason), here);
    }
}

pid_t guard_start(char *const command[], bool merge_output, char line[GUARD_LINE_BYTES]) {
    int failure[2];
    if (pipe2(failure, O_CLOEXEC) < 0) {
        snprintf(line, GUARD_LINE_BYTES, "cannot start '%.300s': no pipe: %s", command[0], strerror(errno));
        return -1;
    }
    pid_t guard = getpid();
    pid_t child = fork();
    if (child == 0) become(command, merge_output, guard, failure[1]);
    int reason = child < 0 ? errno : 0;
    close(failure[1]);
    if (child > 0) {
        setpgid(child, child);  // both sides do it, so that the group exists whoever runs first
        ssize_t count;
        do count = read(failure[0], &reason, sizeof reason);
        while (count < 0 && errno == EINTR);
        if (count != (ssize_t)sizeof reason) reason = 0;
    }
    close(failure[0]);
    if (reason == 0) return child;
    if (child > 0) {
        while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR) {}
    }
    explain(command[0], reason, line);
    return -1;
}
