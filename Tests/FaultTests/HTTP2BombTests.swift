import Foundation
import Testing
import UsherTestKit

extension FaultTests {
    /// Header blocks that are small on the wire and large, or much work, once they are read (the HTTP/2 bomb of 2026).
    @Suite(.timeLimit(.minutes(2))) struct HTTP2BombTests {
        private typealias Wire = HTTP2Wire
        private typealias Kind = HTTP2Wire.Kind

        struct Bomb: Sendable {
            let name: String
            var path = "/fixed"
            /// What the first request puts into the common table; `newest` names the last of them.
            var kept: [(String, String)] = []
            /// Requests of each connection, the first aside.
            var count = 40
            /// The rest of each further request's block.
            let fields: [UInt8]
            /// In front of everything else in a block.
            var sizes: [UInt8] = []
            /// It stands for so much that its connection is ended, not only its request refused.
            var isBeyondReason = true

            /// The newest field of the common table, in one byte.
            static let newest: UInt8 = 0xBE

            func piece(_ number: Int) -> [UInt8]? {
                let request = Wire.block(Wire.requestFields("GET", self.path))
                if number == 0 {
                    return Wire.hello + Wire.windowUpdate(0, 1 << 30)
                        + Wire.frame(Kind.headers, flags: 5, stream: 1, request + Wire.indexedBlock(self.kept))
                }
                guard number <= self.count else { return nil }
                let block = self.sizes + request + self.fields
                return Wire.frame(Kind.headers, flags: 5, stream: UInt32(2 * number + 1), block)
            }
        }

        private static let large = String(repeating: "a", count: 3_800)
        private static func many(_ bytes: UInt8..., count: Int) -> [UInt8] {
            Array(repeatElement(bytes, count: count).joined())
        }

        private static let bombs: [Bomb] = [
            Bomb(
                name: "a field of 3,800 bytes that is named 16,000 times by a byte", kept: [("x-bomb", large)],
                fields: many(Bomb.newest, count: 16_000)),
            Bomb(
                name: "a name of 3,800 bytes that is copied 5,000 times", kept: [(large, "")],
                fields: many(0x0F, 0x2F, 0, count: 5_000)),
            Bomb(
                name: "a name of 3,800 bytes that is kept 8,000 times", kept: [(large, "")],
                fields: many(0x7E, 0, count: 8_000)),
            Bomb(
                name: "a cookie in 16,000 crumbs", kept: [("cookie", "a=b")], fields: many(Bomb.newest, count: 16_000)),
            Bomb(
                name: "a table that every block empties and fills", count: 200,
                fields: Wire.indexedBlock((0..<40).map { ("x-\($0)", "value") }), sizes: [0x20, 0x3F, 0xE1, 0x1F],
                isBeyondReason: false),
            Bomb(
                name: "Huffman code that swells",
                fields: [0] + Wire.string("x-zeros") + Wire.integer(16_000, prefix: 7, pattern: 0x80)
                    + [UInt8](repeating: 0, count: 16_000), isBeyondReason: false),
        ]

        @Test("header bombs on a hundred connections are refused, cost little memory, and starve nobody")
        func headerBombs() throws {
            try Siege.run { siege in
                for bomb in Self.bombs {
                    try siege.withstand(bomb.name) { horde in
                        horde.play(until: { $0.isClosed || $0.frames[Kind.headers] == bomb.count + 1 }, bomb.piece)
                        let other = horde.members.first {
                            bomb.isBeyondReason
                                ? $0.goAway?.hasSuffix("ENHANCE_YOUR_CALM") != true
                                : $0.frames[Kind.headers] != bomb.count + 1
                        }
                        #expect(other == nil, "\(bomb.name)")
                    }
                }
            }
        }

        @Test("10,000 requests of the largest head, each made out of sixty bytes, cost little memory while they wait")
        func largestHeads() throws {
            let bomb = Bomb(
                name: "largest heads", path: "/hold/", kept: [("x-bomb", Self.large)], count: 99,
                fields: Self.many(Bomb.newest, count: 4))
            try Siege.run { siege in
                try siege.withstand(bomb.name) { horde in
                    horde.play(until: { _ in (try? self.isTaken(10_000, by: siege.usher)) == true }, bomb.piece)
                    let isTaken = try self.isTaken(10_000, by: siege.usher)
                    #expect(isTaken)
                }
            }
        }

        /// So many requests wait for `hold`, or were refused because too many do.
        private func isTaken(_ count: Int, by usher: UsherProcess) throws -> Bool {
            let scrape = try usher.scrape()
            return scrape.count("usher_endpoint_requests_in_flight", "service=\"hold\"")
                + scrape.count("usher_service_queue_length", "service=\"hold\"")
                + scrape.count("usher_requests_total", "service=\"hold\"")
                + scrape.count("usher_refused_requests_total", "status=\"503\"") == count
        }
    }
}
