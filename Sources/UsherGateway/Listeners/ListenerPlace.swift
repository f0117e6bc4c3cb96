import UsherConfiguration

/// What makes a listener the same one after a reload: its address, and its number among those of port 0.
struct ListenerPlace: Sendable, Hashable {
    let address: ListenAddress
    let number: Int

    static func all(in settings: Settings) -> [(place: ListenerPlace, settings: ListenerSettings)] {
        var counts: [ListenAddress: Int] = [:]
        return settings.listeners.map { listener in
            let number = counts[listener.address, default: 0]
            counts[listener.address] = number + 1
            return (ListenerPlace(address: listener.address, number: number), listener)
        }
    }
}
