import UsherReplication
import UsherTelemetry

extension ServiceControl {
    /// What a scrape shows of this service's control plane.
    var metrics: ControlMetrics.Service {
        self.withState { state in
            let records = state.set.endpoints.map { state.records[$0.id] }
            let readyCount = records.count { $0?.availability.mayBePicked ?? false }
            return ControlMetrics.Service(
                endpoints: records.map { record in
                    ControlMetrics.Endpoint(
                        isReady: record?.availability.mayBePicked ?? false,
                        state: record.flatMap { EndpointState(rawValue: $0.condition.word) } ?? .starting)
                },
                isPanicking: state.plan.panic.isPanic(ready: readyCount, of: records.count),
                ejections: state.ejections, discovery: state.discovery?.counts)
        }
    }
}

extension EjectionCounts {
    mutating func count(_ change: ServiceHealth.Change) {
        if change.isAnnouncement { return }
        switch (change.condition, change.cause) {
        case (.ejected, .consecutive): self.consecutive += 1
        case (.ejected, .share): self.share += 1
        case (.paused, _): self.paused += 1
        default: break
        }
    }
}
