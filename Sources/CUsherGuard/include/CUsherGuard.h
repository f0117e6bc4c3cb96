#ifndef USHER_GUARD_H
#define USHER_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/// Whether this process was started as a guard (`usher __guard …`): ask first in main, before any thread exists.
bool usher_guard_wanted(int argc, char *const argv[]);

/// Starts one command and guards its whole process tree: `usher __guard [--report] -- COMMAND [ARGUMENT…]`.
///
/// The guard is a subreaper in a session of its own, so that it inherits every orphan of the tree and a terminal's
/// Ctrl-C reaches nobody before Usher has decided. Signals other than SIGKILL and SIGSTOP do nothing to it. It obeys
/// descriptor 0:
///
/// | read          | then                                                        |
/// | ------------- | ----------------------------------------------------------- |
/// | `T`           | SIGTERM (and SIGCONT) to the command's process group        |
/// | `K`           | SIGKILL to everything                                       |
/// | end, an error | Usher is gone: SIGKILL to everything                        |
///
/// When the command ends, whatever it left behind is killed and reaped before the guard returns.
///
/// With `--report`, descriptor 1 carries lines about the command (`started PID`, `failed WHY`, `ended code N`,
/// `ended signal N`), and the command's own output, both streams, goes to descriptor 2.
///
/// Returns the command's exit code, 128 + N when signal N ended it, 127 when it could not be started, 2 on wrong usage.
int usher_guard_main(int argc, char *const argv[]);

/// Makes the two ends of a guard's control channel, both closed on exec. Returns 0, or -1 with errno set.
int usher_guard_channel(int ends[2]);

/// Sends one byte of the table above; never blocks and never raises SIGPIPE. False when nobody listens any more.
bool usher_guard_tell(int channel, char order);

/// Kills what is left in the session of a guard that was itself killed; returns how many processes were still there.
/// (Its command dies with it by the kernel's hand; this is for the command's children.)
int usher_guard_sweep_session(pid_t session);

#endif
