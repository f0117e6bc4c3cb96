/// Writes Prometheus' text format 0.0.4: HELP and TYPE once a family, label values escaped.
struct PrometheusText {
    private(set) var text = ""

    /// Begins a family; its samples follow.
    mutating func family(_ metric: MetricDefinition) {
        text += "# HELP \(metric.name) \(Self.escapedHelp(metric.meaning))\n"
        text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
    }

    mutating func sample(_ metric: MetricDefinition, _ labels: [String], _ value: String) {
        text += metric.name
        appendLabels(metric.labels, labels)
        text += " \(value)\n"
    }

    mutating func histogram(_ metric: MetricDefinition, _ labels: [String], _ histogram: borrowing LatencyHistogram) {
        var below: UInt64 = 0
        for (bucket, bound) in (LatencyHistogram.boundLabels + ["+Inf"]).enumerated() {
            below = below.addingSaturating(histogram.counts[bucket])
            text += metric.name + "_bucket"
            appendLabels(metric.labels + ["le"], labels + [bound])
            text += " \(below)\n"
        }
        text += metric.name + "_sum"
        appendLabels(metric.labels, labels)
        text += " \(Self.seconds(histogram.sumNanoseconds))\n"
        text += metric.name + "_count"
        appendLabels(metric.labels, labels)
        text += " \(below)\n"
    }

    /// Nanoseconds as seconds, exact: no rounding through floating point.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, part) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let digits = String(part)
        return "\(whole)." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    private mutating func appendLabels(_ names: [String], _ values: [String]) {
        guard !names.isEmpty else { return }
        text += "{"
        var first = true
        for (name, value) in zip(names, values) {
            if !first { text += "," }
            first = false
            text += name + "=\""
            appendEscaped(value)
            text += "\""
        }
        text += "}"
    }

    private mutating func appendEscaped(_ value: String) {
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    private static func escapedHelp(_ help: String) -> String {
        var escaped = ""
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
