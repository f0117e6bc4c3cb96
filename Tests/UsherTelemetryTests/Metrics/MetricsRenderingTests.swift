import Foundation
import Testing

@testable import UsherTelemetry

@Suite struct MetricsRenderingTests {
    private let names = MetricNames(
        routes: ["api.example.com/v1/*", "*"], services: ["web", "we\\ird\"\n"],
        endpoints: [["127.0.0.1:9001", "[::1]:9002"], []], quotas: ["public", "unused"],
        caches: ["pages"], classes: ["anonymous", "authenticated", "gold"])

    private func used() -> WorkerMetrics {
        var metrics = WorkerMetrics(names: names)
        metrics.requestEnded(route: 0, service: 0, status: 200, nanoseconds: 3_000_000, bytesIn: 9, bytesOut: 11)
        metrics.requestEnded(route: 0, service: 0, status: 502, nanoseconds: 70_000_000_000, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: 1, service: 1, status: 301, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.requestEnded(route: -1, service: -1, status: 404, nanoseconds: 1, bytesIn: 1, bytesOut: 1)
        metrics.tryEnded(service: 0, endpoint: 1, outcome: .timeout, nanoseconds: 5_000_000)
        metrics.clientConnections = 2
        metrics.accessLogDropped = 3
        metrics.tunnelOpened(service: 0, endpoint: 1)
        metrics.tunnelPassed(service: 0, endpoint: 1, fromClient: 20, toClient: 30)
        metrics.receivedUnaskedBytes(service: 0, endpoint: 1)
        metrics.sessionUsed(service: 0, outcome: .moved)
        metrics.connectionRefused(.badProxyHeader)
        metrics.handshakeEnded(.plaintext)
        metrics.http2Failures = 4
        metrics.quotaAsked(quota: 0, callerClass: 2, outcome: .allowed)
        metrics.quotaAsked(quota: 0, callerClass: 2, outcome: .refused)
        metrics.quotaAsked(quota: 7, callerClass: 9, outcome: .refused)
        metrics.cacheAsked(cache: 0, outcome: .staleIfError)
        metrics.cacheAsked(cache: 0, outcome: .hit)
        metrics.cacheAsked(cache: 1, outcome: .hit)
        metrics.credentialSeen(.key, isAccepted: false)
        metrics.shedRequests = 6
        return metrics
    }

    private func control() -> ControlMetrics {
        var ejections = EjectionCounts()
        ejections.share = 3
        var discovery = DiscoveryCounts()
        discovery.failed = 5
        var reloads = ReloadCounts()
        reloads.refused = 2
        var control = ControlMetrics(
            services: [
                .init(
                    endpoints: [.init(isReady: true, state: .ready), .init(isReady: false, state: .ejected)],
                    isPanicking: true, ejections: ejections, discovery: discovery)
            ], reloads: reloads, configurationLoadedUnixMilliseconds: 1_795_341_600_045)
        control.add(
            .init(
                usedBy: "listener [::]:443", file: "/a.pem", secondsLeft: -129_600, hasProblem: true, replaced: 1,
                refused: 2))
        control.quotas = [
            .init(name: "public", isStoreUp: false, evictions: 8, memory: 4096),
            .init(name: "unused", isStoreUp: nil, evictions: 0, memory: 0),
        ]
        control.caches = [.init(name: "pages", answers: 12, memory: 34_567, evictions: 3)]
        control.sharded = [
            .init(
                name: "profiles", epoch: 3, dark: 0.3333, hotKeys: 2,
                shards: [
                    .init(
                        name: "s0", requests: 7, busy: 1_500_000_000, bytes: 4096, spread: 4, overflowed: 5,
                        askedEarlier: 6)
                ])
        ]
        // The same file as an authority, which must not become a second series of the same name.
        control.add(
            .init(
                usedBy: "listener [::]:443", file: "/a.pem", secondsLeft: nil, hasProblem: false, replaced: 0,
                refused: 1
            ))
        return control
    }

    private func rendered() throws -> PrometheusParser {
        let process = ProcessMetrics(
            version: "1.2.3", workers: 2, accessLog: AccessLogCounts(writtenLines: 10, droppedLines: 4),
            usage: ProcessUsage.now())
        return try PrometheusParser(
            renderPrometheus(used(), control: control(), process: process))
    }

    @Test("the text is well formed and says what was counted")
    func values() throws {
        let text = try rendered()
        let web = ["service": "web", "route": "api.example.com/v1/*"]
        #expect(text.value("usher_requests_total", web.merging(["code": "2xx"]) { $1 }) == 1)
        #expect(text.value("usher_requests_total", web.merging(["code": "5xx"]) { $1 }) == 1)
        #expect(text.value("usher_requests_total", ["service": "-", "route": "-", "code": "4xx"]) == 1)
        #expect(text.value("usher_requests_total", ["service": "we\\ird\"\n", "route": "*", "code": "3xx"]) == 1)
        #expect(text.value("usher_request_duration_seconds_bucket", web.merging(["le": "0.0025"]) { $1 }) == 0)
        #expect(text.value("usher_request_duration_seconds_bucket", web.merging(["le": "0.005"]) { $1 }) == 1)
        #expect(text.value("usher_request_duration_seconds_bucket", web.merging(["le": "+Inf"]) { $1 }) == 2)
        #expect(text.value("usher_request_duration_seconds_count", web) == 2)
        #expect(text.value("usher_request_duration_seconds_sum", web) == 70.003)
        let endpoint = ["service": "web", "endpoint": "[::1]:9002"]
        #expect(text.value("usher_endpoint_requests_total", endpoint.merging(["outcome": "timeout"]) { $1 }) == 1)
        #expect(text.value("usher_endpoint_ready", endpoint) == 0)
        #expect(text.value("usher_endpoint_ready", ["service": "web", "endpoint": "127.0.0.1:9001"]) == 1)
        #expect(text.value("usher_client_connections") == 2)
        #expect(text.value("usher_access_log_lines_total") == 10)
        #expect(text.value("usher_access_log_dropped_lines_total") == 7)
        #expect(text.value("usher_build_info", ["version": "1.2.3"]) == 1)
        #expect(text.value("usher_workers") == 2)
    }

    @Test("what the control plane knows is given beside what was counted")
    func controlPlane() throws {
        let text = try rendered()
        let endpoint = ["service": "web", "endpoint": "[::1]:9002"]
        for state in EndpointState.allCases {
            let labels = endpoint.merging(["state": state.rawValue]) { $1 }
            #expect(text.value("usher_endpoint_state", labels) == (state == .ejected ? 1 : 0))
        }
        #expect(text.value("usher_endpoint_unasked_answers_total", endpoint) == 1)
        #expect(text.value("usher_tunnels", endpoint) == 1)
        #expect(text.value("usher_tunnels_opened_total", endpoint) == 1)
        #expect(text.value("usher_tunnel_received_bytes_total", endpoint) == 20)
        #expect(text.value("usher_tunnel_sent_bytes_total", endpoint) == 30)
        #expect(text.value("usher_service_sessions_total", ["service": "web", "outcome": "moved"]) == 1)
        #expect(text.value("usher_service_sessions_total", ["service": "web", "outcome": "kept"]) == 0)
        #expect(text.value("usher_service_ejections_total", ["service": "web", "reason": "share"]) == 3)
        #expect(text.value("usher_service_panic", ["service": "web"]) == 1)
        #expect(text.value("usher_service_panic", ["service": "we\\ird\"\n"]) == 0)
        #expect(text.value("usher_discovery_resolutions_total", ["service": "web", "outcome": "failed"]) == 5)
        #expect(text.samples.count { $0.name == "usher_discovery_resolutions_total" } == 3)
        #expect(text.value("usher_reloads_total", ["outcome": "refused"]) == 2)
        #expect(text.value("usher_configuration_loaded_timestamp_seconds") == 1_795_341_600.045)
        #expect(text.value("usher_client_connections_refused_total", ["reason": "bad-proxy-header"]) == 1)
        #expect(text.value("usher_tls_handshakes_total", ["outcome": "plaintext"]) == 1)
        #expect(text.value("usher_http2_connections_failed_total") == 4)
        let certificate = ["used_by": "listener [::]:443", "certificate": "/a.pem"]
        #expect(text.value("usher_certificate_expiry_days", certificate) == -1.5)
        #expect(text.value("usher_certificate_problem", certificate) == 1)
        let gold = ["quota": "public", "class": "gold"]
        #expect(text.value("usher_quota_requests_total", gold.merging(["outcome": "refused"]) { $1 }) == 1)
        #expect(text.samples.count { $0.name == "usher_quota_requests_total" } == 2)
        #expect(text.value("usher_quota_store_up", ["quota": "public"]) == 0)
        #expect(text.value("usher_quota_store_up", ["quota": "unused"]) == nil)
        #expect(text.value("usher_cache_requests_total", ["cache": "pages", "outcome": "stale-if-error"]) == 1)
        #expect(text.samples.count { $0.name == "usher_cache_requests_total" } == 2)
        #expect(text.value("usher_cache_answers", ["cache": "pages"]) == 12)
        #expect(text.value("usher_cache_memory_bytes", ["cache": "pages"]) == 34_567)
        #expect(text.value("usher_cache_evictions_total", ["cache": "pages"]) == 3)
        #expect(text.value("usher_authentications_total", ["method": "key", "outcome": "rejected"]) == 1)
        #expect(text.value("usher_shed_requests_total") == 6)
        let refused = certificate.merging(["outcome": "refused"]) { $1 }
        #expect(text.value("usher_certificate_reloads_total", refused) == 3)
    }

    @Test("a sharded service has its map's facts, and each of its shards its counters")
    func shards() throws {
        let text = try rendered()
        let shard = ["service": "profiles", "shard": "s0"]
        for (name, value) in [
            ("requests_total", 7), ("busy_seconds_total", 1.5), ("bytes_total", 4096), ("spread_total", 4),
            ("overflowed_total", 5), ("earlier_owner_requests_total", 6),
        ] as [(String, Double)] {
            #expect(text.value("usher_shard_\(name)", shard) == value, "\(name)")
        }
        for (name, value) in [("map_epoch", 3), ("dark_keys_ratio", 0.3333), ("hot_keys", 2)] as [(String, Double)] {
            #expect(text.value("usher_shard_\(name)", ["service": "profiles"]) == value, "\(name)")
        }
    }

    @Test("a replica that was never tried has its counters, but no histogram of nothing")
    func unusedEndpoint() throws {
        let text = try rendered()
        let endpoint = ["service": "web", "endpoint": "127.0.0.1:9001"]
        #expect(text.value("usher_endpoint_requests_total", endpoint.merging(["outcome": "success"]) { $1 }) == 0)
        #expect(text.value("usher_endpoint_request_duration_seconds_count", endpoint) == nil)
    }

    @Test(
        "a clock that is wrong does no harm",
        arguments: [(-1, 0), (.min, 0), (.max, 18_446_744_073.709551615)] as [(Int64, Double)])
    func wrongClock(milliseconds: Int64, seconds: Double) throws {
        let control = ControlMetrics(configurationLoadedUnixMilliseconds: milliseconds)
        let process = ProcessMetrics(version: "0", workers: 1)
        let text = try PrometheusParser(renderPrometheus(used(), control: control, process: process))
        #expect(text.value("usher_configuration_loaded_timestamp_seconds") == seconds)
    }

    @Test("every metric of the catalogue is given, with its kind and labels, and no other")
    func complete() throws {
        let text = try rendered()
        #expect(Set(text.types.keys) == Set(MetricCatalogue.all.map(\.name)))
        for metric in MetricCatalogue.all {
            #expect(text.types[metric.name] == metric.kind.rawValue)
            let suffix = metric.kind == .histogram ? "_bucket" : ""
            let sample = text.samples.first { $0.name == metric.name + suffix }
            let labels = metric.labels + (metric.kind == .histogram ? ["le"] : [])
            #expect(sample.map { Set($0.labels.keys) } == Set(labels), "\(metric.name)")
        }
    }

    @Test("no two samples have the same name and labels, and histograms never fall")
    func consistent() throws {
        let text = try rendered()
        let keys = text.samples.map { "\($0.name) \($0.labels.sorted { $0.key < $1.key })" }
        #expect(Set(keys).count == keys.count)
        var last: [String: Double] = [:]
        for sample in text.samples where sample.name.hasSuffix("_bucket") {
            let others = sample.labels.filter { $0.key != "le" }.sorted { $0.key < $1.key }
            let key = "\(sample.name) \(others)"
            #expect(sample.value >= last[key, default: 0])
            last[key] = sample.value
        }
        #expect(!last.isEmpty)
    }

    @Test("names follow Prometheus' rules: counters end in _total, units stand before that")
    func naming() {
        for metric in MetricCatalogue.all {
            let isPlain = metric.name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
            #expect(isPlain, "\(metric.name)")
            #expect((metric.kind == .counter) == metric.name.hasSuffix("_total"), "\(metric.name)")
            if !metric.unit.isEmpty {
                #expect(metric.name.contains("_\(metric.unit)"), "\(metric.name)")
            }
        }
    }

    @Test("a control plane that knows other services and endpoints than the workers does no harm")
    func mismatched() throws {
        let process = ProcessMetrics(version: "0", workers: 1)
        let empty = MetricNames(routes: [], services: [], endpoints: [])
        let none = try PrometheusParser(
            renderPrometheus(WorkerMetrics(names: empty), control: control(), process: process))
        // Sharded services bring their names along.
        #expect(!none.samples.contains { $0.labels["service"] != nil && !$0.name.hasPrefix("usher_shard_") })
        let ready = ControlMetrics.Endpoint(isReady: true, state: .ready)
        let many = ControlMetrics(services: (0..<9).map { _ in .init(endpoints: [ready]) })
        let endpoint = ["service": "web", "endpoint": "[::1]:9002"]
        for control in [many, ControlMetrics()] {
            let text = try PrometheusParser(renderPrometheus(used(), control: control, process: process))
            #expect(text.value("usher_endpoint_ready", endpoint) == 0)
            for state in EndpointState.allCases {
                #expect(text.value("usher_endpoint_state", endpoint.merging(["state": state.rawValue]) { $1 }) == 0)
            }
        }
        // Names without lists of endpoints.
        let short = MetricNames(routes: ["a"], services: ["web", "cart"], endpoints: [["w"]])
        _ = try PrometheusParser(
            renderPrometheus(WorkerMetrics(names: short), control: many, process: process))
    }

    @Test("seconds are exact", arguments: [(0, "0.000000000"), (1, "0.000000001"), (1_500_000_000, "1.500000000")])
    func seconds(nanoseconds: UInt64, expected: String) {
        #expect(PrometheusText.seconds(nanoseconds) == expected)
    }

    @Test("what the kernel says of this process is plausible")
    func usage() throws {
        let usage = try #require(ProcessUsage.now())
        #expect(usage.residentBytes > 1 << 20)
        #expect(usage.openFiles >= 3)
        #expect(usage.fileLimit >= UInt64(usage.openFiles))
        let age = Date().timeIntervalSince1970 - Double(usage.startedUnixNanoseconds) / 1e9
        #expect(age > -1 && age < 86_400)
    }

    /// Run with USHER_WRITE_DOCS=1 to write the page after a change of the catalogue.
    @Test("docs/metrics.md is what the catalogue gives")
    func page() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "docs/metrics.md")
        if ProcessInfo.processInfo.environment["USHER_WRITE_DOCS"] != nil {
            try metricsPage().write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == metricsPage())
    }
}
