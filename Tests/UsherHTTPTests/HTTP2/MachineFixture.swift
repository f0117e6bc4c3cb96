import NIOCore
import UsherCore
import UsherTestKit

@testable import UsherHTTP

/// A machine with its first frames exchanged, that tells its events and frames in words.
final class MachineFixture {
    var machine: HTTP2Machine
    private var fields = FieldBlock()
    private var out = ByteBuffer()
    private var input = ByteBuffer()
    /// Seconds.
    var now = 1.0

    init(isOpen: Bool = true) {
        machine = HTTP2Machine(.init())
        machine.begin(&out)
        if isOpen {
            _ = receive(HTTP2Wire.hello)
            _ = sent()
        }
    }

    // Copies, for `#expect` takes no noncopyable values.
    var streamCount: Int { machine.streamCount }
    var isInsideHead: Bool { machine.isInsideHead }
    var isWindowUsedUp: Bool { machine.isWindowUsedUp }
    func room(at place: Int) -> Int { machine.room(at: place) }

    var time: MonotonicTime { MonotonicTime(nanoseconds: UInt64(now * 1e9)) }

    /// Everything that happens on these bytes.
    func receive(_ bytes: [UInt8]) -> [String] {
        input.writeBytes(bytes)
        var events: [String] = []
        while true {
            let event = machine.next(&input, &fields, &out, now: time)
            switch event {
            case .needsMore: return events
            case .request(let place, let hasBody):
                events.append("request \(machine.table.streams[place].id)\(hasBody ? " with body" : "")")
            case .body(let place, let data): events.append("body at \(place): \(String(buffer: data))")
            case .bodyEnd(let place, let hasTrailers):
                events.append("end at \(place)\(hasTrailers ? " with trailers" : "")")
            case .reset(let place, let code): events.append("reset at \(place): \(code)")
            case .windowOpened(let place): events.append("window opened \(place.map { "at \($0)" } ?? "for all")")
            case .pingAcknowledged: events.append("ping acknowledged")
            case .failed(let code, let reason): events.append("failed: \(code), \(reason)")
            }
        }
    }

    /// The frames that were written since the last look.
    func sent() -> [String] { sentFrames().map(\.description) }

    func sentFrames() -> [HTTP2RawFrame] {
        var bytes = Array(out.readableBytesView)[...]
        out.clear()
        var frames: [HTTP2RawFrame] = []
        while let frame = HTTP2RawFrame(takingFrom: &bytes) { frames.append(frame) }
        return frames
    }

    /// The fields of the block that was read last.
    var lastFields: [(String, String)] {
        fields.fields.map { field in
            (
                String(decoding: fields.bytes[field.name.range(in: fields.bytes.count)], as: UTF8.self),
                String(decoding: fields.bytes[field.value.range(in: fields.bytes.count)], as: UTF8.self)
            )
        }
    }

    func write<Result>(_ body: (inout HTTP2Machine, inout ByteBuffer) -> Result) -> Result { body(&machine, &out) }

    /// Answers a request at a place with a status and, if there is one, a body; true when the stream is over.
    @discardableResult
    func answer(at place: Int, _ body: String = "") -> Bool {
        write { machine, out in
            let start = machine.beginBlock(at: place, &out)
            ResponseTranslation.write(status: 200, to: &out)
            machine.endBlock(start, at: place, &out)
            var data = ByteBuffer(string: body)
            let last = body.isEmpty ? start : machine.write(&data, at: place, &out)
            return machine.endStream(at: place, lastFrame: last, &out)
        }
    }
}
