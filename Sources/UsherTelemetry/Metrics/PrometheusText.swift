/// Writes Prometheus' text format 0.0.4: HELP and TYPE once a family, label values escaped.
struct PrometheusText {
    private(set) var text = ""

    /// Begins a family; its samples follow.
    mutating func family(_ metric: MetricDefinition) {
        text += "# HELP \(metric.name) \(Self.escapedHelp(metric.meaning))\n"
        text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
    }

    /// One line; `last` is the value of the metric's last label where that is not among the labels given.
    mutating func sample(
        _ metric: MetricDefinition, _ labels: PrometheusLabels, last: String? = nil, _ value: String
    ) {
        text += metric.name
        append(labels, last.map { (metric.labels.last ?? "", $0) })
        text += value
        text += "\n"
    }

    mutating func histogram(_ metric: MetricDefinition, _ labels: PrometheusLabels, _ histogram: LatencyHistogram) {
        var below: UInt64 = 0
        for bucket in histogram.counts.indices {
            below = below.addingSaturating(histogram.counts[bucket])
            text += metric.name
            text += "_bucket"
            append(labels, ("le", Self.bucketLabels[bucket]))
            text += "\(below)\n"
        }
        text += metric.name
        text += "_sum"
        append(labels, nil)
        text += Self.seconds(histogram.sumNanoseconds)
        text += "\n"
        text += metric.name
        text += "_count"
        append(labels, nil)
        text += "\(below)\n"
    }

    private static let bucketLabels = LatencyHistogram.boundLabels + ["+Inf"]

    /// Nanoseconds as seconds, exact: no rounding through floating point.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let (whole, part) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let digits = String(part)
        return "\(whole)." + String(repeating: "0", count: 9 - digits.count) + digits
    }

    /// Labels in braces, if there are any, and the space before the value. What `last` says needs no escaping.
    private mutating func append(_ labels: PrometheusLabels, _ last: (name: String, value: String)?) {
        if !labels.text.isEmpty || last != nil {
            text += "{"
            text += labels.text
            if let last {
                if !labels.text.isEmpty { text += "," }
                text += last.name
                text += "=\""
                text += last.value
                text += "\""
            }
            text += "}"
        }
        text += " "
    }

    /// A family of one sample without labels.
    mutating func single(_ metric: MetricDefinition, _ value: String) {
        family(metric)
        sample(metric, .none, value)
    }

    /// One line for each value of the metric's last label.
    mutating func counts(
        _ metric: MetricDefinition, _ labels: PrometheusLabels, _ counts: [(label: String, count: UInt64)]
    ) {
        for (label, count) in counts { sample(metric, labels, last: label, "\(count)") }
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

/// Labels as they stand between the braces, made once for all the lines they are in.
struct PrometheusLabels {
    private(set) var text = ""

    static let none = PrometheusLabels([:])

    init(_ labels: KeyValuePairs<String, String>) {
        for (name, value) in labels {
            if !text.isEmpty { text += "," }
            text += name + "=\""
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.unicodeScalars.append(scalar)
                }
            }
            text += "\""
        }
    }
}
