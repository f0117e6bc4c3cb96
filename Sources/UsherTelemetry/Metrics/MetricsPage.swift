/// The text of `docs/metrics.md`.
package func metricsPage() -> String {
    var page = """
        # Metrics

        `GET /metrics` on the admin address gives these in Prometheus' text format 0.0.4. Made from
        `Sources/UsherTelemetry/Metrics/MetricCatalogue.swift`; a test keeps both the same.

        Where a request had no service or no route, the label is `-`. Labels take their values from the configuration
        and from closed lists, never from a request.

        | name | type | unit | labels | meaning |
        | --- | --- | --- | --- | --- |

        """
    for metric in MetricCatalogue.all {
        let labels = metric.labels.map { "`\($0)`" }.joined(separator: ", ")
        page += "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.unit) | \(labels) | \(metric.meaning) |\n"
    }
    page += "\nThe closed lists:\n\n"
    for (label, metric, values) in closedLists {
        let place = metric.map { " of `\($0.name)`" } ?? ""
        page += "- `\(label)`\(place): " + values.map { "`\($0)`" }.joined(separator: ", ") + "\n"
    }
    return page
}

/// Labels whose values are the same everywhere, each with its metric where others use the same word.
private var closedLists: [(label: String, metric: MetricDefinition?, values: [String])] {
    [
        ("code", nil, StatusClass.allCases.map(\.label)),
        ("outcome", MetricCatalogue.endpointRequests, TryOutcome.allCases.map(\.label)),
        ("outcome", MetricCatalogue.sessions, SessionOutcome.allCases.map { "\($0.label)" }),
        ("outcome", MetricCatalogue.resolutions, DiscoveryCounts().labelled.map(\.label)),
        ("outcome", MetricCatalogue.reloads, ReloadCounts().labelled.map(\.label)),
        ("reason", MetricCatalogue.clientConnectionsRefused, ConnectionRefusal.allCases.map(\.label)),
        ("reason", MetricCatalogue.ejections, EjectionCounts().labelled.map(\.label)),
        ("state", nil, EndpointState.allCases.map(\.rawValue)),
        ("status", nil, RefusedStatus.all.map(String.init)),
        ("le", nil, LatencyHistogram.boundLabels + ["+Inf"]),
    ]
}
