import Foundation

/// A client on a bare socket that says exactly what a test wants; nothing blocks for longer than `patience`.
///
/// Unchecked: one thread may send while another reads, but only one may read.
final class RawClient: @unchecked Sendable {
    let descriptor: Int32
    /// What stands between, such as a TLS client; ends with this one.
    private let process: ChildProcess?
    /// What was read and not yet taken.
    private var pending = Data()

    /// - Parameter descriptor: a connected socket, which closes with this object.
    init(descriptor: Int32, process: ChildProcess? = nil, patience: Int = 10) {
        self.descriptor = descriptor
        self.process = process
        var timeout = timeval(tv_sec: patience, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
    }

    /// - Parameters:
    ///   - patience: unit: seconds.
    ///   - receiveBuffer: a small one makes a client that takes little at a time. Unit: bytes.
    convenience init(_ port: UInt16, patience: Int = 10, receiveBuffer: Int32? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw FaultTestError("no socket: \(String(cString: strerror(errno)))") }
        self.init(descriptor: descriptor, patience: patience)
        if var receiveBuffer {
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<Int32>.size))
        }
        var on: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        guard Loopback.with(port, { connect(self.descriptor, $0, $1) }) == 0 else {
            throw FaultTestError("cannot connect to port \(port): \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(self.descriptor)
    }

    /// Sends all of it, or as much as the peer takes; returns how much.
    @discardableResult
    func send(_ data: Data) -> Int {
        data.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let slice = UnsafeRawBufferPointer(rebasing: bytes[sent...])
                let count = Foundation.send(self.descriptor, slice.baseAddress, slice.count, Int32(MSG_NOSIGNAL))
                if count <= 0 { break }
                sent += count
            }
            return sent
        }
    }

    @discardableResult
    func send(_ text: String) -> Int { self.send(Data(text.utf8)) }

    /// One read; empty at the end, after a reset, or when nothing came in time.
    func readSome(upTo limit: Int = 65536) -> Data {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(self.descriptor, &buffer, limit, 0)
        return count > 0 ? Data(buffer[..<count]) : Data()
    }

    /// Everything up to the end of the connection.
    func readToEnd() -> String {
        var all = self.pending
        self.pending = Data()
        while true {
            let piece = self.readSome()
            if piece.isEmpty { return String(decoding: all, as: UTF8.self) }
            all += piece
        }
    }

    /// Whether the peer has closed; bytes on the way are thrown away.
    func isClosedByPeer() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            if count == 0 || (count < 0 && errno != EAGAIN) { return true }
            if count < 0 { return false }
        }
    }

    /// The next answer with a Content-Length: its status and body; nil when none comes whole.
    func readAnswer() -> (status: Int, body: String)? {
        let separator = Data("\r\n\r\n".utf8)
        while true {
            if let end = self.pending.range(of: separator) {
                let head = String(decoding: self.pending[..<end.lowerBound], as: UTF8.self).lowercased()
                let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) } ?? 0
                let length = head.split(separator: "content-length: ").dropFirst().first
                let count = length.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
                let rest = self.pending[end.upperBound...]
                if rest.count >= count {
                    let body = String(decoding: rest.prefix(count), as: UTF8.self)
                    self.pending = Data(rest.dropFirst(count))
                    return (status, body)
                }
            }
            let piece = self.readSome()
            if piece.isEmpty { return nil }
            self.pending += piece
        }
    }

    /// Sends a GET and reads its answer.
    func get(_ path: String) -> (status: Int, body: String)? {
        self.send("GET \(path) HTTP/1.1\r\nHost: test\r\n\r\n")
        return self.readAnswer()
    }

    /// The status of one GET on a connection of its own; 0 when there was no answer.
    static func status(_ port: UInt16, _ path: String) -> Int {
        (try? RawClient(port))?.get(path)?.status ?? 0
    }
}

/// Addresses of this machine's own interface.
enum Loopback {
    static func with(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A listening socket on a free port.
    static func listen(backlog: Int32 = 512) throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0, Self.with(0, { bind(descriptor, $0, $1) }) == 0,
            Foundation.listen(descriptor, backlog) == 0
        else { throw FaultTestError("cannot listen: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}
