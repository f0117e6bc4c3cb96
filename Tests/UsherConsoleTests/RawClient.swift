import Foundation
import Glibc

/// An answer as it came over the wire.
struct Answer: Sendable {
    /// 0 when the server closed without one.
    var status = 0
    /// Names in lower case.
    var headers: [String: String] = [:]
    var body = ""

    var json: [String: Any] {
        get throws { try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:] }
    }
}

struct ClientFailure: Error {
    var step: String
    var number = errno
}

/// Sends bytes to a loopback port, on a thread of its own, and reads until the server closes.
///
/// `halfClose` tells the server that nothing follows; `onAnswer` is called when the first bytes come back.
func ask(
    _ port: Int, _ text: String, mayBeEmpty: Bool = false, halfClose: Bool = true,
    onAnswer: @escaping @Sendable () -> Void = {}
) async throws -> Answer {
    let bytes: [UInt8] = try await withCheckedThrowingContinuation { continuation in
        // A thread of its own: blocking one of the pool's would hold up the tests that run beside this one.
        Thread.detachNewThread {
            continuation.resume(with: Result { try exchange(port, Array(text.utf8), halfClose, onAnswer) })
        }
    }
    let whole = String(decoding: bytes, as: UTF8.self)
    guard let end = whole.range(of: "\r\n\r\n") else {
        guard mayBeEmpty else { throw ClientFailure(step: "no answer", number: 0) }
        return Answer()
    }
    var answer = Answer(body: String(whole[end.upperBound...]))
    let lines = whole[..<end.lowerBound].components(separatedBy: "\r\n")
    answer.status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
    for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { continue }
        answer.headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    return answer
}

private func exchange(
    _ port: Int, _ bytes: [UInt8], _ halfClose: Bool, _ onAnswer: () -> Void
) throws -> [UInt8] {
    let connection = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard connection >= 0 else { throw ClientFailure(step: "socket") }
    defer { close(connection) }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { throw ClientFailure(step: "connect") }
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
            send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        // The server may refuse and close before it has everything.
        guard count > 0 else { break }
        sent += count
    }
    if halfClose { shutdown(connection, Int32(SHUT_WR)) }
    var received: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = recv(connection, &piece, piece.count, 0)
        if count == 0 || (count < 0 && errno == ECONNRESET) { return received }
        guard count > 0 else { throw ClientFailure(step: "receive") }
        if received.isEmpty { onAnswer() }
        received += piece[..<count]
    }
}
