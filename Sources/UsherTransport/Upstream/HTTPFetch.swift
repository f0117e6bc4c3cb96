package import NIOCore
internal import NIOPosix
internal import NIOSSL
package import UsherCore
internal import UsherHTTP

/// One request on a connection of its own: readiness checks, and our own commands talking to a running Usher.
package enum HTTPFetch {
    package struct Request: Sendable {
        package var address: ReplicaAddress
        package var method = "GET"
        /// Path and query, as they go on the wire.
        package var target: String
        package var host: String
        package var fields: [(name: String, value: String)] = []
        package var body: ByteBuffer?
        /// For everything: connecting, sending, the whole answer.
        package var timeout: Duration
        /// Nil: in the clear.
        package var tls: UpstreamTLS?
        /// More of the body than this is an error. Default: 4 MiB.
        package var bodyMax = 4_194_304

        package init(address: ReplicaAddress, target: String, host: String, timeout: Duration) {
            self.address = address
            self.target = target
            self.host = host
            self.timeout = timeout
        }

        fileprivate var bytes: ByteBuffer {
            var text = "\(self.method) \(self.target) HTTP/1.1\r\nHost: \(self.host)\r\n"
            for field in self.fields { text += "\(field.name): \(field.value)\r\n" }
            if let body = self.body { text += "Content-Length: \(body.readableBytes)\r\n" }
            text += "User-Agent: usher\r\nConnection: close\r\n\r\n"
            var out = ByteBuffer(string: text)
            if let body = self.body { out.writeImmutableBuffer(body) }
            return out
        }
    }

    package struct Answer: Sendable {
        package var status: Int
        package var body: ByteBuffer
    }

    package struct Failure: Error, Sendable, CustomStringConvertible {
        package var description: String

        package init(description: String) {
            self.description = description
        }
    }

    /// Sends the request and waits for the whole answer.
    package static func send(_ request: Request, on eventLoop: any EventLoop) async throws -> Answer {
        let promise = eventLoop.makePromise(of: Answer.self)
        let timeout = TimeAmount.nanoseconds(Int64(clamping: request.timeout.nanosecondsClamped))
        let connected = Connecting.start(
            ClientBootstrap(group: eventLoop), to: request.address, tls: request.tls, timeout: request.timeout,
            on: eventLoop
        ) { pipeline in try pipeline.addHandler(FetchHandler(request, promise: promise)) }
        connected.whenComplete { result in
            switch result {
            case .success(let channel): channel.writeAndFlush(request.bytes, promise: nil)
            case .failure(let error): promise.fail(Failure(description: Self.describe(error)))
            }
        }
        let timer = eventLoop.scheduleTask(in: timeout) {
            promise.fail(Failure(description: "no answer within \(request.timeout)"))
        }
        promise.futureResult.whenComplete { _ in
            timer.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            promise.fail(CancellationError())
        }
    }

    /// Of several attempts the first; without any the name has no address.
    private static func describe(_ error: NIOConnectionError) -> String {
        if let first = error.connectionErrors.first { return self.describe(first.error) }
        let reason = (error.dnsAError ?? error.dnsAAAAError).map { "\($0)" } ?? "it has no address"
        return "the name \(error.host) cannot be resolved: \(reason)"
    }

    package static func describe(_ error: any Error) -> String {
        switch error {
        case let failure as Failure: failure.description
        case let error as IOError: "\(String(cString: strerror(error.errnoCode)))"
        case ChannelError.connectTimeout: "no connection in time"
        case ChannelError.eof: "TLS: the connection was closed in the middle of the handshake"
        case is NIOSSLError, is NIOSSLExtraError, is CertificateProblem: "TLS: \(TLSReason.text(of: error))"
        case let error as NIOConnectionError: Self.describe(error)
        default: "\(error)"
        }
    }
}

/// Collects the answer to one request.
private final class FetchHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let request: HTTPFetch.Request
    private let promise: EventLoopPromise<HTTPFetch.Answer>
    private let limits = HeadLimits()
    private let head = ResponseHead()
    private var reader: BodyReader?
    private var body = ByteBuffer()

    init(_ request: HTTPFetch.Request, promise: EventLoopPromise<HTTPFetch.Answer>) {
        self.request = request
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = self.unwrapInboundIn(data)
        if self.reader == nil, !self.readHead(&input) { return }
        self.readBody(&input)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.reader?.endOfInput() == .complete {
            self.succeed()
        } else {
            self.fail("the connection was closed before the answer was complete")
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(HTTPFetch.describe(error))
        context.close(promise: nil)
    }

    private func readHead(_ input: inout ByteBuffer) -> Bool {
        while true {
            switch self.head.parse(&input, requestMethod: .get, limits: self.limits) {
            case .needsMore:
                return false
            case .refused(let refusal):
                self.fail("not an HTTP/1.1 answer: \(refusal.reason)")
                return false
            case .complete where self.head.status < 200:
                self.head.reset()
            case .complete:
                self.reader = BodyReader(self.head.framing, limits: self.limits)
                return true
            }
        }
    }

    private func readBody(_ input: inout ByteBuffer) {
        while let piece = self.reader?.next(&input) {
            switch piece {
            case .data(var data):
                self.body.writeBuffer(&data)
                if self.body.readableBytes > self.request.bodyMax { self.fail("the answer is too long") }
            case .needsMore:
                if self.reader?.isComplete == true { self.succeed() }
                return
            case .end:
                self.succeed()
                return
            case .refused(let refusal):
                self.fail("not an HTTP/1.1 answer: \(refusal.reason)")
                return
            }
        }
    }

    private func succeed() {
        self.promise.succeed(.init(status: self.head.status, body: self.body))
    }

    private func fail(_ description: String) {
        self.promise.fail(HTTPFetch.Failure(description: description))
    }
}
