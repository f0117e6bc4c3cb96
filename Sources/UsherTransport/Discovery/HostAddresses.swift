internal import UsherCore

/// The addresses of one host, and how long they may be kept.
struct HostAddresses: Sendable, Hashable {
    var addresses: [IPAddress]
    var ttl: Duration
}

extension DNSClient {
    /// A and AAAA records, asked for together; one kind is enough.
    func addresses(of name: DomainName) async throws(DNSFailure) -> HostAddresses {
        async let first = ReplicaDiscovery.result { () async throws(DNSFailure) in
            try await self.resolve(DNSQuestion(name, .a))
        }
        async let second = ReplicaDiscovery.result { () async throws(DNSFailure) in
            try await self.resolve(DNSQuestion(name, .aaaa))
        }
        let results = await [first, second]
        var found: HostAddresses?
        for case .success(let answer) in results {
            var both = found ?? HostAddresses(addresses: [], ttl: answer.ttl)
            both.addresses += answer.records.compactMap(\.address)
            both.ttl = min(both.ttl, answer.ttl)
            found = both
        }
        if let found { return found }
        // "No such records" counts only when both kinds say so.
        for case .failure(let failure) in results {
            if case .noSuchName = failure { continue }
            throw failure
        }
        throw .noSuchName("\(name)")
    }
}
