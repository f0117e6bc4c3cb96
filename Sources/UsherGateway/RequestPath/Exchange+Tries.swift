import UsherCore
import UsherTelemetry
import UsherTransport

/// The begin and the end of one try: counted in the balancer, the metrics and the replica's health.
extension Exchange {
    func tryStarts(_ endpoint: WorkerEndpoint, now: MonotonicTime) {
        self.endpoint = endpoint
        self.times.tryStarted(now: now)
        self.rule.tryStarted()
        self.service.tryStarted(endpoint, now: now)
        self.worker.metrics.changeInFlight(service: self.service.index, endpoint: endpoint.index, by: 1)
        self.tryIsOpen = true
    }

    func tryEnds(_ outcome: TryOutcome, latency: UInt64?, now: MonotonicTime) {
        guard self.tryIsOpen, let endpoint = self.endpoint else { return }
        self.tryIsOpen = false
        let received = self.upstream?.bytesReceived ?? 0
        self.upstream = nil
        let index = self.service.index
        self.worker.metrics.changeInFlight(service: index, endpoint: endpoint.index, by: -1)
        self.worker.metrics.tryEnded(
            service: index, endpoint: endpoint.index, outcome: outcome,
            nanoseconds: latency == nil || self.phase == .tunnel ? nil : self.times.sinceTry(now),
            bytesSent: self.bytesSent, bytesReceived: received)
        if self.phase == .tunnel {
            self.worker.metrics.tunnelPassed(
                service: index, endpoint: endpoint.index, fromClient: self.tunnelBytes.fromClient,
                toClient: self.tunnelBytes.toClient)
            self.worker.metrics.tunnelClosed(service: index, endpoint: endpoint.index)
        }
        self.bytesSent = 0
        switch outcome {
        case .status5xx where (502...504).contains(self.status):
            // Failing fast must not look like answering fast.
            self.service.tryFailed(endpoint, isOutcome: true, now: now)
        case .success, .status5xx, .clientAborted, .takenOut:
            self.service.trySucceeded(endpoint, latencyNanoseconds: latency, now: now)
        case .connectFailed:
            self.service.tryFailed(endpoint, isOutcome: false, now: now)
        case .timeout, .reset, .cutShort, .garbage:
            self.service.tryFailed(endpoint, isOutcome: true, now: now)
        }
    }

    /// Ends the current try for the client's sake, also one that is still connecting.
    func giveUpTry() {
        self.upstream?.cancel()
        self.tryEnds(.clientAborted, latency: nil, now: self.worker.loop.now)
    }

    /// Nobody takes an answer any more. The end of a tunnel is an ordinary one: what the client sent last is sent on.
    func clientLeft() {
        guard self.phase == .tunnel else { return self.giveUpTry() }
        self.upstream?.closeWhenSent()
        self.tryEnds(.success, latency: nil, now: self.worker.loop.now)
    }
}
