import Logging
import NIOCore
import UsherConfiguration
import UsherCore
import UsherQuotas
import UsherStores

/// A store that several gateways share, as all quotas and workers of this one know it.
final class SharedStore: Sendable {
    let settings: QuotaStoreSettings
    let health: RedisHealth

    init(_ settings: QuotaStoreSettings, logger: Logger) {
        self.settings = settings
        let store = "\(settings)"
        self.health = RedisHealth { change in
            switch change {
            case .lost(let reason):
                logger.warning(
                    "a quota store does not answer; quotas do what their on-failure says until it does",
                    metadata: ["store": "\(store)", "reason": "\(reason)"])
            case .recovered(let duration):
                logger.notice(
                    "a quota store answers again",
                    metadata: ["store": "\(store)", "after-seconds": "\(duration.components.seconds)"])
            }
        }
    }

    fileprivate var redis: RedisSettings {
        RedisSettings(
            address: self.settings.address, username: self.settings.username, password: self.settings.password,
            database: self.settings.database, deadline: self.settings.deadline)
    }
}

/// One worker's connections to shared stores: one for each, whatever number of quotas uses it.
///
/// Confinement: the worker's event loop.
struct QuotaStores {
    private var stores: [QuotaStoreSettings: RedisQuotaStore] = [:]

    subscript(settings: QuotaStoreSettings) -> RedisQuotaStore? { self.stores[settings] }

    /// Connects to those that quotas use now, and leaves those that none does any more.
    mutating func update(_ quotas: [QuotaPlan], on eventLoop: any EventLoop) {
        let wanted = Dictionary(
            quotas.compactMap(\.redis).map { ($0.settings, $0) }, uniquingKeysWith: { first, _ in first })
        for (settings, store) in self.stores where wanted[settings] == nil {
            store.close()
            self.stores[settings] = nil
        }
        for (settings, shared) in wanted where self.stores[settings] == nil {
            let store = RedisQuotaStore(shared.redis, on: eventLoop, health: shared.health)
            store.start()
            self.stores[settings] = store
        }
    }

    mutating func close() {
        for store in self.stores.values { store.close() }
        self.stores = [:]
    }
}
