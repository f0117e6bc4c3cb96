import Synchronization
import UsherCore
import UsherHTTP
import UsherReplication

/// Sessions by a cookie or header that the application sets.
///
/// Only this gateway knows what it learned, and only until it ends. A value that it does not know goes where rendezvous
/// hashing puts it, which is the same on every gateway; from then on it stays there.
struct FollowedSessions: Sendable {
    /// Where a value stands: in a cookie of this name, or in a header field of this name.
    private enum Place: Sendable {
        case cookie([UInt8])
        case header([UInt8])
    }

    /// One part of the table under a lock of its own, held for one look-up.
    private final class Shard: Sendable {
        let table: Mutex<SessionTable>

        init(capacity: Int) {
            self.table = Mutex(SessionTable(capacity: capacity))
        }
    }

    private static let shardBits: UInt64 = 4

    /// In the order in which they are tried.
    private let places: [Place]
    private let shards: [Shard]
    /// Nobody outside can know which values share a place in the table.
    private let secret: (UInt64, UInt64)

    /// - Parameter template: one place whose alternatives are cookies and headers; others are left aside.
    init(_ template: Template, capacity: Int = SessionTable.capacityDefault) {
        self.places = template.parts.flatMap { part -> [Place] in
            guard case .variables(let alternatives) = part else { return [] }
            return alternatives.compactMap { variable in
                switch variable {
                case .cookie(let name): .cookie(Array(name.utf8))
                case .header(let name): .header(Array(name.utf8))
                default: nil
                }
            }
        }
        let count = 1 << Int(Self.shardBits)
        self.shards = (0..<count).map { _ in Shard(capacity: (max(capacity, 1) + count - 1) / count) }
        var generator = SystemRandomNumberGenerator()
        self.secret = (generator.next(), generator.next())
    }

    func recognise(_ head: RequestHead, now: MonotonicTime) -> Session {
        let found = self.firstValue(in: head, .cookie) { value in
            var hasher = SessionKey.Hasher()
            hasher.append(part: value)
            return (key: hasher.finish(), tableKey: SessionTable.Key(value: value, secret: self.secret))
        }
        guard let found else { return Session() }
        let wanted = self.shard(of: found.tableKey).table.withLock { $0.endpoint(of: found.tableKey, now: now) }
        return Session(key: found.key, wanted: wanted, tableKey: found.tableKey)
    }

    func learn(_ session: Session, from head: ResponseHead, tag: EndpointTag, now: MonotonicTime) {
        if let key = session.tableKey, session.wanted != tag {
            self.shard(of: key).table.withLock { $0.learn(key, endpoint: tag, now: now) }
        }
        let named = self.firstValue(in: head, .setCookie) { SessionTable.Key(value: $0, secret: self.secret) }
        // An application that repeats its cookie in every answer has said nothing new.
        if let named, named != session.tableKey {
            self.shard(of: named).table.withLock { $0.learn(named, endpoint: tag, now: now) }
        }
    }

    var count: Int {
        self.shards.reduce(0) { $0 + $1.table.withLock { $0.count } }
    }

    private func shard(of key: SessionTable.Key) -> Shard {
        // The count is a power of two; the table uses the other word.
        self.shards[Int(truncatingIfNeeded: key.high &>> (64 &- Self.shardBits))]
    }

    /// Calls `body` with the first value that is present and not empty.
    private func firstValue<Value>(
        in head: some MessageHead, _ field: HeaderID, _ body: (Span<UInt8>) -> Value
    ) -> Value? {
        for place in self.places {
            switch place {
            case .header(let name):
                if let slice = head.first(named: name.span), !slice.isEmpty { return head.withBytes(slice, body) }
            case .cookie(let name):
                guard head.known.contains(field) else { continue }
                for line in head.fields where line.id == field {
                    let value = head.withBytes(line.value) { bytes in
                        Self.cookie(name, in: bytes, isSet: field == .setCookie).map { range in
                            body(bytes.extracting(range))
                        }
                    }
                    if let value { return value }
                }
            }
        }
        return nil
    }

    /// Where a value of a cookie stands that is not empty.
    private static func cookie(_ name: [UInt8], in field: Span<UInt8>, isSet: Bool) -> Range<Int>? {
        if isSet { return CookieReader.set(name, in: field).flatMap { $0.isEmpty ? nil : $0 } }
        var reader = CookieReader()
        while let value = reader.next(named: name, in: field) {
            if !value.isEmpty { return value }
        }
        return nil
    }
}
