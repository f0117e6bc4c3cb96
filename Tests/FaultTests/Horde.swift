import Foundation
import Testing
import UsherTestKit

/// Many hostile connections at once that send and read without ever waiting for one another.
final class Horde {
    /// One connection, and what it got.
    struct Member: CustomTestStringConvertible {
        let client: RawClient
        let index: Int
        fileprivate var unsent: ArraySlice<UInt8> = []
        fileprivate var pieces = 0
        fileprivate var isSilent = false
        fileprivate var isDeaf = false
        fileprivate var received: ArraySlice<UInt8> = []
        /// Usher closed it.
        fileprivate(set) var isClosed = false
        fileprivate(set) var sentBytes = 0
        fileprivate(set) var receivedBytes = 0
        /// Frames by their kind.
        fileprivate(set) var frames: [UInt8: Int] = [:]
        /// Streams that Usher has reset, in that order.
        fileprivate(set) var resets: [UInt32] = []
        /// By how much Usher has opened the windows of streams, and of the connection (0).
        fileprivate(set) var opened: [UInt32: Int] = [:]
        /// The first GOAWAY that says more than farewell, as in `HTTP2RawFrame`: `GOAWAY 5 ENHANCE_YOUR_CALM`.
        fileprivate(set) var goAway: String?

        var testDescription: String {
            "connection \(self.index): \(self.isClosed ? "closed" : "open"), \(self.sentBytes) bytes sent, "
                + "\(self.receivedBytes) received, frames \(self.frames), resets \(self.resets), "
                + "\(self.goAway ?? "no GOAWAY")"
        }
    }

    private(set) var members: [Member]

    init(_ count: Int, _ connect: () throws -> RawClient) throws {
        self.members = try (0..<count).map { Member(client: try connect(), index: $0) }
    }

    /// How many were told `code` in a GOAWAY.
    func told(_ code: String) -> Int { self.members.count { $0.goAway?.hasSuffix(code) == true } }
    var closed: Int { self.members.count { $0.isClosed } }
    var sentBytes: Int { self.members.reduce(0) { $0 + $1.sentBytes } }

    /// Sends the same pieces, one after the other, on every connection, as fast as each takes them.
    ///
    /// - Parameter piece: by its number; nil: there are no more.
    func play(
        within limit: Duration = .seconds(10), reads: Bool = true, until isOver: (Member) -> Bool = { $0.isClosed },
        _ piece: (Int) -> [UInt8]?
    ) {
        var pieces: [[UInt8]?] = []
        self.playEach(within: limit, reads: reads, until: isOver) { _, number in
            while pieces.count <= number { pieces.append(piece(pieces.count)) }
            return pieces[number]
        }
    }

    /// Sends pieces of its own on every connection.
    ///
    /// - Parameters:
    ///   - limit: ends it in any case.
    ///   - reads: false: nothing that Usher says is taken.
    ///   - isOver: a connection that need not go on; by default one that Usher has closed.
    ///   - piece: by its number; nil: there is nothing to send until Usher says more.
    func playEach(
        within limit: Duration = .seconds(10), reads: Bool = true, until isOver: (Member) -> Bool = { $0.isClosed },
        _ piece: (Member, Int) -> [UInt8]?
    ) {
        let deadline = ContinuousClock.now.advanced(by: limit)
        for index in self.members.indices {
            self.members[index].pieces = 0
            self.members[index].isSilent = false
        }
        while ContinuousClock.now < deadline {
            let open = self.members.indices.filter { !self.members[$0].isClosed }
            if open.allSatisfy({ isOver(self.members[$0]) }) { return }
            var polls = open.map { index -> pollfd in
                let member = self.members[index]
                let writes = member.isSilent || member.isDeaf ? 0 : Int32(POLLOUT)
                let events = Int16(writes | (reads ? Int32(POLLIN) : 0))
                return pollfd(fd: member.client.descriptor, events: events, revents: 0)
            }
            guard poll(&polls, nfds_t(polls.count), 20) > 0 else { continue }
            for (index, found) in zip(open, polls) where found.revents != 0 {
                if Int32(found.revents) & ~Int32(POLLOUT) != 0 { self.read(index) }
                let isWritable = found.events & found.revents & Int16(POLLOUT) != 0
                guard isWritable, !self.members[index].isClosed else { continue }
                self.write(index, piece)
            }
        }
    }

    private func write(_ index: Int, _ piece: (Member, Int) -> [UInt8]?) {
        if self.members[index].unsent.isEmpty {
            guard let next = piece(self.members[index], self.members[index].pieces) else {
                self.members[index].isSilent = true
                return
            }
            self.members[index].pieces += 1
            self.members[index].unsent = next[...]
        }
        let unsent = self.members[index].unsent
        let count = unsent.withUnsafeBytes { bytes in
            Foundation.send(
                self.members[index].client.descriptor, bytes.baseAddress, bytes.count,
                Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        if count > 0 {
            self.members[index].unsent = unsent.dropFirst(count)
            self.members[index].sentBytes += count
        } else if count < 0, errno != EAGAIN {
            // Nobody takes more; what was said last may still be there to be read.
            self.members[index].isDeaf = true
        }
    }

    private func read(_ index: Int) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(self.members[index].client.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count > 0 else {
            if count == 0 || errno != EAGAIN { self.members[index].isClosed = true }
            return
        }
        self.members[index].receivedBytes += count
        self.members[index].isSilent = false
        var received = self.members[index].received + buffer[..<count]
        while let frame = HTTP2RawFrame(takingFrom: &received) {
            self.members[index].frames[frame.type, default: 0] += 1
            switch frame.type {
            case HTTP2Wire.Kind.reset:
                self.members[index].resets.append(frame.stream)
            case HTTP2Wire.Kind.windowUpdate:
                let increment = frame.payload.reduce(0) { $0 << 8 | Int($1) }
                self.members[index].opened[frame.stream, default: 0] += increment
            case HTTP2Wire.Kind.goAway where !frame.description.hasSuffix(" NO_ERROR"):
                self.members[index].goAway = self.members[index].goAway ?? frame.description
            default:
                break
            }
        }
        self.members[index].received = received
    }
}

extension RawClient {
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int { self.send(Data(bytes)) }
}
