// Finding processes in /proc and killing exactly those: a pid may be somebody else's by the time it is signalled.

#define _GNU_SOURCE
#include "CUsherGuard.h"
#include "guard_parts.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct process {
    pid_t pid, parent, group, session;
    unsigned long long born;  // in ticks since boot: with the pid it names one process for ever
    bool descends;
};

struct table {
    struct process *rows;
    size_t count, capacity;
};

/// Reads /proc/PID/stat; false when the process is gone.
static bool look_up(pid_t pid, struct process *found) {
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return false;
    text[length] = '\0';
    const char *rest = strrchr(text, ')');  // the name before it may hold spaces and brackets
    if (rest == NULL) return false;
    int parent, group, session;
    unsigned long long born;
    int fields = sscanf(rest + 1, " %*c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
                        &parent, &group, &session, &born);
    if (fields != 4) return false;
    *found = (struct process){.pid = pid, .parent = parent, .group = group, .session = session, .born = born};
    return true;
}

static bool append(struct table *table, const struct process *process) {
    if (table->count == table->capacity) {
        size_t capacity = table->capacity == 0 ? 256 : table->capacity * 2;
        struct process *rows = realloc(table->rows, capacity * sizeof *rows);
        if (rows == NULL) return false;
        table->rows = rows;
        table->capacity = capacity;
    }
    table->rows[table->count++] = *process;
    return true;
}

/// Every process that /proc shows; what could not be read or stored is missing, and comes with a later look.
static struct table read_processes(void) {
    struct table table = {0};
    DIR *folder = opendir("/proc");
    if (folder == NULL) return table;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        struct process process;
        if (look_up((pid_t)atoi(entry->d_name), &process) && !append(&table, &process)) break;
    }
    closedir(folder);
    return table;
}

static int by_pid(const void *left, const void *right) {
    pid_t a = ((const struct process *)left)->pid, b = ((const struct process *)right)->pid;
    return (a > b) - (a < b);
}

static void mark_descendants(struct table *table, pid_t ancestor) {
    if (table->count == 0) return;
    qsort(table->rows, table->count, sizeof *table->rows, by_pid);
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t index = 0; index < table->count; index++) {
            struct process *process = &table->rows[index];
            if (process->descends) continue;
            struct process key = {.pid = process->parent};
            const struct process *parent =
                bsearch(&key, table->rows, table->count, sizeof *table->rows, by_pid);
            if (process->parent == ancestor || (parent != NULL && parent->descends)) {
                process->descends = true;
                changed = true;
            }
        }
    }
}

/// Kills the very process that was seen: the descriptor pins it, and the second look proves it is still the same.
static void kill_exactly(const struct process *seen) {
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_send_signal)
    int handle = (int)syscall(SYS_pidfd_open, seen->pid, 0U);
    if (handle < 0) return;  // gone, or a kernel before 5.3: its orphans come to us one generation at a time
    struct process now;
    if (look_up(seen->pid, &now) && now.born == seen->born) {
        syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0U);
    }
    close(handle);
#else
    (void)seen;
#endif
}

size_t guard_kill_descendants(bool own_session) {
    size_t found = 0;
    pid_t guard = getpid();
    struct table table = read_processes();
    mark_descendants(&table, guard);
    for (size_t index = 0; index < table.count; index++) {
        const struct process *process = &table.rows[index];
        if (!process->descends) continue;
        found++;
        if (process->parent != guard) {
            kill_exactly(process);
            continue;
        }
        // A child of ours keeps its pid and its group's number until we reap it, so plain kill is exact. A whole group
        // dies in one step, however fast its members fork.
        if (own_session && process->group > 1 && process->group != getpgrp()) kill(-process->group, SIGKILL);
        kill(process->pid, SIGKILL);
    }
    free(table.rows);
    return found;
}

int usher_guard_sweep_session(pid_t session) {
    if (session <= 1 || session == getsid(0)) return 0;
    int found = 0;
    // Each pass takes what the last one's victims forked; a few are plenty, since nobody outlives SIGKILL for long.
    for (int pass = 0; pass < 10; pass++) {
        struct table table = read_processes();
        int left = 0;
        for (size_t index = 0; index < table.count; index++) {
            if (table.rows[index].session != session) continue;
            kill_exactly(&table.rows[index]);
            left++;
        }
        free(table.rows);
        if (pass == 0) found = left;
        if (left == 0) break;
    }
    return found;
}
