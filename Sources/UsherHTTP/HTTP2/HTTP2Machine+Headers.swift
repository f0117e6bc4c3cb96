import NIOCore
import UsherCore

/// Header blocks: what comes in HEADERS and CONTINUATION frames (RFC 9113 §4.3, §6.2, §6.10).
extension HTTP2Machine {
    mutating func takeHeaders(
        _ head: FrameHead, _ payload: inout ByteBuffer, _ fields: inout FieldBlock, _ out: inout ByteBuffer,
        _ now: MonotonicTime
    ) -> Event? {
        var padding = 0
        if head.flags.contains(.padded) {
            guard let count = payload.readInteger(as: UInt8.self) else {
                return end(.frameSizeError, "padding without its length", &out)
            }
            padding = Int(count)
        }
        // Priorities are deprecated (RFC 9113 §5.3.2).
        if head.flags.contains(.priority) {
            guard payload.readSlice(length: 5) != nil else {
                return end(.frameSizeError, "a priority that is cut short", &out)
            }
        }
        guard padding <= payload.readableBytes else {
            return end(.protocolError, "more padding than payload", &out)
        }
        payload.moveWriterIndex(to: payload.writerIndex - padding)
        guard head.flags.contains(.endHeaders) else {
            var bytes = ByteBuffer()
            bytes.writeBuffer(&payload)
            block = OpenBlock(head: head, bytes: bytes)
            return nil
        }
        return takeBlock(head, payload, &fields, &out, now)
    }

    mutating func takeContinuation(
        _ head: FrameHead, _ payload: ByteBuffer, _ fields: inout FieldBlock, _ out: inout ByteBuffer,
        _ now: MonotonicTime
    ) -> Event? {
        guard var open = block.take() else { return nil }
        open.bytes.writeImmutableBuffer(payload)
        open.continuations += 1
        guard head.flags.contains(.endHeaders) else {
            block = open
            return nil
        }
        return takeBlock(open.head, open.bytes, &fields, &out, now)
    }

    /// A header block is whole. It is read in any case, because later ones refer to it.
    private mutating func takeBlock(
        _ head: FrameHead, _ bytes: ByteBuffer, _ fields: inout FieldBlock, _ out: inout ByteBuffer,
        _ now: MonotonicTime
    ) -> Event? {
        // Beside the ordinary fields there are four that stand for the request line.
        fields.begin(weightMax: configuration.fieldWeightMax, fieldsMax: configuration.head.fields + 4)
        do {
            try decoder.decode(bytes.readableBytesUInt8Span, into: &fields)
        } catch {
            switch error {
            case .malformed: return end(.compressionError, "a header block that cannot be read", &out)
            case .tooLarge: return end(.enhanceYourCalm, "a header block that stands for far too much", &out)
            }
        }
        let endsStream = head.flags.contains(.endStream)
        if let place = table.slot(of: head.stream) { return takeTrailers(place, head.stream, endsStream, &out, now) }
        guard head.stream % 2 == 1 else {
            return end(.protocolError, "a stream of a number that is not a client's", &out)
        }
        guard head.stream > highestStream else {
            switch table.past(of: head.stream) {
            case .reset:
                noteControl(now)
                return nil
            case .ended: return end(.streamClosed, "HEADERS on a stream that has ended", &out)
            case nil where takesNoMore && head.stream > lastStream:
                noteControl(now)
                return nil
            case nil: return end(.protocolError, "a stream below one that was opened before", &out)
            }
        }
        highestStream = head.stream
        guard !takesNoMore else {
            // The client hears, or has heard, that it must ask elsewhere.
            noteControl(now)
            table.remember(head.stream, isReset: true)
            return nil
        }
        lastStream = head.stream
        guard table.count < configuration.streamsMax else {
            out.writeReset(stream: head.stream, .refusedStream)
            table.remember(head.stream, isReset: true)
            noteReset(now)
            return nil
        }
        allowUpdates(for: 2 * Self.updateCost)
        let place = table.open(
            HTTP2StreamState(
                id: head.stream, sendWindow: peerInitialWindow, receiveWindow: configuration.streamWindow,
                isRemoteClosed: endsStream))
        return .request(place: place, hasBody: !endsStream)
    }

    private mutating func takeTrailers(
        _ place: Int, _ stream: UInt32, _ endsStream: Bool, _ out: inout ByteBuffer, _ now: MonotonicTime
    ) -> Event? {
        guard !table.streams[place].isRemoteClosed else { return failStream(stream, .streamClosed, &out, now) }
        guard endsStream, table.streams[place].remaining <= 0 else {
            return failStream(stream, .protocolError, &out, now)
        }
        return closeRemote(place, hasTrailers: true)
    }

    /// The client has sent everything. A stream that we have ended already is over.
    mutating func closeRemote(_ place: Int, hasTrailers: Bool) -> Event {
        let isOver = table.update(place) { state in
            state.isRemoteClosed = true
            return state.isLocalClosed
        }
        if isOver { table.close(place, isReset: false) }
        return .bodyEnd(place: place, hasTrailers: hasTrailers)
    }
}
