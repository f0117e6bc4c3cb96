internal import UsherCore

/// Everything that a run of load is: where it goes, what is sent, how often and for how long.
package struct LoadPlan: Sendable {
    package var server: LoadServer
    package var targets: TargetList
    /// How often each of several targets is asked for. Default: in order.
    package var popularity = Popularity.inOrder
    /// How many values `{n}` in a target has, from 0. Range: 1...1,000,000,000. Default: 10,000.
    package var keys = 10_000
    /// How often each of them is asked for. Default: all alike.
    package var keyPopularity = Popularity.uniform
    /// Sent with every request, beside those that every request needs.
    package var fields: [(name: String, value: String)] = []
    /// Nil: none.
    package var body: [UInt8]?
    package var pace = LoadPace.closed
    /// How long requests begin. Nil: until there were `requests` of them. Default: 10 s.
    package var duration: Duration? = .seconds(10)
    /// How many requests begin at most, the warm-up's aside. Nil: as many as there is time for.
    package var requests: Int?
    /// For so long there is load that is not measured. Default: 0.
    package var warmup = Duration.zero
    /// Range: 1...100,000. Default: 64.
    package var connections = 64
    /// Event loops. Range: 1...256. Default: 1.
    package var threads = 1
    /// Whether HTTP/2 is spoken: chosen in the TLS handshake, by prior knowledge in the clear. Default: HTTP/1.1.
    package var isHTTP2 = false
    /// Requests at once on each connection; HTTP/2 only. Range: 1...1000. Default: 10.
    package var streams = 10
    /// For a request from the moment it should begin, and for a connection to be made. Default: 10 s.
    package var timeout = Duration.seconds(10)
    /// Whether the server's certificate is of no interest. Default: it must be valid for the server's name.
    package var isInsecure = false
    /// Random numbers repeat from the same seed. Default: 1.
    package var seed: UInt64 = 1

    package init(server: LoadServer, targets: TargetList) {
        self.server = server
        self.targets = targets
    }

    /// Why a run cannot begin, each with what to do; empty when it can.
    package var problems: [String] {
        var found: [String] = []
        if targets.isEmpty { found.append("there is nothing to ask for: name a URL, or a list with requests in it") }
        if !(1...100_000).contains(connections) { found.append("--connections is a number from 1 to 100000") }
        if !(1...256).contains(threads) { found.append("--threads is a number from 1 to 256") }
        if !(1...1000).contains(streams) { found.append("--streams is a number from 1 to 1000") }
        if !(1...1_000_000_000).contains(keys) { found.append("--keys is a number from 1 to 1000000000") }
        if let requests, requests < 1 { found.append("--requests is a number of requests, 1 or more") }
        if duration == nil, requests == nil { found.append("say how long by --duration or how many by --requests") }
        if let duration, duration <= .zero { found.append("--duration is a time above 0, such as 10s") }
        if timeout < .milliseconds(1) { found.append("--timeout is a time of at least 1ms, such as 10s") }
        if case .open(let rate, _) = pace, rate.count < 1 {
            found.append("--rate is a number of requests above 0, such as 500/s")
        }
        for popularity in [popularity, keyPopularity] {
            if case .zipf(let exponent) = popularity, !(exponent > 0 && exponent <= 10) {
                found.append("--zipf is a number above 0 and at most 10, such as 0.99")
            }
        }
        if isHTTP2, fields.reduce(0, { $0 + $1.name.utf8.count + $1.value.utf8.count + 8 }) > 8192 {
            found.append("the fields together are longer than the 8 KiB that this client sends in HTTP/2")
        }
        return found
    }
}
