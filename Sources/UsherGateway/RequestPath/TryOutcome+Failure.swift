import UsherTelemetry
import UsherTransport

extension TryOutcome {
    /// What a failed try counts as.
    init(_ failure: UpstreamFailure.Kind) {
        self =
            switch failure {
            case .connectFailed, .connectTimedOut: .connectFailed
            case .closedBeforeAnswer, .closedInAnswer: .reset
            case .responseTimedOut, .idleTimedOut, .totalTimedOut, .takenOut: .timeout
            case .badAnswer: .garbage
            }
    }
}
