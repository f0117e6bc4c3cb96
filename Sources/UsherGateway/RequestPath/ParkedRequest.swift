import NIOCore
import UsherHTTP
import UsherTransport

/// Where a request's path goes on.
enum PathStep {
    /// Who follows the request from here on.
    case follow(any DownstreamHandler)
    /// Something outside the event loop has to be asked first: the closure begins to.
    case wait((@escaping GoOn) -> Void)

    /// To be called once, on this loop, with what to do then; that is not done for a client that has left meanwhile.
    typealias GoOn = (@escaping () -> PathStep) -> Void
}

/// A request that waits for a token to be verified or for a shared quota; its body stays unread meanwhile.
///
/// Confinement: one event loop.
final class ParkedRequest: DownstreamHandler {
    private let worker: Worker
    private let downstream: any Downstream
    private let plan: RoutePlan
    private var start: ((@escaping PathStep.GoOn) -> Void)?
    private var successor: (any DownstreamHandler)?
    /// The request was complete before there was a successor.
    private var end: Trailers??
    private var isBeginning = false
    private var isOver = false

    init(
        _ worker: Worker, _ downstream: any Downstream, _ plan: RoutePlan,
        _ start: @escaping (@escaping PathStep.GoOn) -> Void
    ) {
        self.worker = worker
        self.downstream = downstream
        self.plan = plan
        self.start = start
    }

    func begin() {
        self.downstream.pauseBody()
        self.isBeginning = true
        self.park()
        self.isBeginning = false
    }

    private func park() {
        guard let start = self.start.take() else { return }
        start { step in
            // Whoever has left has been accounted for.
            guard !self.isOver else { return }
            switch step() {
            case .wait(let next):
                self.start = next
                self.park()
            case .follow(let handler):
                self.follow(handler)
            }
        }
    }

    private func follow(_ handler: any DownstreamHandler) {
        self.successor = handler
        handler.begin()
        // It may have answered at once.
        if self.isOver { return }
        if case .some(let trailers) = self.end { return handler.requestEnd(trailers) }
        self.downstream.resumeBody()
        // Who called `begin` still has to tell what the request's first read brought.
        if !self.isOver && !self.isBeginning { handler.requestReadComplete() }
    }

    // MARK: DownstreamHandler

    var keptBytes: Int { self.successor?.keptBytes ?? 0 }

    func requestBody(_ data: ByteBuffer) { self.successor?.requestBody(data) }

    func requestEnd(_ trailers: Trailers?) {
        if let successor = self.successor { successor.requestEnd(trailers) } else { self.end = .some(trailers) }
    }

    func requestReadComplete() { self.successor?.requestReadComplete() }
    func downstreamIsWritable() { self.successor?.downstreamIsWritable() }

    func exchangeEnded() {
        self.isOver = true
        self.successor?.exchangeEnded()
    }

    func downstreamClosed(_ reason: DownstreamEnd) {
        self.isOver = true
        if let successor = self.successor { return successor.downstreamClosed(reason) }
        self.worker.account(
            self.downstream, plan: self.plan, nil, status: 0,
            why: "the client closed the connection before it was known whether it may ask")
    }
}
