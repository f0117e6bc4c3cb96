/// A connection as the worker sees it, whatever protocol it speaks.
///
/// Confinement: the event loop of the connection.
protocol LoadConnection: AnyObject {
    /// How many requests it takes now.
    var room: Int { get }

    /// Sends a request; there must be room. It ends by one call of the worker's `answered`, `failed` or `giveBack`.
    func send(_ attempt: Attempt)

    /// Ends the requests that should have begun no later than `start`, without an answer.
    func expire(startedBy start: UInt64, now: UInt64)

    func close()
}
