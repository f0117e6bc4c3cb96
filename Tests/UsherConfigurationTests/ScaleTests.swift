import Testing
import UsherConfiguration
import UsherCore

/// Files that machines write; a check of each with each would show here as minutes.
@Suite(.timeLimit(.minutes(1))) struct ScaleTests {
    private func routes(_ count: Int, service: (Int) -> String) -> String {
        "routes:\n"
            + (0..<count).map {
                "  - { match: { host: h\($0 % 10).example.com, path: /p\($0)/* }, service: \(service($0)) }\n"
            }.joined()
    }

    @Test("10,000 replicas and 1,000 routes are read in their order")
    func large() throws {
        let replicas = (0..<10_000).map { "10.0.\($0 / 250).\($0 % 250):80" }
        let text = "services: { web: { replicas: [\(replicas.joined(separator: ", "))] } }\n"
        let settings = try ConfigurationReader.read(
            text: text + routes(1000) { _ in "web" }, file: "/u.yaml", environment: [:])
        guard case .list(let read) = settings.services[0].replicas else {
            Issue.record("not a list")
            return
        }
        #expect(read.map(\.address.description) == replicas)
        #expect(settings.routes.map(\.name) == (0..<1000).map { "h\($0 % 10).example.com/p\($0)/*" })
        var other = settings
        other.services[0].replicas = .list(read.reversed().dropLast())
        #expect(SettingsDifference(from: settings, to: other).text == "- services.web.replicas[10.0.0.0:80]")
    }

    @Test("a repeated replica among 10,000 is found")
    func repeated() {
        let replicas = (0..<10_000).map { "10.0.\($0 / 250).\($0 % 250):80" } + ["10.0.0.7:80"]
        let text = "services: { web: { replicas: [\(replicas.joined(separator: ", "))] } }\n"
        let error = #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(text: text, file: "/u.yaml", environment: [:])
        }
        #expect(error?.problems.map(\.keyPath) == ["services.web.replicas[10000]"])
    }

    @Test("of a thousand wrong names all are reported, and the first get a hint")
    func wrongNames() {
        let services = (0..<1000).map { "  service\($0): { replicas: [a:1] }\n" }.joined()
        let error = #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(
                text: "services:\n\(services)" + routes(1000) { "sevrice\($0)" }, file: "/u.yaml", environment: [:])
        }
        #expect(error?.problems.count == 1000)
        #expect(error?.problems.count { $0.message.contains("did you mean") } == 20)
    }

    @Test("5,000 listeners are compared with each other")
    func listeners() throws {
        let list = (0..<5000).map { "{ address: \"10.0.\($0 / 250).\($0 % 250 + 1):80\" }" }.joined(separator: ", ")
        let text = "services: { web: { replicas: [a:1] } }\nlisteners: [\(list)"
        let settings = try ConfigurationReader.read(text: text + "]", file: "/u.yaml", environment: [:])
        #expect(settings.listeners.count == 5000)
        let error = #expect(throws: ConfigurationProblems.self) {
            try ConfigurationReader.read(text: text + ", { address: 80 }]", file: "/u.yaml", environment: [:])
        }
        #expect(error?.problems.map(\.keyPath) == ["listeners[5000]"])
    }
}
