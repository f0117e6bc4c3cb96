import NIOPosix
import Testing
import UsherCore
import UsherTransport

@Suite("Fetching", .timeLimit(.minutes(1)))
struct HTTPFetchTests {
    @Test("a name that has no address is a failure that names it")
    func unknownName() async throws {
        let request = HTTPFetch.Request(
            address: .name("no-such-name.invalid", port: 80), target: "/", host: "no-such-name.invalid",
            timeout: .seconds(20))
        var failure = ""
        do {
            _ = try await HTTPFetch.send(request, on: MultiThreadedEventLoopGroup.singleton.next())
        } catch {
            failure = HTTPFetch.describe(error)
        }
        #expect(failure.contains("no-such-name.invalid"), "\(failure)")
    }
}
