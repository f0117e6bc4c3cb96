import NIOCore
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// A request that Usher answers itself: a refusal, a redirection, a fixed response.
final class LocalExchange: DownstreamHandler {
    private let worker: Worker
    private let downstream: any Downstream
    private let plan: RoutePlan?
    private let answer: LocalAnswer
    private var why: StaticString

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan?, _ answer: LocalAnswer,
        why: StaticString = ""
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.answer = answer
        self.why = why
    }

    func begin() {
        self.downstream.answer(self.answer)
    }

    func exchangeEnded() {
        self.worker.account(self.downstream, plan: self.plan, status: self.answer.status, why: self.why)
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        self.why = "the client closed the connection before the answer was complete"
        self.exchangeEnded()
    }

    // The answer does not depend on the body, which the connection throws away.
    func requestBody(_ data: ByteBuffer) {}
    func requestEnd(_ trailers: Trailers?) {}
    func requestReadComplete() {}
    func downstreamIsWritable() {}
}

extension Worker {
    /// A refusal before any handler was there: by the parser, or because the head took too long.
    func requestRefused(_ refusal: Refusal, on downstream: any Downstream) {
        self.metrics.requestRefused(status: refusal.status)
        self.account(
            downstream, plan: nil, status: refusal.status, why: PathRefusal.malformed(refusal).answer.why)
    }

    /// Accounts for a request that no service saw.
    func account(_ downstream: any Downstream, plan: RoutePlan?, status: Int, why: StaticString) {
        var entry = AccessEntry()
        entry.unixMilliseconds = WallClock.milliseconds()
        entry.client = downstream.peer.clientAddress(of: downstream.head)
        entry.durationNanoseconds = self.loop.now.nanoseconds(since: downstream.startedAt)
        entry.status = status
        entry.bytesIn = downstream.bytesReceived
        entry.bytesOut = downstream.bytesSent
        entry.why = why
        if let plan { entry.route = plan.logName }
        self.account(entry, route: plan.map(self.routeIndex) ?? -1, service: -1, head: downstream.head)
    }
}
