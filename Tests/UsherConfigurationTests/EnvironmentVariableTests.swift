import Testing
import UsherConfiguration
import UsherCore

@Suite struct EnvironmentVariableTests {
    private let environment = ["PORT": "9001", "HOST": "10.0.0.1", "EMPTY": "", "N": "3", "TEXT": "a: {b} *c"]

    private func body(_ text: String) throws -> String {
        let yaml = "routes: [{ respond: { body: \"\(text)\" } }]"
        let settings = try ConfigurationReader.read(text: yaml, file: "/u.yaml", environment: environment)
        guard case .respond(_, let body) = settings.routes[0].action else { return "not an answer" }
        return body
    }

    @Test(
        "variables are filled in, with defaults for unset and empty ones",
        arguments: [
            ("${HOST}", "10.0.0.1"), ("a${PORT}b", "a9001b"), ("${HOST}:${PORT}", "10.0.0.1:9001"), ("${NONE:-x}", "x"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY}", ""), ("${NONE:-}", ""), ("${NONE:-a b}", "a b"), ("$${HOST}", "${HOST}"), ("$HOST", "$HOST"),
            ("$", "$"), ("{HOST}", "{HOST}"),
            ("$$${HOST}", "$${HOST}"), ("${TEXT}", "a: {b} *c"), ("*", "*"), ("${NONE:-${HOST}", "${HOST"),
        ])
    func fill(text: String, expected: String) throws {
        #expect(try body(text) == expected)
    }

    @Test(
        "a wrong variable says what is wrong",
        arguments: [
            ("${NONE}", "the environment variable NONE is not set; ${NONE:-default} gives a default"),
            ("${HOST", "has a ${ without its }; a literal ${ is written $${"),
            ("${}", "'${}' is not understood; write ${NAME} or ${NAME:-default}"),
            ("${1A}", "'${1A}' is not understood; write ${NAME} or ${NAME:-default}"),
            ("${A-b}", "'${A-b}' is not understood; write ${NAME} or ${NAME:-default}"),
            ("${ HOST }", "'${ HOST }' is not understood; write ${NAME} or ${NAME:-default}"),
        ])
    func wrong(text: String, message: String) {
        let problem = ConfigurationProblem(
            file: "/u.yaml", line: 1, column: 29, keyPath: "routes[0].respond.body", message: message)
        #expect(throws: ConfigurationProblems([problem])) { try body(text) }
    }

    @Test("a quoted variable may be a number")
    func numbers() throws {
        let yaml = "{ workers: \"${N}\", services: { a: { replicas: [\"${HOST}:${PORT}\"] } } }"
        let settings = try ConfigurationReader.read(text: yaml, file: "/u.yaml", environment: environment)
        #expect(settings.workers == 3)
        #expect(
            settings.services[0].replicas
                == .list([ReplicaSettings(address: .ip(IPAddress(v4: 0x0A00_0001), port: 9001))]))
    }
}
