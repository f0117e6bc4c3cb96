/// What `/metrics` says of the process, beside what workers and control plane count.
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

/// The whole answer of `/metrics`, from all workers' counters together.
package func renderPrometheus(_ metrics: WorkerMetrics, control: ControlMetrics, process: ProcessMetrics) -> String {
    var text = PrometheusText()
    renderRequests(metrics, to: &text)
    renderConnections(metrics, to: &text)
    renderTLS(metrics, control, to: &text)
    renderCallers(metrics, control, to: &text)
    renderCaches(metrics, control, to: &text)
    renderShards(control, to: &text)
    renderEndpoints(metrics, control, to: &text)
    renderServices(metrics, control, to: &text)
    renderReloads(control, to: &text)
    renderProcess(metrics, process, to: &text)
    return text.text
}

/// What stands for a route or a service that a request did not have.
private let nobody = "-"

private func renderRequests(_ metrics: WorkerMetrics, to text: inout PrometheusText) {
    let names = metrics.names
    let pairs = metrics.routes.pairs.sorted { ($0.route, $0.service) < ($1.route, $1.service) }
    let used = pairs.map { pair in
        let labels = PrometheusLabels([
            "service": names.services.indices.contains(pair.service) ? names.services[pair.service] : nobody,
            "route": names.routes.indices.contains(pair.route) ? names.routes[pair.route] : nobody,
        ])
        return (labels: labels, counted: pair.counted)
    }
    text.family(MetricCatalogue.requests)
    for (labels, counted) in used {
        for code in StatusClass.allCases where counted.codes[code.rawValue] > 0 {
            text.sample(MetricCatalogue.requests, labels, last: code.label, "\(counted.codes[code.rawValue])")
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
        text.sample(MetricCatalogue.refusedRequests, .none, last: "\(status)", "\(metrics.refusedRequests[place])")
    }
}

private func renderConnections(_ metrics: WorkerMetrics, to text: inout PrometheusText) {
    text.single(MetricCatalogue.clientConnections, "\(metrics.clientConnections)")
    text.single(MetricCatalogue.clientConnectionsAccepted, "\(metrics.clientConnectionsTotal)")
    text.family(MetricCatalogue.clientConnectionsRefused)
    for reason in ConnectionRefusal.allCases {
        text.sample(
            MetricCatalogue.clientConnectionsRefused, .none, last: reason.label,
            "\(metrics.refusedConnections[reason.rawValue])")
    }
}

private func renderTLS(_ metrics: WorkerMetrics, _ control: ControlMetrics, to text: inout PrometheusText) {
    text.family(MetricCatalogue.handshakes)
    for end in HandshakeEnd.allCases {
        text.sample(MetricCatalogue.handshakes, .none, last: end.label, "\(metrics.handshakes[end.rawValue])")
    }
    text.single(MetricCatalogue.http2Failures, "\(metrics.http2Failures)")
    let rows = control.certificates.map { certificate in
        (labels: PrometheusLabels(["used_by": certificate.usedBy, "certificate": certificate.file]), certificate)
    }
    text.family(MetricCatalogue.certificateExpiry)
    for (labels, certificate) in rows {
        guard let seconds = certificate.secondsLeft else { continue }
        // Rounded down, so that it is negative as soon as it has expired.
        let hundredths = (Double(seconds) / 864).rounded(.down)
        text.sample(MetricCatalogue.certificateExpiry, labels, "\(hundredths / 100)")
    }
    text.family(MetricCatalogue.certificateProblem)
    for (labels, certificate) in rows {
        text.sample(MetricCatalogue.certificateProblem, labels, certificate.hasProblem ? "1" : "0")
    }
    text.family(MetricCatalogue.certificateReloads)
    for (labels, certificate) in rows {
        text.counts(
            MetricCatalogue.certificateReloads, labels,
            [("applied", certificate.replaced), ("refused", certificate.refused)])
    }
}

private func renderCallers(_ metrics: WorkerMetrics, _ control: ControlMetrics, to text: inout PrometheusText) {
    text.family(MetricCatalogue.authentications)
    for kind in CredentialKind.allCases {
        text.counts(
            MetricCatalogue.authentications, PrometheusLabels(["method": "\(kind.label)"]),
            [
                ("accepted", metrics.credentialsAccepted[kind.rawValue]),
                ("rejected", metrics.credentialsRejected[kind.rawValue]),
            ])
    }
    text.single(MetricCatalogue.shedRequests, "\(metrics.shedRequests)")
    text.family(MetricCatalogue.quotaRequests)
    for (quota, name) in metrics.names.quotas.enumerated() {
        for (callerClass, className) in metrics.names.classes.enumerated() {
            let counts = metrics.quotas[quota, callerClass]
            let labels = PrometheusLabels(["quota": name, "class": className])
            text.counts(
                MetricCatalogue.quotaRequests, labels,
                QuotaOutcome.allCases.map { ("\($0.label)", counts[$0.rawValue]) }.filter { $0.1 > 0 })
        }
    }
    let rows = control.quotas.map { (labels: PrometheusLabels(["quota": $0.name]), quota: $0) }
    text.family(MetricCatalogue.quotaStoreUp)
    for (labels, quota) in rows {
        guard let isUp = quota.isStoreUp else { continue }
        text.sample(MetricCatalogue.quotaStoreUp, labels, isUp ? "1" : "0")
    }
    text.family(MetricCatalogue.quotaEvictions)
    for (labels, quota) in rows { text.sample(MetricCatalogue.quotaEvictions, labels, "\(quota.evictions)") }
    text.family(MetricCatalogue.quotaMemory)
    for (labels, quota) in rows { text.sample(MetricCatalogue.quotaMemory, labels, "\(quota.memory)") }
}

private func renderCaches(_ metrics: WorkerMetrics, _ control: ControlMetrics, to text: inout PrometheusText) {
    text.family(MetricCatalogue.cacheRequests)
    for (cache, name) in metrics.names.caches.enumerated() {
        text.counts(
            MetricCatalogue.cacheRequests, PrometheusLabels(["cache": name]),
            CacheOutcome.allCases.map { ("\($0.label)", metrics.cache(cache, outcome: $0)) }.filter { $0.1 > 0 })
    }
    let rows = control.caches.map { (labels: PrometheusLabels(["cache": $0.name]), cache: $0) }
    text.family(MetricCatalogue.cacheAnswers)
    for (labels, cache) in rows { text.sample(MetricCatalogue.cacheAnswers, labels, "\(cache.answers)") }
    text.family(MetricCatalogue.cacheMemory)
    for (labels, cache) in rows { text.sample(MetricCatalogue.cacheMemory, labels, "\(cache.memory)") }
    text.family(MetricCatalogue.cacheEvictions)
    for (labels, cache) in rows { text.sample(MetricCatalogue.cacheEvictions, labels, "\(cache.evictions)") }
}

private func renderServices(_ metrics: WorkerMetrics, _ control: ControlMetrics, to text: inout PrometheusText) {
    let rows = zip(metrics.names.services, metrics.services).enumerated().map { service, pair in
        let (name, counted) = pair
        return (
            labels: PrometheusLabels(["service": name]), counted: counted,
            control: control.services.element(service) ?? ControlMetrics.Service()
        )
    }
    let plain: [(MetricDefinition, (ServiceMetrics) -> String)] = [
        (MetricCatalogue.retries, { "\($0.retries)" }),
        (MetricCatalogue.retriesRefused, { "\($0.retriesRefused)" }),
        (MetricCatalogue.noReplica, { "\($0.noReplica)" }),
        (MetricCatalogue.queueFull, { "\($0.queueFull)" }),
        (MetricCatalogue.queueLength, { "\($0.queueLength)" }),
    ]
    for (metric, value) in plain {
        text.family(metric)
        for row in rows { text.sample(metric, row.labels, value(row.counted)) }
    }
    text.family(MetricCatalogue.sessions)
    for row in rows {
        for outcome in SessionOutcome.allCases {
            text.sample(
                MetricCatalogue.sessions, row.labels, last: "\(outcome.label)",
                "\(row.counted.sessions[outcome.rawValue])")
        }
    }
    text.family(MetricCatalogue.ejections)
    for row in rows { text.counts(MetricCatalogue.ejections, row.labels, row.control.ejections.labelled) }
    text.family(MetricCatalogue.panic)
    for row in rows { text.sample(MetricCatalogue.panic, row.labels, row.control.isPanicking ? "1" : "0") }
    text.family(MetricCatalogue.resolutions)
    for row in rows {
        guard let discovery = row.control.discovery else { continue }
        text.counts(MetricCatalogue.resolutions, row.labels, discovery.labelled)
    }
}

private func renderReloads(_ control: ControlMetrics, to text: inout PrometheusText) {
    text.family(MetricCatalogue.reloads)
    text.counts(MetricCatalogue.reloads, .none, control.reloads.labelled)
    // A clock before 1970 or after the year 2500 shows as the nearest that can be written.
    let (nanoseconds, overflow) = UInt64(clamping: control.configurationLoadedUnixMilliseconds)
        .multipliedReportingOverflow(by: 1_000_000)
    text.single(MetricCatalogue.configurationLoaded, PrometheusText.seconds(overflow ? .max : nanoseconds))
}

private func renderProcess(_ metrics: WorkerMetrics, _ process: ProcessMetrics, to text: inout PrometheusText) {
    let dropped = metrics.accessLogDropped.addingSaturating(process.accessLog.droppedLines)
    text.single(MetricCatalogue.accessLogLines, "\(process.accessLog.writtenLines)")
    text.single(MetricCatalogue.accessLogDropped, "\(dropped)")
    text.single(MetricCatalogue.workers, "\(process.workers)")
    text.family(MetricCatalogue.build)
    text.sample(MetricCatalogue.build, PrometheusLabels(["version": process.version]), "1")
    guard let usage = process.usage else { return }
    text.single(MetricCatalogue.processCPU, PrometheusText.seconds(usage.cpuNanoseconds))
    text.single(MetricCatalogue.processMemory, "\(usage.residentBytes)")
    text.single(MetricCatalogue.processStart, PrometheusText.seconds(usage.startedUnixNanoseconds))
    text.single(MetricCatalogue.processOpenFiles, "\(usage.openFiles)")
    text.single(MetricCatalogue.processFileLimit, "\(usage.fileLimit)")
}

extension Array {
    /// The element at an index that may not exist.
    func element(_ index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
