package import NIOCore
internal import UsherCore
package import UsherQuotas

/// Quotas that all gateways share, in a Redis 7 or Valkey server: one worker's way to it.
///
/// The server's clock alone counts, so those of the gateways need not agree. The user of an ACL needs `+hello +select
/// +ping +script|load +eval +evalsha +time +get +set` and `~usher:quota:*`.
///
/// Confinement: one event loop. It must be closed before it is dropped.
package final class RedisQuotaStore {
    private let client: RedisClient

    package init(_ settings: RedisSettings, on eventLoop: any EventLoop, health: RedisHealth) {
        self.client = RedisClient(settings, script: RedisQuotaScript.text, on: eventLoop, health: health)
    }

    /// Connects, and connects again for ever.
    ///
    /// - Returns: when quotas can be asked, or the first attempt has failed; `RedisHealth` knows which.
    @discardableResult
    package func start() -> EventLoopFuture<Void> { self.client.start() }

    /// Fails everything that waits.
    package func close() {
        self.client.close()
    }

    /// Asks for `cost` of the limit, and takes it if it is there.
    ///
    /// - Parameters:
    ///   - caller: whoever asks, in any bytes.
    ///   - then: called once on the event loop, at the latest a moment after the deadline; before this returns when the
    ///     server cannot be used now.
    package func take(
        _ caller: Span<UInt8>, in keys: RedisQuotaKeys, _ limit: QuotaLimit, cost: UInt64,
        then: @escaping (Result<QuotaDecision, RedisFailure>) -> Void
    ) {
        self.client.evaluate(wordCount: 1 + 2 * limit.windows.count) { words in
            keys.write(caller, to: &words)
            for window in limit.windows {
                words.writeWord(decimal: window.price(of: cost))
                words.writeWord(decimal: window.span)
            }
        } completion: { result in
            switch result {
            case .failure(let failure):
                then(.failure(failure))
                return true
            case .success(let answer):
                let decision = Self.decision(answer, limit)
                then(decision.map { .success($0) } ?? .failure(Self.misunderstood))
                return decision != nil
            }
        }
    }

    private static let misunderstood = RedisFailure(.malformed, "the server's answer is none to a quota")

    /// What the script answered; nil when it cannot have been the script.
    private static func decision(_ answer: RESPValue, _ limit: QuotaLimit) -> QuotaDecision? {
        guard case .array(let items) = answer, items.count == 1 + limit.windows.count,
            case .integer(let allowed) = items[0], allowed == 0 || allowed == 1
        else { return nil }
        var debts = QuotaDebts(repeating: 0)
        for index in limit.windows.indices {
            guard case .integer(let debt) = items[index + 1], debt >= 0 else { return nil }
            // The script's doubles may round a span of more than 104 days up.
            debts[index] = min(UInt64(debt), limit.windows[index].span)
        }
        return QuotaDecision(isAllowed: allowed == 1, debts: debts)
    }
}

extension QuotaWindow {
    /// Nanoseconds that `cost` adds to the debt; what never fits costs more than all there is.
    fileprivate func price(of cost: UInt64) -> UInt64 {
        let (price, overflow) = self.interval.multipliedReportingOverflow(by: cost)
        return overflow ? self.span + 1 : min(price, self.span + 1)
    }
}
