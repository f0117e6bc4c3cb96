package import UsherCore

/// What a person asks for, as it was written: becomes a plan, or a problem that says what to do.
package struct LoadOrder: Sendable {
    package var urls: [String] = []
    /// The text of a list of requests.
    package var list: String?
    /// The text of an access log.
    package var log: String?
    /// Whether requests of the log that may change something are sent.
    package var isUnsafe = false
    package var method: String?
    package var body: [UInt8]?
    package var headers: [String] = []
    package var keys = 10_000
    package var zipf: Double?
    package var duration: String?
    package var warmup = "0s"
    package var requests: Int?
    package var rate: String?
    package var isPoisson = false
    package var connections = 64
    package var threads = 1
    package var isHTTP2 = false
    package var streams: Int?
    package var timeout = "10s"
    package var isInsecure = false
    package var seed: UInt64 = 1

    package init() {}

    /// The plan, and what a person should know of it.
    package func plan() throws(TextProblem) -> (plan: LoadPlan, notes: [String]) {
        guard let first = urls.first else { throw TextProblem("name a URL, such as http://127.0.0.1:8080/") }
        let server = try LoadURL(text: first).server
        let (targets, notes) = try targets(server)
        var plan = LoadPlan(server: server, targets: targets)
        plan.body = body
        for header in headers {
            plan.fields.append(
                try Self.named("-H") { () throws(TextProblem) in
                    try FieldText.field(header)
                })
        }
        plan.keys = keys
        if let zipf {
            // Of numbered targets the numbers are the many things; of a list its entries.
            if targets.isNumbered {
                plan.keyPopularity = .zipf(exponent: zipf)
            } else if targets.count > 1 {
                plan.popularity = .zipf(exponent: zipf)
            } else {
                throw TextProblem("--zipf needs several things to ask for: write {n} in the URL, or give a list")
            }
        }
        try applyPace(to: &plan)
        plan.connections = connections
        plan.threads = threads
        plan.isHTTP2 = isHTTP2
        if let streams {
            guard isHTTP2 else { throw TextProblem("--streams is for HTTP/2: add --http2, or ask for --connections") }
            plan.streams = streams
        }
        plan.timeout = try Self.duration("--timeout", timeout)
        plan.isInsecure = isInsecure
        plan.seed = seed
        if let problem = plan.problems.first { throw TextProblem(problem) }
        return (plan, notes)
    }

    private func applyPace(to plan: inout LoadPlan) throws(TextProblem) {
        if let rate {
            let rate = try Self.named("--rate") { () throws(TextProblem) in try Rate(text: rate) }
            plan.pace = .open(rate, isPoisson ? .poisson : .even)
        } else if isPoisson {
            throw TextProblem("--poisson spreads the requests of a rate: add --rate, such as --rate 500/s")
        }
        plan.requests = requests
        if let duration {
            plan.duration = try Self.duration("--duration", duration)
        } else if requests != nil {
            plan.duration = nil
        }
        plan.warmup = try Self.duration("--warmup", warmup)
    }

    private func targets(_ server: LoadServer) throws(TextProblem) -> (TargetList, notes: [String]) {
        let method = method ?? (body == nil ? "GET" : "POST")
        guard FieldText.isToken(method), method != "CONNECT" else {
            throw TextProblem("--method: '\(method)' is not a method that can be sent, such as GET or POST")
        }
        guard list == nil || log == nil else { throw TextProblem("give either --urls or --replay, not both") }
        if list != nil || log != nil, urls.count > 1 {
            throw TextProblem("beside --urls or --replay one URL says which server; the requests come from the file")
        }
        if let list {
            do {
                return (try URLFile.read(list, server: server, method: method), [])
            } catch {
                throw TextProblem("--urls, line \(error.line): \(error.problem)")
            }
        }
        if let log {
            let replay = Replay(log, allowsUnsafe: isUnsafe)
            guard !replay.targets.isEmpty else {
                throw TextProblem(
                    "--replay: no line of the log is a request that can be sent again; "
                        + (replay.leftOut ?? "it is empty"))
            }
            return (replay.targets, replay.leftOut.map { [$0] } ?? [])
        }
        var targets: [LoadTarget] = []
        for text in urls {
            let url = try LoadURL(text: text)
            guard url.server == server else {
                throw TextProblem("load goes to one server, but \(url.server.origin) is not \(server.origin)")
            }
            targets.append(LoadTarget(method: method, target: url.target))
        }
        return (TargetList(targets), [])
    }

    private static func duration(_ option: String, _ text: String) throws(TextProblem) -> Duration {
        try named(option) { () throws(TextProblem) in try Duration(text: text) }
    }

    /// Puts an option's name before what is wrong with its value.
    private static func named<Value>(
        _ option: String, _ read: () throws(TextProblem) -> Value
    ) throws(TextProblem) -> Value {
        do {
            return try read()
        } catch {
            throw TextProblem("\(option): \(error)")
        }
    }
}
