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
    /// Nil: it is not known who asks.
    private let admission: Admission?
    private let answer: LocalAnswer
    private var why: StaticString

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan?, _ admission: consuming Admission?,
        _ answer: LocalAnswer, why: StaticString = ""
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        var answer = answer
        answer.rateLimit = admission?.fields
        self.admission = admission
        self.answer = answer
        self.why = why
    }

    func begin() {
        self.downstream.answer(self.answer)
    }

    func exchangeEnded() {
        self.worker.account(
            self.downstream, plan: self.plan, self.admission, status: self.answer.status, why: self.why)
        self.admission?.release()
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        self.why = "the client closed the connection before the answer was complete"
        self.exchangeEnded()
    }

    // The answer does not depend on the body, which the connection throws away.
    var keptBytes: Int { 0 }

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
            downstream, plan: nil, nil, status: refusal.status, why: PathRefusal.malformed(refusal).answer.why)
    }

    /// Accounts for a request that no service saw.
    func account(
        _ downstream: any Downstream, plan: RoutePlan?, _ admission: borrowing Admission?, status: Int,
        why: StaticString
    ) {
        var entry = AccessEntry()
        entry.unixMilliseconds = WallClock.milliseconds()
        entry.take(downstream.peer, of: downstream.head)
        admission?.tell(&entry, self.snapshot.credentials)
        entry.durationNanoseconds = self.loop.now.nanoseconds(since: downstream.startedAt)
        entry.status = status
        entry.bytesIn = downstream.bytesReceived
        entry.bytesOut = downstream.bytesSent
        entry.why = why
        if let plan { entry.route = plan.logName }
        self.account(entry, route: plan.map(self.routeIndex) ?? -1, service: -1, head: downstream.head)
    }
}

extension LocalAnswer {
    /// The same target over TLS (308, RFC 9110 §15.4.9).
    static func redirection(of downstream: any Downstream, toPort port: Int) -> LocalAnswer {
        let head = downstream.head
        guard !head.authority.isEmpty else {
            return LocalAnswer(
                status: 400, body: ByteBuffer(string: "use https, or say by Host where to redirect to\n"))
        }
        var line = ByteBuffer(string: "Location: https://")
        HeadSource(head).withHost { host in
            for index in host.indices { line.writeInteger(host[index]) }
        }
        if port != 443 { line.writeString(":\(port)") }
        // `*` asks about the server as a whole and is no path.
        if head.equals(head.path, "*") { line.writeStaticString("/") } else { head.copy(head.target, to: &line) }
        line.writeStaticString("\r\n")
        return LocalAnswer(status: 308, body: ByteBuffer(), addedLines: line)
    }
}
