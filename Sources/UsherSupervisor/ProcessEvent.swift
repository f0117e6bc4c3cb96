/// What happened to a supervised process, told once each and in order.
public enum ProcessEvent: Sendable, Hashable {
    /// The command runs; whether it answers on its port is for readiness to find out.
    ///
    /// `pid` is the command's own process, not its guard's. The port may differ from the last one.
    case started(pid: Int32, port: Int)
    /// The command ended, and nothing of its process tree is left; nil when it will not be started again.
    case exited(ProcessEnd, willRestartIn: Duration?)
    /// The command could not be started: one line that says what, where it was looked for and what to do.
    case startFailed(String, willRetryIn: Duration?)
}

/// How a process ended.
public enum ProcessEnd: Sendable, Hashable, CustomStringConvertible {
    case code(Int32)
    case signal(Int32)

    public var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let number): Self.signalNames[number].map { "signal \(number) (\($0))" } ?? "signal \(number)"
        }
    }

    /// Numbers that all Linux architectures Swift runs on agree about, and that processes die of.
    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE", 9: "SIGKILL",
        11: "SIGSEGV", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM", 24: "SIGXCPU", 31: "SIGSYS",
    ]
}
