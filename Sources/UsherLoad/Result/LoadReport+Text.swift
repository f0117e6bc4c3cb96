/// How a report reads in a terminal.
extension LoadReport {
    /// A heading, and a line for each thing that was measured.
    package var text: String {
        let rows = rows
        let width = rows.map(\.name.count).max() ?? 0
        let lines = rows.map { row in
            "  " + row.name + String(repeating: " ", count: width - row.name.count + 2) + row.value
        }
        return ([heading] + lines).joined(separator: "\n")
    }

    /// That nobody answered, why, and what to do; nil when there were answers.
    package var silence: String? {
        guard !isAnswered else { return nil }
        guard let kind = errors.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), kind.value > 0 else {
            return "nobody was asked at \(url): the run was over before an answer came"
        }
        let reason = errorReasons[kind.key].map { ": \($0)" } ?? ""
        let advice =
            reason.hasPrefix(": TLS: the certificate")
            ? "Add --insecure to take any certificate."
            : "Look whether the server runs, and whether host, port and http or https are its own."
        return "nobody answers at \(url)\(reason)\n\(advice)"
    }

    /// `http://127.0.0.1:8080/, HTTP/1.1, 64 connections, closed loop, 10.00 s`
    package var heading: String {
        let pace = askedRate.map { "open loop at \(NumberText.rate($0))/s" } ?? "closed loop"
        let connected = connections == 1 ? "1 connection" : "\(connections) connections"
        let time = NumberText.fixed(durationSeconds, decimals: 2) + " s"
        return "\(url), \(protocolName), \(connected), \(pace), \(time)" + (isInterrupted ? ", interrupted" : "")
    }

    /// One measured thing, as it is told to a person.
    struct Row: Sendable, Hashable {
        var name: String
        var value: String
    }

    var rows: [Row] {
        var rows = [
            Row(name: "requests", value: NumberText.grouped(requests)),
            Row(name: "answers", value: "\(NumberText.rate(ratePerSecond))/s"),
            Row(name: "good answers", value: "\(NumberText.rate(goodRatePerSecond))/s"),
            Row(name: "received", value: NumberText.bytesPerSecond(bytesPerSecond)),
            Row(name: "statuses", value: Self.counts(statuses)),
            Row(name: "errors", value: errorsText),
        ]
        for (name, value) in [("p50", p50), ("p90", p90), ("p99", p99), ("p99.9", p999), ("max", maximum)] {
            rows.append(Row(name: name, value: NumberText.milliseconds(value)))
        }
        rows.append(Row(name: "mean", value: NumberText.milliseconds(mean)))
        if let hitRatio {
            rows.append(Row(name: "hit ratio", value: "\(NumberText.percent(hitRatio)) (\(Self.counts(cache)))"))
        }
        if let originRatePerSecond {
            rows.append(Row(name: "origin load", value: "\(NumberText.rate(originRatePerSecond))/s"))
        }
        return rows
    }

    private var errorsText: String {
        let parts = errors.sorted { $0.key < $1.key }.compactMap { name, count -> String? in
            guard count > 0 else { return nil }
            let reason = errorReasons[name].map { " (first: \($0))" } ?? ""
            let kind = name == "status_5xx" ? "status 5xx" : name
            return "\(kind) \(NumberText.grouped(count))\(reason)"
        }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    /// `hit 93, uri-miss 7`, most first.
    private static func counts(_ counts: [String: UInt64]) -> String {
        guard !counts.isEmpty else { return "none" }
        let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return sorted.map { "\($0.key) \(NumberText.grouped($0.value))" }.joined(separator: ", ")
    }
}
