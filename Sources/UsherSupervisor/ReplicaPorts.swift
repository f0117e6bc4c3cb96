import Glibc
import Synchronization

/// Hands out TCP ports on which replicas may listen; none twice while it is in use.
///
/// Ports come from below the kernel's range for outgoing connections. One from inside it, as binding port 0 gives, may
/// be taken as the source of any connection while a replica restarts, even of our own connection to that very port,
/// which TCP then connects to itself.
public final class ReplicaPorts: Sendable {
    /// The ports of this process; every supervised process takes its own from here.
    public static let shared = ReplicaPorts()

    private let candidates: Range<Int>
    private let taken = Mutex<Set<Int>>([])

    public convenience init() {
        self.init(candidates: Self.belowOutgoing(Self.firstOutgoingPort()))
    }

    init(candidates: Range<Int>) {
        self.candidates = candidates
    }

    /// A port that nobody listens on, kept for the caller until `giveBack`; nil when the machine has none left.
    public func take() -> Int? {
        taken.withLock { taken in
            let offset = candidates.isEmpty ? 0 : Int.random(in: 0..<candidates.count)
            for step in 0..<candidates.count {
                let port = candidates.lowerBound + (offset + step) % candidates.count
                if !taken.contains(port), Self.bindable(port, besideOldConnections: false) == port {
                    taken.insert(port)
                    return port
                }
            }
            // A machine whose outgoing range leaves no room below it: the kernel's choice is the best there is.
            for _ in 0..<100 {
                guard let port = Self.bindable(0, besideOldConnections: false) else { return nil }
                if taken.insert(port).inserted { return port }
            }
            return nil
        }
    }

    public func giveBack(_ port: Int) {
        _ = taken.withLock { $0.remove(port) }
    }

    /// Whether a replica may listen on a port it already holds: connections of its last life do not count, as servers
    /// set SO_REUSEADDR.
    func isUsable(_ port: Int) -> Bool {
        Self.bindable(port, besideOldConnections: true) == port
    }

    /// Up to 12,000 ports that end before the first outgoing one; none when that leaves fewer than a thousand.
    static func belowOutgoing(_ first: Int) -> Range<Int> {
        let lowest = max(first - 12_000, 10_000)
        return first - lowest >= 1000 ? lowest..<first : 0..<0
    }

    /// Linux' default is 32768.
    private static func firstOutgoingPort() -> Int {
        guard let file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re") else { return 32768 }
        defer { fclose(file) }
        var text = [CChar](repeating: 0, count: 64)
        guard fgets(&text, Int32(text.count), file) != nil else { return 32768 }
        let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 }
        return Int(String(decoding: digits.map(UInt8.init(bitPattern:)), as: UTF8.self)) ?? 32768
    }

    /// The port that a socket could be bound to (another one only for 0), on every address of the machine.
    private static func bindable(_ port: Int, besideOldConnections: Bool) -> Int? {
        guard let number = UInt16(exactly: port) else { return nil }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var yes: Int32 = besideOldConnections ? 1 : 0
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = number.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        return bound ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }
}
