/// Who owns pools of connections, and is told what happens in them; always called on their event loop.
package protocol UpstreamPoolOwner: AnyObject {
    /// A connection became free or went away, or the limit rose: somebody who waits may go on.
    func poolHasRoom(_ pool: UpstreamPool)
    /// A connection is up, or one that was up is closed.
    func pool(_ pool: UpstreamPool, connectionIsUp isUp: Bool)
    /// A replica sent bytes that belong to no answer: a second answer, or noise. Its connection is not used again.
    func pool(_ pool: UpstreamPool, receivedUnaskedBytes count: Int)
}
