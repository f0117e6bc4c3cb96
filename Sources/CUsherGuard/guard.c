// The guard's life: start the command, listen to Usher and to SIGCHLD, and leave nothing behind.

#define _GNU_SOURCE
#include "CUsherGuard.h"
#include "guard_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CONTROL = 0,
    REPORTS = 1,
    // How long processes are asked to die before the guard leaves them to the kernel: they have SIGKILL pending and
    // wait for a disk, or belong to another user.
    SWEEP_SECONDS = 10,
    SWEEP_PAUSE_MILLISECONDS = 20,
};

struct guard {
    pid_t command;
    int status;        // of the command, as waitpid gives it
    bool ended;        // whether `status` is known
    bool own_session;  // nobody but this tree is in the guard's session
    int signals;       // a signalfd for SIGCHLD
};

static void write_all(int descriptor, const char *text, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, text, length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        text += written;
        length -= (size_t)written;
    }
}

__attribute__((format(printf, 2, 3))) static void say(int descriptor, const char *format, ...) {
    char line[GUARD_LINE_BYTES + 64];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    size_t end = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    write_all(descriptor, line, end);
}

/// Reaps every dead child, the adopted ones too, counts them in `reaped` and keeps the command's status. False when no
/// child is left at all.
static bool reap(struct guard *guard, size_t *reaped) {
    for (;; ++*reaped) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
        if (pid == 0) return true;
        if (pid < 0) return false;  // never for a signal: all are blocked
        if (pid == guard->command) {
            guard->status = status;
            guard->ended = true;
        }
    }
}

static void terminate_command(const struct guard *guard) {
    kill(-guard->command, SIGTERM);
    kill(-guard->command, SIGCONT);  // a stopped process would otherwise never see the request
}

/// Kills, reaps and looks again until no child is left: what a process forks while it dies is ours by the next look.
static void sweep(struct guard *guard) {
    sigset_t deaths;
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_MILLISECONDS * 1000 * 1000};
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (size_t reaped = 0; reap(guard, &reaped);) {
        if (!guard->ended) kill(-guard->command, SIGKILL);
        size_t killed = guard_kill_descendants(guard->own_session);
        // A look costs a walk through /proc, so it waits for those just killed. Some may be reaped by their own
        // parents; the pause makes up for them.
        reaped = 0;
        while (reap(guard, &reaped) && (killed == 0 || reaped < killed)) {
            if (sigtimedwait(&deaths, NULL, &pause) < 0) break;
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - start.tv_sec > SWEEP_SECONDS) {
            say(STDERR_FILENO, "usher: some of this command's processes do not die (another user's?)\n");
            return;
        }
    }
}

/// Obeys what Usher wrote; true when everything has to go now.
static bool obey(const struct guard *guard) {
    char orders[64];
    ssize_t count = read(CONTROL, orders, sizeof orders);
    if (count < 0) return errno != EINTR && errno != EAGAIN;
    if (count == 0) return true;
    for (ssize_t index = 0; index < count; index++) {
        if (orders[index] == 'K') return true;
        if (orders[index] == 'T') terminate_command(guard);
    }
    return false;
}

/// Waits until the command has ended or everything has to go.
static void watch(struct guard *guard) {
    struct pollfd watched[2] = {
        {.fd = CONTROL, .events = POLLIN},
        {.fd = guard->signals, .events = POLLIN},
    };
    while (!guard->ended) {
        if (poll(watched, 2, -1) < 0) continue;
        if (watched[1].revents != 0) {
            struct signalfd_siginfo drained[16];
            (void)!read(guard->signals, drained, sizeof drained);
            size_t reaped = 0;
            reap(guard, &reaped);
        }
        if (watched[0].revents != 0 && obey(guard)) return;
    }
}

/// Descriptors 0 to 2 exist, nothing else is open, no signal but SIGKILL and SIGSTOP reaches us. Returns a signalfd.
static int settle(void) {
    int opened;
    do opened = open("/dev/null", O_RDWR);
    while (opened >= 0 && opened <= STDERR_FILENO);
    if (opened >= 0) close(opened);
#ifdef SYS_close_range
    syscall(SYS_close_range, 3U, ~0U, 0U);
#endif
    signal(SIGCHLD, SIG_DFL);  // were it ignored, the kernel would reap the command before we could ask how it ended
    sigset_t everything, deaths;
    sigfillset(&everything);
    sigprocmask(SIG_SETMASK, &everything, NULL);
    sigemptyset(&deaths);
    sigaddset(&deaths, SIGCHLD);
    prctl(PR_SET_NAME, "usher-guard");
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    setsid();  // fails when Usher has already made the session, which is the usual case
    return signalfd(-1, &deaths, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool usher_guard_wanted(int argc, char *const argv[]) {
    return argc > 1 && strcmp(argv[1], "__guard") == 0;
}

int usher_guard_main(int argc, char *const argv[]) {
    int next = 2;
    bool reporting = next < argc && strcmp(argv[next], "--report") == 0;
    if (reporting) next++;
    if (next + 1 >= argc || strcmp(argv[next], "--") != 0) {
        say(STDERR_FILENO, "usher: usage: usher __guard [--report] -- COMMAND [ARGUMENT...]\n");
        return 2;
    }
    struct guard guard = {.signals = settle()};
    guard.own_session = getsid(0) == getpid();
    char line[GUARD_LINE_BYTES] = "";
    guard.command = guard.signals < 0 ? -1 : guard_start(&argv[next + 1], reporting, line);
    if (guard.command < 0) {
        if (guard.signals < 0) snprintf(line, sizeof line, "cannot watch processes: %s", strerror(errno));
        say(reporting ? REPORTS : STDERR_FILENO, "%s%s\n", reporting ? "failed " : "usher: ", line);
        return 127;
    }
    if (reporting) say(REPORTS, "started %d\n", (int)guard.command);
    watch(&guard);
    sweep(&guard);
    bool signalled = guard.ended && WIFSIGNALED(guard.status);
    int number = !guard.ended ? SIGKILL : signalled ? WTERMSIG(guard.status) : WEXITSTATUS(guard.status);
    signalled = signalled || !guard.ended;
    if (reporting) say(REPORTS, "ended %s %d\n", signalled ? "signal" : "code", number);
    return signalled ? 128 + number : number;
}

int usher_guard_channel(int ends[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

bool usher_guard_tell(int channel, char order) {
    ssize_t sent;
    do sent = send(channel, &order, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent == 1;
}
