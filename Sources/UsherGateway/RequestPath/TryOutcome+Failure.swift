import UsherTelemetry
import UsherTransport

extension TryOutcome {
    /// What a failed try counts as.
    init(_ failure: UpstreamFailure.Kind) {
        self =
            switch failure {
            case .connectFailed, .connectTimedOut: .connectFailed
            case .closedBeforeAnswer: .reset
            case .closedInAnswer: .cutShort
            case .responseTimedOut, .idleTimedOut, .totalTimedOut: .timeout
            case .badAnswer: .garbage
            case .takenOut: .takenOut
            }
    }
}
