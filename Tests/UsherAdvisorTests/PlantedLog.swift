import UsherCore

/// A log whose answers depend on what a test says, so that the right key is known.
struct PlantedLog {
    /// What an answer depends on.
    enum Truth: String, CaseIterable, Sendable {
        case path
        case countryAndPath
        case addressAndPath
        case identityAndPath
        case tenantAndPath
        case hostAndPath
        case languageAndPath
        case headerAndPath
        case cookieAndPath
        case identity
        case countryTenantAndPath
    }

    /// What else goes on.
    enum Noise: Sendable {
        case none
        /// Answers change for everybody again and again.
        case updates
        /// Some clients get compressed answers.
        case compression
        /// The answers of half of the paths are never the same.
        case randomSizes
        /// A tenth of the lines is broken, others are of other methods and statuses.
        case brokenLines
        /// Half of the paths are files that are the same for all.
        case files
    }

    enum Form: CaseIterable, Sendable {
        case combined, usher, nginx
    }

    /// Whether JSON lines name the client's country.
    var namesCountries = false

    var truth = Truth.path
    var noise = Noise.none
    var form = Form.combined
    var paths = 600
    var clients = 3000
    /// Requests fall as the power of a random number: 1 is uniform, 3 is steep.
    var skew = 2

    private(set) var random: SeededRandom
    private var line = 0

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    // MARK: Countries

    static let countries = ["FR", "DE", "US", "GB", "ES", "IT"]

    /// Each country has four blocks of 2¹⁶ addresses.
    static let table = countries.enumerated().map { index, code in
        (0..<4).map { "\(20 + index).\($0).0.0/16,\(code)\n" }.joined()
    }
    .joined()

    // MARK: Lines

