import UsherCaching
import UsherCore
import UsherTelemetry
import UsherTransport

/// Where a request goes from the path.
extension Worker {
    /// The service answers, and not the cache.
    func forwarding(
        _ admission: consuming Admission, _ downstream: any Downstream, _ plan: RoutePlan, _ cache: CacheRole
    ) -> any DownstreamHandler {
        guard let destination = self.destination(of: plan), let service = self.service(of: destination, plan) else {
            return self.refusal(.serviceGone, downstream, plan: plan, admission)
        }
        return Exchange(self, downstream, plan, destination, service, admission, cache)
    }

    /// Where one request of a route goes; nil: it answers itself.
    func destination(of plan: RoutePlan) -> RoutePlan.Destination? {
        switch plan.action {
        case .service(let destination): return destination
        case .split(let parts):
            let draw = self.random.below(1_000_000)
            return (parts.first { draw < $0.upTo } ?? parts.last)?.destination
        case .redirect, .respond: return nil
        }
    }

    func refusal(
        _ refusal: PathRefusal, _ downstream: any Downstream, plan: RoutePlan?, _ admission: consuming Admission?
    ) -> LocalExchange {
        if plan == nil { self.metrics.requestRefused(status: refusal.answer.status) }
        let answer = refusal.localAnswer(service: nil, challenges: self.snapshot.credentials.challenges)
        return LocalExchange(self, downstream, plan, admission, answer, why: refusal.answer.why)
    }
}
