import Foundation

/// What tests of TLS need beside Usher: a certificate, what a client says first, and clients that hold a connection.
enum TLSTools {
    /// A certificate for `localhost` and its key, by the names that `listener` refers to.
    static let files: Result<[String: String], any Error> = Result {
        let folder = "/tmp/usher-fault-certs-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let maker = try ChildProcess([UsherProcess.binary, "dev-cert", "--folder", folder])
        guard maker.exit() == 0 else { throw FaultTestError("`usher dev-cert` failed") }
        let names = ["localhost.pem", "localhost.key"]
        let texts = try names.map { try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8) }
        return Dictionary(uniqueKeysWithValues: zip(names, texts))
    }

    static let listener = """
        listeners:
          - address: "127.0.0.1:0"
            tls: { certificates: [ { chain: localhost.pem, key: localhost.key } ] }
        """

    /// The first message of an OpenSSL client that offers HTTP/2.
    static let hello: Result<Data, any Error> = Result {
        let (listener, port) = try Loopback.listen()
        defer { close(listener) }
        let client = try ChildProcess(command(port, "h2"))
        defer { client.signal(SIGKILL) }
        let accepted = RawClient(descriptor: accept(listener, nil, nil))
        let hello = accepted.readSome()
        // One record: its length stands in the last two of its first five bytes.
        guard hello.count > 5, hello[0] == 22, hello.count == 5 + Int(hello[3]) << 8 + Int(hello[4]) else {
            throw FaultTestError("openssl said no whole ClientHello")
        }
        return hello
    }

    /// A client inside TLS, its handshake perhaps still under way.
    static func connect(_ port: UInt16, applicationProtocol: String) throws -> RawClient {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw FaultTestError("no pair of sockets")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        let process = try ChildProcess(command(port, applicationProtocol), input: ends[1], output: ends[1])
        return RawClient(descriptor: ends[0], process: process)
    }

    /// Passes bytes between its own input and output and the inside of a connection.
    private static func command(_ port: UInt16, _ applicationProtocol: String) -> [String] {
        ["openssl", "s_client", "-quiet", "-connect", "127.0.0.1:\(port)", "-alpn", applicationProtocol]
    }
}

/// `Support/tls.py` as a process.
final class IdleTLS {
    private let process: ChildProcess
    private var input: PipeEnds?
    private let output: PipeEnds

    init(_ port: UInt16, count: Int) throws {
        let input = try PipeEnds()
        self.output = try PipeEnds()
        self.process = try ChildProcess(
            ["python3", Tools.tls, "\(port)", "\(count)"], input: input.reading, output: self.output.writing)
        self.input = input
    }

    deinit {
        self.process.signal(SIGKILL)
    }

    /// `open` once all are.
    func readLine() -> String { self.output.readLine() }

    /// Ends it; how many were open till then.
    func finish() -> Int? {
        self.input = nil
        return Int(self.readLine())
    }
}
