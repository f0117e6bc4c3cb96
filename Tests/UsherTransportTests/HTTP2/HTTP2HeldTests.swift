import NIOCore
import Testing
import UsherCore
import UsherTestKit
import UsherTransport

@testable import UsherHTTP

@Suite("What an HTTP/2 client makes us hold", .timeLimit(.minutes(1)))
struct HTTP2HeldTests {
    private typealias Wire = HTTP2Wire

    @Test("heads count while their requests wait, and answers while they are not taken")
    func counted() throws {
        let fixture = try HTTP2Fixture(settings: [(4, 0)])
        fixture.path.behaviour = .wait
        try fixture.receive(Wire.get(1, "/" + String(repeating: "a", count: 5000)))
        #expect((5000..<6000).contains(fixture.loop.heldBytes))
        fixture.path.exchanges[0].pass(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: String(repeating: "a", count: 3000))
        fixture.path.exchanges[0].downstream.sendEnd(nil)
        #expect(fixture.loop.heldBytes >= 8000)
        try fixture.receive(Wire.windowUpdate(1, 2000))
        #expect(fixture.loop.heldBytes >= 6000)
        try fixture.receive(Wire.windowUpdate(1, 2000))
        #expect(fixture.loop.heldBytes == 0)
        #expect(try fixture.sent().last?.hasSuffix("END_STREAM") == true)
        fixture.end()
    }

    @Test("answers without room that many asked for at once are given up when there is no memory for all of them")
    func givenUp() throws {
        let fixture = try HTTP2Fixture(settings: [(4, 0)])
        fixture.path.behaviour = .wait
        try fixture.receive((0..<100).flatMap { Wire.get(UInt32(2 * $0 + 1)) })
        let body = String(repeating: "a", count: 250_000)
        for exchange in fixture.path.exchanges {
            exchange.pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body: body)
        }
        let given = try fixture.sent().filter { $0.hasSuffix("ENHANCE_YOUR_CALM") }.count
        #expect((50..<70).contains(given))
        #expect(fixture.path.notes.filter { $0.hasPrefix("closed") }.count == given)
        #expect(fixture.loop.heldBytes < 14 << 20)
        // More of them are refused until there is room again.
        try fixture.receive(Wire.get(201))
        #expect(try fixture.sent() == ["RST_STREAM 201 REFUSED_STREAM"])
        fixture.end()
        #expect(fixture.loop.heldBytes == 0)
    }

    @Test("what is kept of bodies to be sent again counts until there is an answer")
    func keptBodies() throws {
        let fixture = try HTTP2Fixture()
        fixture.path.behaviour = .wait
        fixture.path.keepsBodies = true
        try fixture.receive(Wire.post(1) + Wire.data(1, [UInt8](repeating: 0x61, count: 10_000)))
        #expect((10_000..<10_200).contains(fixture.loop.heldBytes))
        fixture.path.exchanges[0].pass("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(fixture.loop.heldBytes < 200)
        fixture.end()
        #expect(fixture.loop.heldBytes == 0)
    }
}
