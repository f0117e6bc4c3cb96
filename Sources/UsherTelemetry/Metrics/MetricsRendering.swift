/// What `/metrics` says beside the workers' counters.
package struct ProcessMetrics: Sendable {
    /// Usher's version.
    package var version: String
    /// Event loops that serve requests.
    package var workers: Int
    /// What the access log's writer has counted; the lines it dropped are added to those that the workers dropped.
    package var accessLog: AccessLogCounts
    /// CPU, memory and files; nil leaves those families out.
    package var usage: ProcessUsage?

    package init(
        version: String, workers: Int, accessLog: AccessLogCounts = AccessLogCounts(), usage: ProcessUsage? = nil
    ) {
        self.version = version
        self.workers = workers
        self.accessLog = accessLog
        self.usage = usage
    }
}

/// The whole answer of `/metrics`; `readiness` is by service and endpoint, a missing entry counts as not ready.
package func renderPrometheus(
    _ metrics: WorkerMetrics, names: MetricNames, readiness: [[Bool]], process: ProcessMetrics
) -> String {
    var text = PrometheusText()
    renderRequests(metrics, names, to: &text)
    renderConnections(metrics, to: &text)
    renderEndpoints(metrics, names, readiness, to: &text)
    renderServices(metrics, names, to: &text)
    renderProcess(metrics, process, to: &text)
    return text.text
}

/// What stands for a route or a service that a request did not have.
private let nobody = "-"

private func renderRequests(_ metrics: WorkerMetrics, _ names: MetricNames, to text: inout PrometheusText) {
    var used: [(labels: [String], counted: RouteMetrics)] = []
    for route in -1..<min(metrics.routeCount, names.routes.count) {
        for service in -1..<min(metrics.serviceCount, names.services.count) {
            guard let counted = metrics.pair(route: route, service: service) else { continue }
            used.append(
                ([service < 0 ? nobody : names.services[service], route < 0 ? nobody : names.routes[route]], counted))
        }
    }
    text.family(MetricCatalogue.requests)
    for (labels, counted) in used {
        for code in StatusClass.allCases where counted.codes[code.rawValue] > 0 {
            text.sample(MetricCatalogue.requests, labels + [code.label], "\(counted.codes[code.rawValue])")
        }
    }
    text.family(MetricCatalogue.requestDuration)
    for (labels, counted) in used { text.histogram(MetricCatalogue.requestDuration, labels, counted.duration) }
    text.family(MetricCatalogue.receivedBytes)
    for (labels, counted) in used { text.sample(MetricCatalogue.receivedBytes, labels, "\(counted.receivedBytes)") }
    text.family(MetricCatalogue.sentBytes)
    for (labels, counted) in used { text.sample(MetricCatalogue.sentBytes, labels, "\(counted.sentBytes)") }
    text.family(MetricCatalogue.refusedRequests)
    for (place, status) in RefusedStatus.all.enumerated() {
        text.sample(MetricCatalogue.refusedRequests, ["\(status)"], "\(metrics.refusedRequests[place])")
    }
}

private func renderConnections(_ metrics: WorkerMetrics, to text: inout PrometheusText) {
    text.single(MetricCatalogue.clientConnections, "\(metrics.clientConnections)")
    text.single(MetricCatalogue.clientConnectionsAccepted, "\(metrics.clientConnectionsTotal)")
    text.family(MetricCatalogue.clientConnectionsRefused)
    for reason in ConnectionRefusal.allCases {
        text.sample(
            MetricCatalogue.clientConnectionsRefused, [reason.label], "\(metrics.refusedConnections[reason.rawValue])")
    }
}

