import Foundation
import Testing
import UsherCore
import UsherLoad

@Suite("What came of a run", .timeLimit(.minutes(1)))
struct LoadReportTests {
    static func plan(_ rate: Int? = nil) throws -> LoadPlan {
        let url = try LoadURL(text: "http://127.0.0.1:8080/a")
        var plan = LoadPlan(server: url.server, targets: TargetList([LoadTarget(target: url.target)]))
        if let rate { plan.pace = .open(Rate(count: rate, per: .seconds(1)), .even) }
        return plan
    }

    /// A tally of so many answers of one millisecond each.
    static func tally(_ answers: [(status: Int, cache: CacheOutcome?, count: Int)], timeouts: Int = 0) -> LoadTally {
        var tally = LoadTally()
        let end = MonotonicTime(nanoseconds: 5)
        for answer in answers {
            for _ in 0..<answer.count {
                tally.countAnswer(
                    status: answer.status, bytes: 100, cache: answer.cache, nanoseconds: 1_000_000, at: end)
            }
        }
        for _ in 0..<timeouts {
            tally.countFailure(.timeout, reason: "no whole answer in time", nanoseconds: 2_000_000_000, at: end)
        }
        return tally
    }

    @Test("answers, failures and good answers are told apart")
    func sums() {
        let tally = Self.tally(
            [(200, .hit, 6), (404, nil, 1), (429, nil, 2), (503, .uriMiss, 3), (99, nil, 1)], timeouts: 4)
        #expect(tally.answers == 13 && tally.failed == 4 && tally.requests == 17)
        #expect(tally.errors == 7 && tally.good == 8)
        #expect(tally.cacheAnswers == 9 && tally.forwarded == 3)
        #expect(tally.statuses == [1, 0, 6, 0, 3, 3])
    }

    @Test("the parts of several workers add up")
    func merged() {
        var one = Self.tally([(200, .hit, 2)], timeouts: 1)
        var other = Self.tally([(200, .miss, 3), (500, nil, 1)])
        other.countFailure(.connect, reason: "refused", nanoseconds: 0, at: MonotonicTime(nanoseconds: 9))
        other.countConnection()
        one.merge(other)
        #expect(one.answers == 6 && one.failed == 2 && one.bytes == 600 && one.connectionsOpened == 1)
        #expect(one.failures == [.timeout: 1, .connect: 1] && one.cache == [.hit: 2, .miss: 3])
        #expect(one.latencies.count == 7 && one.lastEnd.nanoseconds == 9)
        #expect(one.reasons[.connect] == "refused")
    }

    @Test("the JSON has the unit in every name")
    func json() throws {
        let tally = Self.tally([(200, .hit, 93), (200, .uriMiss, 7)])
        let report = LoadReport(tally, plan: try Self.plan(50), duration: .seconds(2))
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report))
        let json = try #require(object as? [String: Any])
        #expect(json["requests"] as? Int == 100)
        #expect(json["rate_per_second"] as? Double == 50)
        #expect(json["good_rate_per_second"] as? Double == 50)
        #expect(json["asked_rate_per_second"] as? Double == 50)
        #expect(json["bytes_per_second"] as? Double == 5000)
        #expect(json["hit_ratio"] as? Double == 0.93)
        #expect(json["origin_rate_per_second"] as? Double == 3.5)
        for name in ["p50_ms", "p90_ms", "p99_ms", "p99_9_ms", "max_ms", "mean_ms"] {
            let value = try #require(json[name] as? Double, "\(name)")
            #expect(abs(value - 1) < 0.002, "\(name)")
        }
        let errors = try #require(json["errors"] as? [String: Int])
        #expect(errors == ["connect": 0, "reset": 0, "timeout": 0, "malformed": 0, "status_5xx": 0])
        #expect(json["loop"] as? String == "open" && json["protocol"] as? String == "HTTP/1.1")
        #expect(try JSONDecoder().decode(LoadReport.self, from: JSONEncoder().encode(report)) == report)
    }

    @Test("who waited in vain counts in the percentiles")
    func timeouts() throws {
        let report = LoadReport(Self.tally([(200, nil, 95)], timeouts: 5), plan: try Self.plan(), duration: .seconds(1))
        #expect(report.p90 == 1 && report.errors["timeout"] == 5)
        #expect(abs(try #require(report.p99) - 2000) < 3)
        #expect(report.hitRatio == nil && report.originRatePerSecond == nil && report.askedRate == nil)
        #expect(abs(report.failedShare - 0.05) < 0.001)
    }

    @Test("a person reads numbers with their units")
    func text() throws {
        var tally = Self.tally([(200, .hit, 1234), (503, nil, 2)])
        tally.countFailure(.reset, reason: "Connection reset by peer", nanoseconds: 0, at: .start)
        let text = LoadReport(tally, plan: try Self.plan(), duration: .seconds(1)).text
        #expect(text.hasPrefix("http://127.0.0.1:8080/a, HTTP/1.1, 64 connections, closed loop, 1.00 s\n"))
        for part in [
            "requests      1,237\n", "answers       1,236/s\n", "good answers  1,234/s\n",
            "statuses      2xx 1,234, 5xx 2\n",
            "errors        reset 1 (first: Connection reset by peer), status 5xx 2\n", "p99.9         1.00 ms\n",
            "hit ratio     100.0% (hit 1,234)\n", "origin load   0.00/s",
        ] {
            #expect(text.contains(part), "\(part)in\n\(text)")
        }
    }

    @Test("silence says why, and what to do")
    func silence() throws {
        var tally = LoadTally()
        tally.countFailure(.connect, reason: "Connection refused", nanoseconds: 0, at: .start)
        let silent = LoadReport(tally, plan: try Self.plan(), duration: .seconds(1))
        #expect(
            silent.silence?.hasPrefix("nobody answers at http://127.0.0.1:8080/a: Connection refused\nLook ") == true)
        #expect(silent.p99 == nil && silent.text.contains("p99           -\n"))
        let nothing = LoadReport(LoadTally(), plan: try Self.plan(), duration: .zero)
        #expect(nothing.silence?.hasPrefix("nobody was asked") == true)
        #expect(LoadReport(Self.tally([(500, nil, 1)]), plan: try Self.plan(), duration: .seconds(1)).silence == nil)
    }

    @Test("progress is one line of fixed shape")
    func progress() {
        let half = LoadProgress(
            elapsed: 5, total: 10, requests: 12_345, requestsTotal: nil, ratePerSecond: 2469, errors: 3, p99: 1.25)
        #expect(
            half.line == "[############............] 5.0/10 s  12,345 requests  2,469/s  errors 3  p99 1.25 ms")
        let counted = LoadProgress(
            elapsed: 0, total: nil, requests: 300, requestsTotal: 200, ratePerSecond: 0.5, errors: 0, p99: nil)
        #expect(counted.line == "[########################] 0.0 s  300/200 requests  0.50/s  errors 0  p99 -")
    }

    @Test("the rate that is shown is that of the last second")
    func recentRate() {
        var rate = RecentRate()
        var rates: [Double] = []
        for tick in 0...10 {
            let count = UInt64(tick <= 5 ? tick * 100 : 500)
            rates.append(rate.note(count, at: Double(tick) / 5))
        }
        #expect(rates[0] == 0 && abs(rates[5] - 500) < 1e-6 && abs(rates[10]) < 1e-6)
    }
}
