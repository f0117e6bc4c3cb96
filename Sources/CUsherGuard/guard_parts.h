#ifndef USHER_GUARD_PARTS_H
#define USHER_GUARD_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/// Long enough for a line that quotes PATH and the current folder; longer ones are cut.
enum { GUARD_LINE_BYTES = 2048 };

/// Starts the command in a process group of its own and returns its pid once exec has succeeded; -1 with one line that
/// says what, where it was looked for and what to do.
pid_t guard_start(char *const command[], bool merge_output, char line[GUARD_LINE_BYTES]);

/// Sends SIGKILL to every descendant of this process that can be found now; returns how many there were. Others may
/// have been born meanwhile: call it until no child is left. `own_session` says that no process outside the tree can
/// share a group with one inside.
size_t guard_kill_descendants(bool own_session);

#endif
