import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import UsherConfiguration
import UsherCore
import UsherGateway
import UsherTestKit

/// A whole gateway in this process, on ports that the system chose.
final class RunningGateway: Sendable {
    let bound: Gateway.Bound
    let accessLogPath: String
    let file: ConfigurationText
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    private init(
        _ bound: Gateway.Bound, accessLogPath: String, file: ConfigurationText, group: ServiceGroup,
        task: Task<Void, any Error>
    ) {
        self.bound = bound
        self.accessLogPath = accessLogPath
        self.file = file
        self.group = group
        self.task = task
    }

    /// The first listener's port.
    var port: Int { self.bound.listenerPorts.first ?? 0 }

    /// - Parameter guardExecutable: what watches supervised processes; only tests that have some need one.
    static func start(
        _ yaml: String, folder: String, _ number: Int, guardExecutable: String = "/bin/false"
    ) async throws -> RunningGateway {
        let file = try ConfigurationText(yaml, folder: folder, number)
        let settings = try ConfigurationReader.read(file: file.path, environment: [:])
        let ready = Journal<Gateway.Bound?>()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let gateway = Gateway(
            settings, source: .init(file: file.path, environment: [:]), logger: logger,
            guardExecutable: guardExecutable
        ) { ready.note($0) }
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: gateway)],
                logger: Logger(label: "quiet", factory: { _ in SwiftLogNoOpLogHandler() })))
        let failure = Journal<String>()
        let task = Task {
            do { try await group.run() } catch {
                failure.note("\(error)")
                // Wakes up whoever waits for the start.
                ready.note(nil)
                throw error
            }
        }
        guard let bound = try await ready.wait(for: 1)[0] else {
            throw StartFailure(description: failure.entries.first ?? "")
        }
        return RunningGateway(
            bound, accessLogPath: folder + "/access-\(number).log", file: file, group: group, task: task)
    }

    struct StartFailure: Error, CustomStringConvertible {
        var description: String
    }

    // MARK: Asking

    /// One request on a connection of its own.
    func ask(_ request: String) async throws -> ReceivedMessage {
        let client = try await RawClient.connect(port: self.port)
        client.sendInBackground(.init(string: request))
        let method = String(request.prefix { $0 != " " })
        do {
            let answer = try await client.receiveAnswer(to: method)
            await client.close()
            return answer
        } catch {
            await client.close()
            throw error
        }
    }

    /// What the admin server answers.
    func admin(_ path: String) async throws -> ReceivedMessage {
        let client = try await RawClient.connect(port: self.bound.adminPort)
        try await client.send(
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(self.bound.adminPort)\r\nConnection: close\r\n\r\n")
        let answer = try await client.receiveAnswer()
        await client.close()
        return answer
    }

    /// The value of one line of `/metrics`; nil when there is no such line.
    func metric(_ name: String) async throws -> Double? {
        let lines = try await self.admin("/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
    }

    /// Waits until a metric has a value (nil: its line is gone); a test names what it waits for by the counter that
    /// shows it.
    func wait(for name: String, toBe value: Double?) async throws {
        let end = ContinuousClock.now + RawConnection.limit
        var last: Double?
        while ContinuousClock.now < end {
            last = try await self.metric(name)
            if last == value { return }
            try await Task.sleep(for: .milliseconds(20))
        }
        let (wanted, found) = (value.map { "\($0)" } ?? "missing", last.map { "\($0)" } ?? "missing")
        throw TestKitError.timedOut("\(name) = \(wanted), is \(found)")
    }

    func waitUntilReady() async throws {
        let end = ContinuousClock.now + RawConnection.limit
        while ContinuousClock.now < end {
            if try await self.admin("/readyz").status == 200 { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw TestKitError.timedOut("/readyz")
    }

    // MARK: Ending

    func beginShutdown() async {
        await self.group.triggerGracefulShutdown()
    }

    /// Drains and returns when everything has ended; the access log is complete then.
    func stop() async throws {
        await self.group.triggerGracefulShutdown()
        try await self.task.value
    }

    /// The access log's lines, once the gateway has stopped.
    func accessLog() throws -> [[String: Any]] {
        let text = try String(contentsOfFile: self.accessLogPath, encoding: .utf8)
        return try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            guard let fields = object as? [String: Any] else { throw TestKitError.malformed(String(line)) }
            return fields
        }
    }
}
