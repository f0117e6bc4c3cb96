internal import UsherCore
public import UsherHTTP

/// What one class of callers may use: up to four windows that all must have room.
public final class QuotaLimit: Sendable {
    /// Of the quota; `[a-zA-Z0-9_-]`.
    public let name: String
    /// Never empty.
    public let windows: [QuotaWindow]
    /// For each window what stands before its remainder in `X-RateLimit-Remaining`: the line before it, too.
    private let remainders: [[UInt8]]
    /// `RateLimit-Policy`, and `RateLimit` up to the first number.
    private let policy: [UInt8]
    /// What stands before the numbers of the other windows in `RateLimit`: `, "public-1h";r=`.
    private let labels: [[UInt8]]

    /// - Precondition: there is a window. More than `windowsMaximum` are left out; the configuration's reader refuses
    ///   them.
    public init(name: String, windows: [QuotaWindow]) {
        precondition(!windows.isEmpty, "a limit needs a window")
        let windows = Array(windows.prefix(Self.windowsMaximum))
        self.name = name
        self.windows = windows
        let suffixes = windows.map(\.policySuffix)
        let names = windows.indices.map { index in
            guard windows.count > 1 else { return "\"\(name)\"" }
            let isUnique = suffixes.count { $0 == suffixes[index] } == 1
            return "\"\(name)-\(isUnique ? suffixes[index] : "\(windows[index].rate)-\(windows[index].burst)")\""
        }
        let policies = zip(names, windows).map { label, window in
            "\(label);q=\(window.burst);w=\(Self.seconds(window.span))"
        }
        remainders = windows.map { Array("X-RateLimit-Limit: \($0.burst)\r\nX-RateLimit-Remaining: ".utf8) }
        let lines = "\r\nRateLimit-Policy: \(policies.joined(separator: ", "))\r\nRateLimit: \(names.first ?? "");r="
        policy = Array(lines.utf8)
        labels = names.map { Array(", \($0);r=".utf8) }
        // A number has at most 20 digits.
        fieldsCount = 160 + policy.count + labels.reduce(0) { $0 + $1.count + 48 }
    }

    /// The window with the least left, which is what may be used now; of equal ones the one that needs longest.
    func tightest(_ debts: QuotaDebts) -> Int {
        if windows.count == 1 { return 0 }
        var tightest = 0
        for index in windows.indices.dropFirst() {
            let left = windows[index].remaining(debt: debts[index])
            let least = windows[tightest].remaining(debt: debts[tightest])
            if left < least || left == least && debts[index] > debts[tightest] { tightest = index }
        }
        return tightest
    }

    /// What is left of the tightest window.
    public func left(_ debts: QuotaDebts) -> Int {
        let tightest = tightest(debts)
        return windows[tightest].remaining(debt: debts[tightest])
    }

    /// Bytes that `writeFields` needs at most.
    let fieldsCount: Int

    /// The fields that tell callers what is left, each line with its CR LF: `X-RateLimit-*` of the tightest window, in
    /// the form that most clients know; `RateLimit-Policy` and `RateLimit` of all
    /// (draft-ietf-httpapi-ratelimit-headers-11).
    func writeFields(_ debts: QuotaDebts, to writer: inout HeadWriter) {
        let tightest = tightest(debts)
        writer.write(remainders[tightest])
        writer.write(decimal: windows[tightest].remaining(debt: debts[tightest]))
        writer.write("\r\nX-RateLimit-Reset: ")
        writer.write(decimal: Self.seconds(debts[tightest]))
        writer.write(policy)
        for index in windows.indices {
            if index > 0 { writer.write(labels[index]) }
            writer.write(decimal: windows[index].remaining(debt: debts[index]))
            writer.write(";t=")
            writer.write(decimal: Self.seconds(debts[index]))
        }
        writer.write("\r\n")
    }
}

/// What one answer says of its caller's quota.
public struct RateLimitFields: Sendable {
    private let limit: QuotaLimit
    private let debts: QuotaDebts

    public init(_ limit: QuotaLimit, _ debts: QuotaDebts) {
        self.limit = limit
        self.debts = debts
    }

    /// Bytes that `write` needs at most.
    public var count: Int { limit.fieldsCount }

    /// Writes whole lines, each with its CR LF.
    public func write(to writer: inout HeadWriter) {
        limit.writeFields(debts, to: &writer)
    }
}

extension QuotaWindow {
    /// `1s`, `1min`, `1h`, `1d`, with the burst behind it where it is not the rate's.
    fileprivate var policySuffix: String {
        let unit = "\(Rate(count: 1, per: rate.per))".split(separator: "/").last.map(String.init) ?? ""
        return burst == rate.count ? "1\(unit)" : "1\(unit)-\(burst)"
    }
}