    mutating func lines(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 160)
        for _ in 0..<count { appendLine(to: &bytes) }
        return bytes
    }

    private mutating func appendLine(to bytes: inout [UInt8]) {
        line += 1
        if noise == .brokenLines, random.below(10) == 0 {
            bytes.append(contentsOf: Self.broken[random.below(Self.broken.count)])
            bytes.append(0x0A)
            return
        }
        let path = chosen(paths)
        let client = chosen(clients)
        let country = client % Self.countries.count
        let address = "\(20 + country).\(client / 7 % 4).\(client / 11 % 32).\(client % 251)"
        let tenant = chosen(12)
        let user = chosen(200)
        let host = chosen(4)
        let agent = random.below(5)
        let isFile = noise == .files && path.isMultiple(of: 2)
        var basis: [Int] =
            switch truth {
            case .path: [path]
            case .countryAndPath: [path, country]
            case .addressAndPath: [path, client]
            case .identityAndPath, .cookieAndPath: [path, user]
            case .tenantAndPath, .headerAndPath: [path, tenant]
            case .hostAndPath: [path, host]
            case .languageAndPath: [path, country]
            case .identity: [user]
            case .countryTenantAndPath: [path, country, tenant]
            }
        if isFile { basis = [path] }
        if noise == .updates { basis.append(line / 4000) }
        if noise == .compression { basis.append(agent == 0 ? 1 : 0) }
        var size = 300 + Int(truncatingIfNeeded: Self.hash(basis) % 40_000)
        if noise == .randomSizes, path.isMultiple(of: 2) { size = 300 + random.below(40_000) }
        var request = Request(
            address: address, host: "h\(host).example", path: "/section\(path % 5)/page/\(path)", size: size,
            agent: "Agent/\(agent) (X11; like Gecko)", minute: line / 3000, milliseconds: random.below(200))
        if namesCountries { request.country = Self.countries[country] }
        switch truth {
        case .identityAndPath, .identity: request.user = "user\(user)"
        case .tenantAndPath, .countryTenantAndPath: request.query = "tenant=t\(tenant)&utm=\(random.below(500))"
        case .languageAndPath: request.language = "\(Self.countries[country].lowercased()),en;q=0.5"
        case .headerAndPath: request.tenant = "t\(tenant)"
        case .cookieAndPath: request.cookie = "theme=dark; sid=s\(user)"
        default: break
        }
        if noise == .brokenLines, random.below(8) == 0 { (request.method, request.status) = ("POST", 201) }
        request.append(to: &bytes, form, host: truth == .hostAndPath)
    }

    private mutating func chosen(_ count: Int) -> Int {
        let unit = Double(random.below(1 << 30)) / Double(1 << 30)
        return Int((0..<skew).reduce(1.0) { power, _ in power * unit } * Double(count))
    }

    static func hash(_ values: [Int]) -> UInt64 {
        values.reduce(7) { hash, value in
            var mix = SeededRandom(seed: hash &* 31 &+ UInt64(truncatingIfNeeded: value))
            return mix.next()
        }
    }

    private static let broken: [[UInt8]] = [
        Array("not a line".utf8), [0, 1, 2, 0xFF, 0xFE], Array("{\"method\":\"GET\",\"path\":\"/x\"".utf8),
        Array("1.2.3.4 - - [x] \"\\x16\\x03\\x01\" 400 0 \"-\" \"-\"".utf8),
    ]

    private struct Request {
        var address: String
        var host: String
        var path: String
        var size: Int
        var agent: String
        var minute: Int
        var milliseconds: Int
        var method = "GET"
        var status = 200
        var query = ""
        var user = ""
        var language = ""
        var tenant = ""
        var cookie = ""
        var country = ""

        func append(to bytes: inout [UInt8], _ form: Form, host isHostLogged: Bool) {
            let clock = "\(two(minute / 60 % 24)):\(two(minute % 60)):00"
            let target = path + (query.isEmpty ? "" : "?" + query)
            switch form {
            case .combined:
                let vhost = isHostLogged ? "\(host):443 " : ""
                bytes += "\(vhost)\(address) - \(user.isEmpty ? "-" : user) [10/Oct/2026:\(clock) +0000] ".utf8
                bytes += "\"\(method) \(target) HTTP/1.1\" ".utf8
                bytes += "\(status) \(size) \"-\" \"\(agent)\" 0.\(three(milliseconds))".utf8
                if !language.isEmpty { bytes += " \"\(language)\"".utf8 }
                if !cookie.isEmpty { bytes += " \"\(cookie)\"".utf8 }
            case .usher:
                bytes += "{\"time\":\"2026-10-10T\(clock).000Z\",\"client\":\"\(address)\"".utf8
                bytes += member("identity", user) + ",\"method\":\"\(method)\",\"host\":\"\(host)\"".utf8
                bytes += ",\"path\":\"\(path)\"".utf8 + member("query", query)
                // Heads are counted, too, and differ.
                bytes += ",\"status\":\(status),\"bytes-in\":90,\"bytes-out\":\(size + 200 + minute % 2)".utf8
                bytes +=
                    ",\"duration-ms\":\(milliseconds).125,\"route\":\"1\"".utf8 + member("accept-language", language)
                bytes += member("x-tenant", tenant) + member("cookie", cookie) + ",\"user-agent\":\"\(agent)\"}".utf8
            case .nginx:
                bytes += "{\"remote_addr\":\"\(address)\",\"time_local\":\"10/Oct/2026:\(clock) +0000\"".utf8
                bytes += ",\"request\":\"\(method) \(target) HTTP/1.1\",\"status\":\"\(status)\"".utf8
                bytes += ",\"body_bytes_sent\":\"\(size)\",\"request_time\":\"0.\(three(milliseconds))\"".utf8
                bytes += member("remote_user", user) + member("http_accept_language", language)
                bytes += member("http_x_tenant", tenant) + member("geoip_country_code", country)
                bytes += member("http_cookie", cookie) + member("host", host)
                bytes += ",\"http_user_agent\":\"\(agent)\"}".utf8
            }
            bytes.append(0x0A)
        }

        private func member(_ name: String, _ value: String) -> [UInt8] {
            value.isEmpty ? [] : Array(",\"\(name)\":\"\(value)\"".utf8)
        }

        private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        private func three(_ number: Int) -> String {
            number < 10 ? "00\(number)" : number < 100 ? "0\(number)" : "\(number)"
        }
    }
}
