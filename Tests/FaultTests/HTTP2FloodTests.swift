import Foundation
import Testing
import UsherTestKit

extension FaultTests {
    /// HTTP/2 frames without end that make work and mean nothing, and streams that are opened only to be reset.
    @Suite(.timeLimit(.minutes(2))) struct HTTP2FloodTests {
        private typealias Wire = HTTP2Wire
        private typealias Kind = HTTP2Wire.Kind

        struct Flood: Sendable {
            let name: String
            /// What each connection sends behind its preface and settings.
            var opening: [UInt8] = []
            /// What it sends then, without end.
            let piece: @Sendable (Int) -> [UInt8]
            /// Where chance decides how it ends.
            var otherwise = "ENHANCE_YOUR_CALM"

            /// Streams that are opened, each with what else is sent on it, fifty in a piece.
            static func streams(
                _ name: String, otherwise: String = "ENHANCE_YOUR_CALM",
                _ stream: @escaping @Sendable (UInt32) -> [UInt8]
            ) -> Flood {
                let piece = { @Sendable (number: Int) in (0..<50).flatMap { stream(2 * UInt32(50 * number + $0) + 1) } }
                return Flood(name: name, piece: piece, otherwise: otherwise)
            }

            /// The same frames over and over.
            static func frames(_ name: String, opening: [UInt8] = [], _ frames: [UInt8]) -> Flood {
                let piece = Array(repeatElement(frames, count: max(1, 16_384 / frames.count)).joined())
                return Flood(name: name, opening: opening) { _ in piece }
            }
        }

        /// Resets by the client (CVE-2023-44487), and resets that it makes us send (CVE-2025-8671).
        private static let resets: [Flood] = [
            .streams("rapid reset") { Wire.get($0, "/bytes/9") + Wire.reset($0) },
            .streams("windows that grow by nothing") { Wire.get($0, "/bytes/9") + Wire.windowUpdate($0, 0) },
            .streams("windows that overflow") { Wire.get($0, "/bytes/9") + Wire.windowUpdate($0, 0x7FFF_FFFF) },
            .streams("bodies past their content-length") {
                Wire.post($0, "/bytes/9", [("content-length", "1")]) + Wire.data($0, "xx")
            },
            // Whoever had its answer before has ended the stream, and not reset it.
            .streams("bodies behind the end of requests", otherwise: "STREAM_CLOSED") {
                Wire.get($0, "/bytes/9") + Wire.data($0, "x")
            },
            .streams("trailers that do not end") {
                Wire.post($0, "/bytes/9") + Wire.headers($0, [("a", "b")], ends: false)
            },
            .streams("priorities of a wrong length") {
                Wire.get($0, "/bytes/9") + Wire.frame(Kind.priority, stream: $0, [0])
            },
            .streams("requests with a forbidden field") { Wire.get($0, "/bytes/9", [("connection", "close")]) },
            .streams("empty header blocks") { Wire.frame(Kind.headers, flags: 5, stream: $0) },
            .streams("more requests at a time than are allowed") { Wire.post($0, "/hold/") },
        ]

        private static let reset = Wire.get(1, "/bytes/9") + Wire.reset(1)
        private static let uploads = (0..<99).flatMap { Wire.post(UInt32(2 * $0 + 1), "/fixed") }

        private static let frames: [Flood] = [
            .frames("pings", Wire.ping()),
            .frames("answers to pings that were not sent", Wire.ping(isAcknowledgement: true)),
            .frames("settings", Wire.settings()),
            .frames("answers to settings", Wire.frame(Kind.settings, flags: 1)),
            .frames(
                "settings that move a hundred windows", opening: Self.uploads,
                Wire.settings((0..<32).map { (4, UInt32($0 % 2)) })),
            .frames("2,700 settings in a frame", Wire.settings((0..<2700).map { (4, UInt32($0 % 2)) })),
            .frames("priorities", Wire.frame(Kind.priority, stream: 1, [0, 0, 0, 3, 1])),
            .frames("windows of the connection that grow by one", Wire.windowUpdate(0, 1)),
            .frames("windows of an ended stream", opening: Wire.get(1, "/fixed"), Wire.windowUpdate(1, 1)),
            .frames("empty pieces of a body", opening: Wire.post(1, "/fixed"), Wire.data(1)),
            .frames("empty ends of a stream that was reset", opening: Self.reset, Wire.data(1, ends: true)),
            .frames("heads on a stream that was reset", opening: Self.reset, Wire.get(1)),
            .frames("frames of unknown kinds", Wire.frame(0xBA, stream: 1, [1, 2, 3])),
            .frames("farewells", Wire.frame(Kind.goAway, [UInt8](repeating: 0, count: 8))),
        ]

        /// A head that never ends (the CONTINUATION flood of 2024).
        private static let heads: [Flood] = [
            .frames(
                "large continuations", opening: Wire.frame(Kind.headers, stream: 1, [0x82]),
                Wire.frame(Kind.continuation, stream: 1, [UInt8](repeating: 0x82, count: 16_384))),
            .frames(
                "tiny continuations", opening: Wire.frame(Kind.headers, stream: 1, [0x82]),
                Wire.frame(Kind.continuation, stream: 1, [0x82])),
            .frames(
                "empty continuations", opening: Wire.frame(Kind.headers, stream: 1),
                Wire.frame(Kind.continuation, stream: 1)),
        ]

        @Test("a hundred connections of resets are each ended with ENHANCE_YOUR_CALM, counted, and starve nobody")
        func resetFloods() throws { try self.withstand(Self.resets) }

        @Test("a hundred connections of empty frames are each ended with ENHANCE_YOUR_CALM, counted, and starve nobody")
        func frameFloods() throws { try self.withstand(Self.frames) }

        @Test("a hundred heads without end are each ended with ENHANCE_YOUR_CALM, counted, and starve nobody")
        func headFloods() throws { try self.withstand(Self.heads) }

        private func withstand(_ floods: [Flood]) throws {
            try Siege.run { siege in
                for flood in floods {
                    let before = try siege.usher.metric("usher_http2_connections_failed_total")
                    try siege.withstand(flood.name) { horde in
                        horde.play { $0 == 0 ? Wire.hello + flood.opening : flood.piece($0 - 1) }
                        let told = Set(["ENHANCE_YOUR_CALM", flood.otherwise]).reduce(0) { $0 + horde.told($1) }
                        #expect(told == 100, "\(flood.name): \(horde.members[0].testDescription)")
                        #expect(horde.closed == 100, "\(flood.name), after \(horde.sentBytes) bytes")
                    }
                    let failed = try siege.usher.metric("usher_http2_connections_failed_total") - before
                    #expect(failed == 100, "\(flood.name)")
                }
            }
        }

        @Test("each of the 101 requests that a connection of rapid resets is heard for is counted once")
        func resetsAreCounted() throws {
            try Siege.run { siege in
                try siege.withstand("rapid reset of requests that wait") { horde in
                    let flood = Flood.streams("") { Wire.get($0, "/hold/") + Wire.reset($0) }
                    horde.play { $0 == 0 ? Wire.hello : flood.piece($0 - 1) }
                }
                let scrape = try siege.usher.scrape()
                let counted = scrape.count("usher_requests_total", "service=\"hold\"")
                let left = scrape.count("usher_requests_total", "service=\"hold\"", "code=\"none\"")
                #expect(counted == 10_100 && left == 10_100)
            }
        }
    }
}