private func renderEndpoints(
    _ metrics: WorkerMetrics, _ names: MetricNames, _ readiness: [[Bool]], to text: inout PrometheusText
) {
    var known: [(labels: [String], counted: EndpointMetrics, ready: Bool)] = []
    for (service, endpoints) in zip(names.services.indices, names.endpoints) {
        for (endpoint, name) in endpoints.enumerated() {
            let counted = metrics.endpoint(service: service, endpoint: endpoint) ?? EndpointMetrics()
            let ready =
                readiness.indices.contains(service) && readiness[service].indices.contains(endpoint)
                && readiness[service][endpoint]
            known.append(([names.services[service], name], counted, ready))
        }
    }
    text.family(MetricCatalogue.endpointRequests)
    for (labels, counted, _) in known {
        for outcome in TryOutcome.allCases {
            text.sample(
                MetricCatalogue.endpointRequests, labels + [outcome.label], "\(counted.outcomes[outcome.rawValue])")
        }
    }
    text.family(MetricCatalogue.endpointDuration)
    for (labels, counted, _) in known { text.histogram(MetricCatalogue.endpointDuration, labels, counted.duration) }
    let plain: [(MetricDefinition, (EndpointMetrics) -> String)] = [
        (MetricCatalogue.endpointSentBytes, { "\($0.sentBytes)" }),
        (MetricCatalogue.endpointReceivedBytes, { "\($0.receivedBytes)" }),
        (MetricCatalogue.endpointInFlight, { "\($0.inFlight)" }),
        (MetricCatalogue.endpointConnections, { "\($0.connections)" }),
        (MetricCatalogue.endpointConnects, { "\($0.connects)" }),
    ]
    for (metric, value) in plain {
        text.family(metric)
        for (labels, counted, _) in known { text.sample(metric, labels, value(counted)) }
    }
    text.family(MetricCatalogue.endpointReady)
    for (labels, _, ready) in known { text.sample(MetricCatalogue.endpointReady, labels, ready ? "1" : "0") }
}

private func renderServices(_ metrics: WorkerMetrics, _ names: MetricNames, to text: inout PrometheusText) {
    let plain: [(MetricDefinition, (ServiceMetrics) -> String)] = [
        (MetricCatalogue.retries, { "\($0.retries)" }),
        (MetricCatalogue.retriesRefused, { "\($0.retriesRefused)" }),
        (MetricCatalogue.noReplica, { "\($0.noReplica)" }),
        (MetricCatalogue.queueFull, { "\($0.queueFull)" }),
        (MetricCatalogue.queueLength, { "\($0.queueLength)" }),
    ]
    for (metric, value) in plain {
        text.family(metric)
        for (service, name) in names.services.enumerated() {
            let counted = metrics.services.indices.contains(service) ? metrics.services[service] : ServiceMetrics()
            text.sample(metric, [name], value(counted))
        }
    }
}

private func renderProcess(_ metrics: WorkerMetrics, _ process: ProcessMetrics, to text: inout PrometheusText) {
    let dropped = metrics.accessLogDropped.addingSaturating(process.accessLog.droppedLines)
    text.single(MetricCatalogue.accessLogLines, "\(process.accessLog.writtenLines)")
    text.single(MetricCatalogue.accessLogDropped, "\(dropped)")
    text.single(MetricCatalogue.workers, "\(process.workers)")
    text.family(MetricCatalogue.build)
    text.sample(MetricCatalogue.build, [process.version], "1")
    guard let usage = process.usage else { return }
    text.single(MetricCatalogue.processCPU, PrometheusText.seconds(usage.cpuNanoseconds))
    text.single(MetricCatalogue.processMemory, "\(usage.residentBytes)")
    text.single(MetricCatalogue.processStart, PrometheusText.seconds(usage.startedUnixNanoseconds))
    text.single(MetricCatalogue.processOpenFiles, "\(usage.openFiles)")
    text.single(MetricCatalogue.processFileLimit, "\(usage.fileLimit)")
}

extension PrometheusText {
    /// A family of one sample without labels.
    fileprivate mutating func single(_ metric: MetricDefinition, _ value: String) {
        family(metric)
        sample(metric, [], value)
    }
}
