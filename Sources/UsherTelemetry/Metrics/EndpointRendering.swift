/// The families that have a line or more for each endpoint.
func renderEndpoints(_ metrics: WorkerMetrics, _ control: ControlMetrics, to text: inout PrometheusText) {
    let known = EndpointRow.all(metrics, control)
    text.family(MetricCatalogue.endpointRequests)
    for row in known {
        for outcome in TryOutcome.allCases {
            text.sample(
                MetricCatalogue.endpointRequests, row.labels, last: outcome.label,
                "\(row.counted.outcomes[outcome.rawValue])")
        }
    }
    text.family(MetricCatalogue.endpointDuration)
    for row in known where row.isUsed {
        text.histogram(MetricCatalogue.endpointDuration, row.labels, row.counted.duration)
    }
    for (metric, value) in endpointValues {
        text.family(metric)
        for row in known { text.sample(metric, row.labels, value(row.counted)) }
    }
    text.family(MetricCatalogue.endpointReady)
    for row in known {
        text.sample(MetricCatalogue.endpointReady, row.labels, row.standing?.isReady == true ? "1" : "0")
    }
    text.family(MetricCatalogue.endpointState)
    for row in known {
        for state in EndpointState.allCases {
            text.sample(
                MetricCatalogue.endpointState, row.labels, last: state.rawValue,
                row.standing?.state == state ? "1" : "0")
        }
    }
}

/// The families with one plain number for each endpoint.
private let endpointValues: [(MetricDefinition, @Sendable (EndpointMetrics) -> String)] = [
    (MetricCatalogue.endpointSentBytes, { "\($0.sentBytes)" }),
    (MetricCatalogue.endpointReceivedBytes, { "\($0.receivedBytes)" }),
    (MetricCatalogue.endpointInFlight, { "\($0.inFlight)" }),
    (MetricCatalogue.endpointConnections, { "\($0.connections)" }),
    (MetricCatalogue.endpointConnects, { "\($0.connects)" }),
    (MetricCatalogue.endpointUnaskedAnswers, { "\($0.unaskedAnswers)" }),
    (MetricCatalogue.tunnels, { "\($0.tunnels)" }),
    (MetricCatalogue.tunnelsOpened, { "\($0.tunnelsOpened)" }),
    (MetricCatalogue.tunnelReceivedBytes, { "\($0.tunnelReceivedBytes)" }),
    (MetricCatalogue.tunnelSentBytes, { "\($0.tunnelSentBytes)" }),
]

/// One endpoint of the names, with what workers and control plane know of it.
private struct EndpointRow {
    let labels: PrometheusLabels
    let counted: EndpointMetrics
    let isUsed: Bool
    let standing: ControlMetrics.Endpoint?

    static func all(_ metrics: WorkerMetrics, _ control: ControlMetrics) -> [EndpointRow] {
        var rows: [EndpointRow] = []
        for (service, name) in metrics.names.services.enumerated() {
            guard let endpoints = metrics.names.endpoints.element(service) else { continue }
            let standings = control.services.element(service)?.endpoints ?? []
            for (endpoint, address) in endpoints.enumerated() {
                let counted = metrics.endpoints[service][endpoint]
                rows.append(
                    EndpointRow(
                        labels: PrometheusLabels(["service": name, "endpoint": address]),
                        counted: counted ?? EndpointMetrics(), isUsed: (counted?.requests ?? 0) > 0,
                        standing: standings.element(endpoint)))
            }
        }
        return rows
    }
}
