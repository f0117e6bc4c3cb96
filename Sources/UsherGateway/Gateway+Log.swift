import UsherTelemetry

extension Gateway {
    /// Makes standard error the place of every log line of this process; called once, before the first logger.
    public static func bootstrapLog(level: String) {
        ServerLog.bootstrap(level: level)
    }
}
