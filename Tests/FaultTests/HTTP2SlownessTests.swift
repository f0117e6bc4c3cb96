import Foundation
import Testing
import UsherTestKit

extension FaultTests {
    /// HTTP/2 clients that take nothing, or next to nothing, of what they asked for, or never finish what they send.
    @Suite(.timeLimit(.minutes(2))) struct HTTP2SlownessTests {
        private typealias Wire = HTTP2Wire
        private typealias Kind = HTTP2Wire.Kind

        @Test("who makes no room, hardly any, or does not go on with a body is given up, and holds little till then")
        func slowClients() throws {
            try Siege.run(limits: "idle: 1s") { siege in
                try siege.withstand("slow clients") { horde in
                    let starving =
                        Wire.preface + Wire.settings([(4, 0)])
                        + (0..<20).flatMap { Wire.get(UInt32(2 * $0 + 1), "/bytes/1000000") }
                    let dribbling = Wire.preface + Wire.settings([(4, 1)]) + Wire.get(1, "/bytes/1000000")
                    let uploading = Wire.hello + Wire.post(1, "/hold/") + Wire.data(1, "x")
                    let openings = [starving, dribbling, uploading]
                    var pace = ContinuousClock.now
                    horde.playEach(within: .seconds(18)) { member, number in
                        if number == 0 { return openings[member.index % 3] }
                        guard member.index % 3 == 1 else { return nil }
                        // A byte every half second or so from each who dribbles.
                        while ContinuousClock.now < pace { usleep(1000) }
                        pace = ContinuousClock.now.advanced(by: .milliseconds(15))
                        return Wire.windowUpdate(1, 1)
                    }
                    let open = horde.members.first { !$0.isClosed }
                    #expect(open == nil)
                    // An upload is answered with 408, and then there is no reason to go on with it.
                    let other = horde.members.first { $0.resets.count != [20, 1, 1][$0.index % 3] }
                    #expect(other == nil)
                    let late = try siege.usher.metric("usher_requests_total", "service=\"hold\"", "code=\"4xx\"")
                    #expect(late == 33)
                }
            }
        }

        @Test("answers that are complete and that nobody takes hold little memory (CVE-2019-9517)")
        func bufferedAnswers() throws {
            try Siege.run { siege in
                try siege.withstand("buffered answers") { horde in
                    horde.play(within: .seconds(2), until: { _ in false }) { number in
                        if number == 0 { return Wire.preface + Wire.settings([(4, 0)]) }
                        return number <= 100 ? Wire.get(UInt32(2 * number - 1), "/bytes/60000") : nil
                    }
                }
            }
        }

        @Test("answers that a full socket keeps back hold little memory, though no window does")
        func fullSockets() throws {
            try Siege.run { siege in
                let port = siege.usher.port
                for (name, window): (String, UInt32) in [("from the start", 1 << 30), ("all at once", 0)] {
                    try siege.withstand(
                        "sockets that are full \(name)", connect: { try RawClient(port, receiveBuffer: 4096) }
                    ) { horde in
                        let requests = (0..<100).flatMap { Wire.get(UInt32(2 * $0 + 1), "/bytes/60000") }
                        let later = ContinuousClock.now.advanced(by: .seconds(2))
                        horde.play(within: .seconds(4), reads: false, until: { _ in false }) { number in
                            switch number {
                            case 0: return Wire.preface + Wire.settings([(4, window)]) + Wire.windowUpdate(0, 1 << 30)
                            case 1: return requests
                            case 2 where window == 0:
                                // The answers are there by then.
                                while ContinuousClock.now < later { usleep(1000) }
                                return Wire.settings([(4, 1 << 30)])
                            default: return nil
                            }
                        }
                    }
                }
            }
        }

        @Test("windows that open by a byte at a time, as fast as they can, count as a flood")
        func dribbles() throws {
            let hundred = (0..<100).flatMap { Wire.get(UInt32(2 * $0 + 1), "/bytes/20000") }
            let dribbles = [
                ("a stream", Wire.settings([(4, 1)]) + Wire.get(1, "/bytes/1000000"), Wire.windowUpdate(1, 1)),
                ("a hundred streams", Wire.settings([(4, 1 << 30)]) + hundred, Wire.windowUpdate(0, 1)),
            ]
            try Siege.run { siege in
                for (name, opening, update) in dribbles {
                    let updates = Array(repeatElement(update, count: 1000).joined())
                    try siege.withstand("a dribble of \(name)") { horde in
                        horde.playEach { member, number in
                            if number == 0 { return Wire.preface + opening }
                            // Before there is an answer it would be a flood of another kind.
                            return member.frames[Kind.data] == nil ? nil : updates
                        }
                        #expect(horde.told("ENHANCE_YOUR_CALM") == 100, "\(horde.members[0].testDescription)")
                        #expect(horde.closed == 100)
                    }
                }
            }
        }

        @Test("clients that ask without end and read nothing are not answered without end")
        func askingWithoutReading() throws {
            try Siege.run { siege in
                let port = siege.usher.port
                // Few, because each has megabytes of the kernel's memory before Usher's own is needed.
                try siege.withstand(
                    "heads that nobody reads", count: 20, connect: { try RawClient(port, receiveBuffer: 4096) }
                ) { horde in
                    horde.play(within: .seconds(3), reads: false) { number in
                        if number == 0 { return Wire.hello + Wire.windowUpdate(0, 1 << 30) }
                        let first = UInt32(800 * (number - 1) + 1)
                        return (0..<400).flatMap { Wire.headers(first + 2 * $0, Wire.requestFields("HEAD", "/large")) }
                    }
                }
            }
        }

        @Test("uploads that their replica never reads are held up to their windows")
        func unreadUploads() throws {
            try Siege.run { siege in
                try siege.withstand("unread uploads") { horde in
                    let piece = [UInt8](repeating: 0x78, count: 16_384)
                    horde.playEach(within: .seconds(3), until: { _ in false }) { member, number in
                        if number == 0 { return Wire.hello + Wire.post(1, "/hold/") }
                        // No more than Usher allows: else it would end the connection.
                        let opened = min(member.opened[1] ?? 0, member.opened[0] ?? 0)
                        return number * piece.count <= 65_535 + opened ? Wire.data(1, piece) : nil
                    }
                }
            }
        }

        @Test("a first word, or a head, that comes a byte at a time is given up when its time is over")
        func slowHeads() throws {
            try Siege.run(limits: "head-time: 1s") { siege in
                for (name, start) in [("half a preface", 4), ("half a head", 60)] {
                    try siege.withstand(name) { horde in
                        let whole = Wire.hello + Wire.get(1, "/n/" + String(repeating: "a", count: 500))
                        var pace = ContinuousClock.now
                        horde.play(within: .seconds(8)) { number in
                            if number == 0 { return Array(whole[..<start]) }
                            while ContinuousClock.now < pace { usleep(1000) }
                            pace = ContinuousClock.now.advanced(by: .milliseconds(300))
                            return [whole[start + number - 1]]
                        }
                        #expect(horde.closed == 100, "\(horde.members[0].testDescription)")
                    }
                }
            }
        }

        @Test("trailers that are not allowed, behind an answer that is complete, end no more than their stream")
        func trailersBehindAnswers() throws {
            // They closed the stream twice: its place went to two others, and a timer of one of them ended the process.
            try Siege.run { siege in
                try siege.withstand("trailers behind answers") { horde in
                    let uploads = (1..<11).flatMap { Wire.post(UInt32(2 * $0 + 1), "/fixed") }
                    let resets = (1..<10).flatMap { Wire.reset(UInt32(2 * $0 + 1)) }
                    horde.playEach(within: .seconds(8), until: { $0.resets.contains(21) }) { member, number in
                        switch number {
                        case 0: Wire.hello + Wire.post(1, "/fixed")
                        case 1: member.frames[Kind.headers] == nil ? nil : Wire.headers(1, [(":path", "/")]) + uploads
                        case 2: member.frames[Kind.headers] ?? 0 < 11 ? nil : resets
                        default: nil
                        }
                    }
                    // The last upload was answered, and the rest of it is waited for for five seconds.
                    let other = horde.members.first { $0.resets != [21] }
                    #expect(other == nil)
                    let answered = try siege.usher.metric("usher_requests_total", "code=\"2xx\"", "route=\"/fixed\"")
                    #expect(answered == 1100)
                }
            }
        }
    }
}
