/// Where the console's facts come from, and what carries its changes out: the gateway that runs.
package protocol ConsoleSource: Sendable {
    /// Whether requests should be sent here now, and why not.
    func readiness() async -> (ready: Bool, reason: String)
    /// The whole answer of `/metrics`.
    func metrics() async -> String
    /// Every service; its endpoints leave their events out.
    func services() async -> [ServiceReport]
    /// One service, its endpoints with their events; nil when there is none of that name.
    func service(named name: String) async -> ServiceReport?
    /// Every certificate, those of listeners first.
    func certificates() async -> [CertificateReport]
    /// Every quota with at most `top` of those who asked it most.
    func quotas(top: Int) async -> [QuotaReport]
    /// Every sharded service.
    func shards() async -> [ShardedServiceReport]
    /// Every cache.
    func caches() async -> [CacheReport]
    /// The settings in force as a JSON object, secrets masked.
    func configurationJSON() async -> String
    /// What would happen to a request, which is not sent.
    func explain(method: String, url: String, headers: [(String, String)]) async -> Explanation
    /// Takes an endpoint out by hand, or back in.
    ///
    /// - Parameter address: as the reports show it, or `SERVICE/NUMBER` of a replica that Usher runs.
    func changeEndpoint(service: String, address: String, to change: EndpointChange) async -> ChangeOutcome
    /// Takes answers out of caches; none of them is given any more when this returns.
    func purge(_ request: PurgeRequest) async -> PurgeOutcome
    /// Reads the configuration anew and swaps what differs; with `dryRun` only says what that would be.
    func reload(dryRun: Bool) async -> ReloadReport
}

/// What an operator may do to an endpoint.
package enum EndpointChange: String, Sendable, Hashable, CaseIterable {
    /// No new requests; those that run may finish.
    case drain
    case undrain
}

/// What came of a change.
package enum ChangeOutcome: Sendable, Hashable {
    /// It is as was asked, in one sentence.
    case done(String)
    /// It was so already, in one sentence.
    case unchanged(String)
    /// With the names of those that there are.
    case noSuchService([String])
    /// With the addresses of those that there are.
    case noSuchEndpoint([String])
}
