/// One metric family: its name is a promise to dashboards and alerts.
package struct MetricDefinition: Sendable, Hashable {
    /// How Prometheus reads the family.
    package enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    package var name: String
    package var kind: Kind
    /// Empty for plain counts.
    package var unit: String
    package var labels: [String]
    /// One sentence, for HELP lines and the documentation.
    package var meaning: String
}

/// Every metric that Usher gives, with unit and meaning; `docs/metrics.md` is made from this list.
///
/// Label values come from the configuration or from closed lists, never from a request, so their number is bounded.
package enum MetricCatalogue {
    package static let requests = counter(
        "usher_requests_total", ["service", "route", "code"],
        "Client requests that ended, each once; code is the class of the status, none when the client left first.")
    package static let requestDuration = histogram(
        "usher_request_duration_seconds", ["service", "route"],
        "Time from a request's first byte to the last byte of its answer.")
    package static let receivedBytes = counter(
        "usher_received_bytes_total", unit: "bytes", ["service", "route"],
        "Bytes of requests received from clients, heads included.")
    package static let sentBytes = counter(
        "usher_sent_bytes_total", unit: "bytes", ["service", "route"],
        "Bytes of answers sent to clients, heads included.")
    package static let refusedRequests = counter(
        "usher_refused_requests_total", ["status"],
        "Requests refused before they had a route: malformed, too large, too slow, from a denied address.")

    package static let clientConnections = gauge(
        "usher_client_connections", [], "Client connections that are open.")
    package static let clientConnectionsAccepted = counter(
        "usher_client_connections_accepted_total", [], "Client connections accepted.")
    package static let clientConnectionsRefused = counter(
        "usher_client_connections_refused_total", ["reason"],
        "Client connections closed at accept, or for their PROXY header.")

    package static let handshakes = counter(
        "usher_tls_handshakes_total", ["outcome"], "TLS handshakes with clients that are over, by how they ended.")
    package static let http2Failures = counter(
        "usher_http2_connections_failed_total", [],
        "HTTP/2 connections that were ended because the client broke a rule or flooded them.")
    package static let certificateExpiry = gauge(
        "usher_certificate_expiry_days", unit: "days", ["used_by", "certificate"],
        "Days until a certificate in use expires; negative once it has.")
    package static let certificateProblem = gauge(
        "usher_certificate_problem", ["used_by", "certificate"],
        "1 while the files of a certificate are not used as they are now, because something is wrong with them.")
    package static let certificateReloads = counter(
        "usher_certificate_reloads_total", ["used_by", "certificate", "outcome"],
        "Changes of a certificate's files that were taken over or refused.")

    package static let authentications = counter(
        "usher_authentications_total", ["method", "outcome"],
        "Credentials that requests carried, by whether they were believed.")
    package static let shedRequests = counter(
        "usher_shed_requests_total", [],
        "Requests of anonymous callers that were refused because the process is near the end of its memory.")
    package static let quotaRequests = counter(
        "usher_quota_requests_total", ["quota", "class", "outcome"],
        "Requests that asked a quota, by what it said; one that was not answered counts as store-failed as well.")
    package static let quotaStoreUp = gauge(
        "usher_quota_store_up", ["quota"], "1 while the store that gateways share answers, else 0.")
    package static let quotaEvictions = counter(
        "usher_quota_evictions_total", ["quota"],
        "Callers that were forgotten before their allowance was whole again, because their place was needed.")
    package static let quotaMemory = gauge(
        "usher_quota_memory_bytes", unit: "bytes", ["quota"], "Memory that a quota's callers take.")

    package static let cacheRequests = counter(
        "usher_cache_requests_total", ["cache", "outcome"], "Requests of routes with a cache, by what it did for them.")
    package static let cacheAnswers = gauge(
        "usher_cache_answers", ["cache"], "Answers that a cache holds.")
    package static let cacheMemory = gauge(
        "usher_cache_memory_bytes", unit: "bytes", ["cache"], "Memory that a cache's answers take.")
    package static let cacheEvictions = counter(
        "usher_cache_evictions_total", ["cache"], "Answers that had to go because their room was needed.")

    package static let shardRequests = counter(
        "usher_shard_requests_total", ["service", "shard"],
        "Requests that a shard was sent and that are over, whichever shard owns their keys.")
    package static let shardBusy = counter(
        "usher_shard_busy_seconds_total", unit: "seconds", ["service", "shard"],
        "Time that these requests took, all together; its rate is how many a shard has at once.")
    package static let shardBytes = counter(
        "usher_shard_bytes_total", unit: "bytes", ["service", "shard"],
        "Bytes of these requests and of their answers, heads included.")
    package static let shardSpread = counter(
        "usher_shard_spread_total", ["service", "shard"],
        "Requests of a shard's hot keys that another shard was sent.")
    package static let shardOverflowed = counter(
        "usher_shard_overflowed_total", ["service", "shard"],
        "Requests of a shard's keys that another shard was sent because it had no room or no ready replica.")
    package static let shardEarlierOwner = counter(
        "usher_shard_earlier_owner_requests_total", ["service", "shard"],
        "Reads of a shard's keys for which the owner in the map before was asked as well, after a 404.")
    package static let shardMapEpoch = gauge(
        "usher_shard_map_epoch", ["service"], "How often the map of shards has changed since the start, and one.")
    package static let shardDarkKeys = gauge(
        "usher_shard_dark_keys_ratio", unit: "ratio", ["service"],
        "Share of the keys that nobody answers for (0 to 1); where keys are listed the share of the shards.")
    package static let shardHotKeys = gauge(
        "usher_shard_hot_keys", ["service"], "Keys that are asked for too often for one shard, and are spread.")

    package static let endpointRequests = counter(
        "usher_endpoint_requests_total", ["service", "endpoint", "outcome"],
        "Tries at a replica; one client request may need several.")
    package static let endpointDuration = histogram(
        "usher_endpoint_request_duration_seconds", ["service", "endpoint"],
        "Time from the choice of a replica to the last byte of its answer; a replica without tries has none.")
    package static let endpointSentBytes = counter(
        "usher_endpoint_sent_bytes_total", unit: "bytes", ["service", "endpoint"],
        "Bytes sent to a replica, heads included.")
    package static let endpointReceivedBytes = counter(
        "usher_endpoint_received_bytes_total", unit: "bytes", ["service", "endpoint"],
        "Bytes received from a replica, heads included.")
    package static let endpointInFlight = gauge(
        "usher_endpoint_requests_in_flight", ["service", "endpoint"], "Requests that a replica works on.")
    package static let endpointConnections = gauge(
        "usher_endpoint_connections", ["service", "endpoint"],
        "Connections to a replica that are open, idle ones included.")
    package static let endpointConnects = counter(
        "usher_endpoint_connections_opened_total", ["service", "endpoint"], "Connections to a replica opened.")
    package static let endpointReady = gauge(
        "usher_endpoint_ready", ["service", "endpoint"], "1 when a replica may take requests, else 0.")
    package static let endpointState = gauge(
        "usher_endpoint_state", ["service", "endpoint", "state"],
        "1 for the state that a replica is in, 0 for the others.")
    package static let endpointUnaskedAnswers = counter(
        "usher_endpoint_unasked_answers_total", ["service", "endpoint"],
        "Times that a replica sent bytes which no request asked for; the connection is closed.")

    package static let tunnels = gauge(
        "usher_tunnels", ["service", "endpoint"], "Upgraded connections (WebSocket and others) that are open.")
    package static let tunnelsOpened = counter(
        "usher_tunnels_opened_total", ["service", "endpoint"], "Connections that were upgraded.")
    package static let tunnelReceivedBytes = counter(
        "usher_tunnel_received_bytes_total", unit: "bytes", ["service", "endpoint"],
        "Bytes that tunnels carried from clients to a replica.")
    package static let tunnelSentBytes = counter(
        "usher_tunnel_sent_bytes_total", unit: "bytes", ["service", "endpoint"],
        "Bytes that tunnels carried from a replica to clients.")

    package static let retries = counter(
        "usher_service_retries_total", ["service"], "Tries at another replica after the first one of a request.")
    package static let retriesRefused = counter(
        "usher_service_retries_refused_total", ["service"], "Retries that the budget did not allow.")
    package static let noReplica = counter(
        "usher_service_no_replica_total", ["service"], "Requests that found no ready replica.")
    package static let queueFull = counter(
        "usher_service_queue_full_total", ["service"], "Requests that found the queue full.")
    package static let queueLength = gauge(
        "usher_service_queue_length", ["service"], "Requests that wait for a connection.")
    package static let sessions = counter(
        "usher_service_sessions_total", ["service", "outcome"],
        "Requests with session tracking that got a replica, by what became of the session.")
    package static let ejections = counter(
        "usher_service_ejections_total", ["service", "reason"],
        "Replicas taken out for how they answered; they come back by themselves.")
    package static let panic = gauge(
        "usher_service_panic", ["service"],
        "1 while too few replicas are ready, so that those which once were are used as well.")
    package static let resolutions = counter(
        "usher_discovery_resolutions_total", ["service", "outcome"],
        "Times that the name of a service's replicas was resolved, by what came of it.")

    package static let reloads = counter(
        "usher_reloads_total", ["outcome"], "Reloads of the configuration, by how they ended.")
    package static let configurationLoaded = gauge(
        "usher_configuration_loaded_timestamp_seconds", unit: "seconds", [],
        "When the configuration in force was read, since the Unix epoch.")

    package static let accessLogLines = counter(
        "usher_access_log_lines_total", [], "Access log lines written.")
    package static let accessLogDropped = counter(
        "usher_access_log_dropped_lines_total", [],
        "Access log lines lost: the queue was full or the file could not be written.")

    package static let workers = gauge("usher_workers", [], "Event loops that serve requests.")
    package static let build = gauge(
        "usher_build_info", ["version"], "Always 1; the label says which version runs.")
    package static let processCPU = counter(
        "process_cpu_seconds_total", unit: "seconds", [], "User and system time of the process.")
    package static let processMemory = gauge(
        "process_resident_memory_bytes", unit: "bytes", [], "Resident memory of the process.")
    package static let processStart = gauge(
        "process_start_time_seconds", unit: "seconds", [], "When the process began, since the Unix epoch.")
    package static let processOpenFiles = gauge(
        "process_open_fds", [], "File descriptors that are open.")
    package static let processFileLimit = gauge(
        "process_max_fds", [], "File descriptors that may be open at once.")

    /// In the order of `/metrics` and of the documentation.
    package static let all: [MetricDefinition] = [
        requests, requestDuration, receivedBytes, sentBytes, refusedRequests,
        clientConnections, clientConnectionsAccepted, clientConnectionsRefused,
        handshakes, http2Failures, certificateExpiry, certificateProblem, certificateReloads,
        authentications, shedRequests, quotaRequests, quotaStoreUp, quotaEvictions, quotaMemory,
        cacheRequests, cacheAnswers, cacheMemory, cacheEvictions,
        shardRequests, shardBusy, shardBytes, shardSpread, shardOverflowed, shardEarlierOwner,
        shardMapEpoch, shardDarkKeys, shardHotKeys,
        endpointRequests, endpointDuration, endpointSentBytes, endpointReceivedBytes, endpointInFlight,
        endpointConnections, endpointConnects, endpointUnaskedAnswers, endpointReady, endpointState,
        tunnels, tunnelsOpened, tunnelReceivedBytes, tunnelSentBytes,
        retries, retriesRefused, noReplica, queueFull, queueLength, sessions, ejections, panic, resolutions,
        reloads, configurationLoaded,
        accessLogLines, accessLogDropped,
        workers, build, processCPU, processMemory, processStart, processOpenFiles, processFileLimit,
    ]

    private static func counter(
        _ name: String, unit: String = "", _ labels: [String], _ meaning: String
    ) -> MetricDefinition {
        MetricDefinition(name: name, kind: .counter, unit: unit, labels: labels, meaning: meaning)
    }

    private static func gauge(
        _ name: String, unit: String = "", _ labels: [String], _ meaning: String
    ) -> MetricDefinition {
        MetricDefinition(name: name, kind: .gauge, unit: unit, labels: labels, meaning: meaning)
    }

    private static func histogram(_ name: String, _ labels: [String], _ meaning: String) -> MetricDefinition {
        MetricDefinition(name: name, kind: .histogram, unit: "seconds", labels: labels, meaning: meaning)
    }
}
