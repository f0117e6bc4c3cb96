import UsherCore

extension ReadinessSettings {
    static var shape: Shape<ReadinessSettings> {
        Shape(
            initial: ReadinessSettings(path: ""),
            keys: [
                .value("path", \.path, .requestTarget, required: true, "What is asked for with GET; 2xx means ready."),
                .value(
                    "interval", \.interval, .duration(.milliseconds(10)...(.seconds(3600))), "Between two checks."),
                .value(
                    "timeout", \.timeout, .duration(.milliseconds(1)...(.seconds(300))),
                    "Time until the answer must be there."),
                .value("rise", \.rise, .int(1...100), "Successes in a row until a replica is ready again."),
                .value("fall", \.fall, .int(1...100), "Failures in a row until a replica is taken out."),
            ])
    }
}

extension EjectionSettings {
    static var shape: Shape<EjectionSettings> {
        Shape(
            initial: EjectionSettings(),
            keys: [
                .value("failures", \.failures, .int(1...1000), "Failures in a row that take a replica out."),
                .value(
                    "share", \.share, .share(Share(percent: 1)...Share(percent: 100)),
                    "Share of failures among a replica's latest requests that takes it out."),
                .value(
                    "for", \.duration, .duration(.milliseconds(100)...(.seconds(300))),
                    "How long it is out the first time; doubles on repetition, up to 5m."),
                .value(
                    "at-most", \.atMost, .share(Share(percent: 0)...Share(percent: 100)),
                    "The most of a service's replicas that are out for their answers at once."),
            ])
    }
}

extension Kind where Value == String {
    /// A path with an optional query, as it stands in a request line.
    static var requestTarget: Kind {
        parsed(pattern: "/.*") { text, _ throws(TextProblem) in
            guard text.hasPrefix("/") else { throw TextProblem("'\(shown(text))' must begin with /") }
            guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
                throw TextProblem("'\(shown(text))' has a space, # or a character beyond ASCII; write it as %XX")
            }
            guard text.utf8.count <= 2048 else { throw TextProblem("is longer than 2048 bytes") }
            return text
        } write: {
            $0
        }
    }
}
