internal import UsherCore

/// Services by SRV records: who the targets are, and where they answer (RFC 2782).
extension ReplicaDiscovery {
    func findService(
        _ target: DNSTarget, _ settings: ResolverSettings, _ client: DNSClient
    ) async throws(DNSFailure) -> Discovered {
        let answer = try await Self.first(of: self.candidates(target.name, target, settings), target.name) {
            name throws(DNSFailure) in try await client.resolve(DNSQuestion(name, .srv))
        }
        let services = answer.records.compactMap { record -> DNSService? in
            guard case .srv(let service) = record.data, service.target != .root, service.port > 0 else { return nil }
            return service
        }
        let targets = Set(services.map(\.target))
        var addresses = Self.addresses(in: answer.additional, of: targets)
        addresses.merge(try await Self.addresses(of: targets.subtracting(addresses.keys), from: client)) { $1 }
        // Those whose target is not there say nothing about who comes first.
        let first = services.filter { addresses[$0.target] != nil }.map(\.priority).min() ?? 0
        var found = Findings()
        var ttl = answer.ttl
        for service in services {
            guard let target = addresses[service.target] else { continue }
            ttl = min(ttl, target.ttl)
            for address in target.addresses {
                found.add(
                    address, port: Int(service.port), weight: Int(service.weight),
                    isBackup: service.priority > first)
            }
        }
        return try found.discovered(target.name, ttl: ttl)
    }

    /// What the server added unasked, for these names alone.
    private static func addresses(
        in records: [DNSRecord], of names: Set<DomainName>
    ) -> [DomainName: HostAddresses] {
        var found: [DomainName: HostAddresses] = [:]
        for record in records where names.contains(record.owner) {
            guard let address = record.address else { continue }
            let ttl = Duration.seconds(Int64(record.ttl))
            var entry = found[record.owner] ?? HostAddresses(addresses: [], ttl: ttl)
            entry.addresses.append(address)
            entry.ttl = min(entry.ttl, ttl)
            found[record.owner] = entry
        }
        return found
    }

    /// Targets that do not exist are left out; one that cannot be asked for fails all, as its replicas may be fine.
    private static func addresses(
        of names: Set<DomainName>, from client: DNSClient
    ) async throws(DNSFailure) -> [DomainName: HostAddresses] {
        typealias Reply = (name: DomainName, result: Result<HostAddresses, DNSFailure>)
        let collected = await withTaskGroup(of: Reply.self) { group in
            var waiting = names.makeIterator()
            func askNext() {
                guard let name = waiting.next() else { return }
                group.addTask {
                    (name, await Self.result { () async throws(DNSFailure) in try await client.addresses(of: name) })
                }
            }
            for _ in 0..<Self.targetsAtOnce { askNext() }
            var found: [DomainName: HostAddresses] = [:]
            var total = 0
            while let reply = await group.next() {
                switch reply.result {
                case .success(let addresses):
                    found[reply.name] = addresses
                    total += addresses.addresses.count
                case .failure(.noSuchName):
                    break
                case .failure(let failure):
                    group.cancelAll()
                    return Result<[DomainName: HostAddresses], DNSFailure>.failure(failure)
                }
                guard total <= Findings.addressesMax else {
                    group.cancelAll()
                    return .failure(.noAnswer("the targets have more than \(Findings.addressesMax) addresses"))
                }
                askNext()
            }
            return .success(found)
        }
        return try collected.get()
    }
}
