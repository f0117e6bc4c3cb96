import NIOCore
import Testing
import UsherTestKit

@testable import UsherHTTP

/// Random bytes, random frames, and good connections with something wrong in them: nothing may crash, and what must
/// always hold holds. `USHER_FUZZ_ITERATIONS` makes it longer.
@Suite("Fuzzing HTTP/2", .timeLimit(.minutes(10)))
struct HTTP2FuzzTests {
    private static let iterations = FuzzTests.iterations
    private typealias Wire = HTTP2Wire

    @Test("header blocks of any bytes are read or refused, within their limits")
    func blocks() {
        let seed = FuzzTests.seed()
        var random = FuzzTests.Random(state: seed)
        var decoder = HPACKDecoder()
        var fields = FieldBlock()
        let good =
            Wire.block([(":method", "GET"), ("x-a", "b")]) + Wire.indexedBlock([("a", "b"), ("c", "d")]) + [0xBE, 0x82]
        for _ in 0..<Self.iterations {
            var block =
                Self.below(2, &random) == 0
                ? good : (0..<Self.below(200, &random)).map { _ in UInt8(Self.below(256, &random)) }
            FuzzTests.mutate(&block, [good], &random)
            fields.begin(weightMax: 4096, fieldsMax: 50)
            do {
                try decoder.decode(block.span, into: &fields)
            } catch {
                decoder = HPACKDecoder()
            }
            let weight = fields.fields.reduce(0) { $0 + Int($1.name.count) + Int($1.value.count) + 32 }
            #expect(weight <= 4096 && fields.fields.count <= 50, "seed \(seed)")
            var out = ByteBuffer()
            guard case .translated = RequestTranslation.write(fields, hasBody: true, to: &out) else { continue }
            let head = RequestHead()
            // Whatever was written down is one head and nothing behind it.
            let progress = head.take(translated: &out, hasBody: true, limits: HeadLimits())
            #expect(progress != .needsMore, "seed \(seed)")
            if progress == .complete { #expect(out.readableBytes == 0, "seed \(seed)") }
        }
    }

    @Test("connections with something wrong in them end or go on, and their windows hold")
    func connections() {
        let seed = FuzzTests.seed()
        var random = FuzzTests.Random(state: seed)
        for _ in 0..<(Self.iterations / 20) {
            let fixture = MachineFixture(isOpen: Self.below(10, &random) != 0)
            var open: [Int: Int] = [:]
            var isOver = false
            for _ in 0..<Self.below(40, &random) where !isOver {
                var bytes = Self.frame(&random)
                if Self.below(4, &random) == 0 { FuzzTests.mutate(&bytes, [Self.frame(&random)], &random) }
                fixture.now += Double(Self.below(200, &random)) / 1000
                for event in fixture.receive(bytes) {
                    let words = event.split(separator: " ")
                    if event.hasPrefix("failed") { isOver = true }
                    if words[0] == "request" { open[fixture.machine.lastPlace] = 0 }
                    if words[0] == "body", let place = Int(words[2].dropLast()) {
                        open[place]? += event.utf8.count - "body at \(place): ".utf8.count
                    }
                    if words[0] == "reset", let place = Int(words[2].dropLast()) { open[place] = nil }
                }
                let holds = fixture.machine.windowsHold
                #expect(holds, "seed \(seed)")
                Self.act(fixture, &open, &random)
            }
            _ = fixture.sentFrames()
        }
    }

    private static func below(_ bound: Int, _ random: inout FuzzTests.Random) -> Int {
        Int.random(in: 0..<bound, using: &random)
    }

    /// What an owner may do at any moment.
    private static func act(_ fixture: MachineFixture, _ open: inout [Int: Int], _ random: inout FuzzTests.Random) {
        guard let place = open.keys.sorted().first, fixture.machine.isOpen(at: place) else { return }
        switch Self.below(5, &random) {
        case 0: if fixture.answer(at: place, "answer") { open[place] = nil }
        case 1:
            fixture.write { machine, out in
                machine.reset(at: place, .cancel, isPeersFault: Self.below(2, &random) == 0, &out, now: fixture.time)
            }
            open[place] = nil
        case 2:
            let received = open[place] ?? 0
            fixture.write { machine, out in machine.consumed(received, at: place, &out) }
            open[place] = 0
        default: break
        }
    }

    private static func frame(_ random: inout FuzzTests.Random) -> [UInt8] {
        let stream = UInt32(Self.below(12, &random))
        switch Self.below(9, &random) {
        case 0: return Wire.get(stream | 1)
        case 1: return Wire.post(stream | 1, "/", Self.below(2, &random) == 0 ? [("content-length", "5")] : [])
        case 2:
            return Wire.data(
                stream, [UInt8](repeating: 0x61, count: Self.below(20_000, &random)), ends: Self.below(3, &random) == 0)
        case 3: return Wire.windowUpdate(stream, UInt32(Self.below(1 << 32, &random)))
        case 4: return Wire.settings([(UInt16(Self.below(8, &random)), UInt32(Self.below(1 << 32, &random)))])
        case 5: return Wire.reset(stream)
        case 6: return Wire.ping()
        case 7: return Wire.headers(stream | 1, [("x", "y")])
        default:
            let payload = (0..<Self.below(30, &random)).map { _ in UInt8(Self.below(256, &random)) }
            return Wire.frame(
                UInt8(Self.below(12, &random)), flags: UInt8(Self.below(256, &random)), stream: stream, payload)
        }
    }
}

extension HTTP2Machine {
    /// The place of the request that came last.
    fileprivate var lastPlace: Int { table.streams.firstIndex { $0.id == lastStream } ?? -1 }

    fileprivate func isOpen(at place: Int) -> Bool {
        table.streams.indices.contains(place) && table.streams[place].id != 0
    }

    /// No window is larger than it may be, and nobody has sent more than it had.
    fileprivate var windowsHold: Bool {
        let streams = table.streams.filter { $0.id != 0 }
        return sendWindow <= Self.largestWindow && receiveWindow <= configuration.connectionWindow
            && streams.count == table.count && streams.count <= configuration.streamsMax
            && streams.allSatisfy { $0.receiveWindow <= configuration.streamWindow + $0.uncredited }
            && Set(streams.map(\.id)).count == streams.count
    }
}
