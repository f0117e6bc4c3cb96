/// One request of a run, from the moment it should begin.
struct Attempt {
    /// When it should begin: of an open loop by its schedule, of a closed one when it was sent. Unit: nanoseconds on
    /// the monotonic clock.
    var start: UInt64
    /// Which of the prepared requests it is.
    var request: Int
    /// What stands for `{n}`.
    var number: UInt64
    /// Whether its end is counted; that of a warm-up is not.
    var isMeasured: Bool
}
