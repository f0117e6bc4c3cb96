import NIOCore
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// Writes a request's head as a replica gets it: one view of the target, hop-by-hop fields gone, our own written.
struct RequestWriter {
    /// Fields that are written anew here, whatever the client said.
    private static let rewritten: HeaderSet = ([.host, .usher, .traceparent, .contentLength] as HeaderSet).union(.forwarding)

    let head: RequestHead
    let peer: Peer
    let plan: RoutePlan
    let trace: TraceContext
    /// The client's own `tracestate` belongs to a trace that we do not continue.
    let dropsTraceState: Bool
    /// The Host that the replica gets; nil: the client's.
    let host: [UInt8]?

    func write(to out: inout ByteBuffer) {
        self.writeRequestLine(to: &out)
        self.writeHost(to: &out)
        var dropped = Self.rewritten
        if self.dropsTraceState { dropped.insert(.tracestate) }
        self.head.copyFields(to: &out, dropping: dropped, droppingNames: self.plan.requestEdits.droppedNames)
        switch self.head.framing {
        case .length(let length):
            out.writeStaticString("Content-Length: ")
            DecimalText.write(length, to: &out)
            out.writeStaticString("\r\n")
        case .chunked:
            out.writeStaticString("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose:
            break
        }
        self.writeForwarding(to: &out)
        out.writeStaticString("traceparent: ")
        self.trace.write(to: &out)
        out.writeStaticString("\r\n")
        if !self.plan.requestEdits.isEmpty {
            self.plan.requestEdits.write(to: &out, from: RequestSource(self.head, peer: self.peer, plan: self.plan))
        }
        out.writeStaticString("\r\n")
    }

    private func writeRequestLine(to out: inout ByteBuffer) {
        self.head.copy(self.head.methodSlice, to: &out)
        out.writeStaticString(" ")
        let target = self.head.target
        let stripped = self.strippedCount
        let rest = ByteSlice(start: target.start + UInt32(stripped), count: target.count - UInt32(stripped))
        // `/v1` alone becomes `/`, also in front of a query.
        if stripped > 0 && stripped == Int(self.head.path.count) { out.writeStaticString("/") }
        self.head.copy(rest, to: &out)
        out.writeStaticString(" HTTP/1.1\r\n")
    }

    /// How many bytes `strip-prefix` takes off; only whole segments (`/v1` does not strip `/v10`).
    private var strippedCount: Int {
        let prefix = self.plan.stripPrefix
        guard !prefix.isEmpty, Int(self.head.path.count) >= prefix.count else { return 0 }
        return self.head.withBytes(self.head.path) { path in
            guard path.count >= prefix.count else { return 0 }
            for index in prefix.indices where path[index] != prefix[index] { return 0 }
            return path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/") ? prefix.count : 0
        }
    }

    private func writeHost(to out: inout ByteBuffer) {
        out.writeStaticString("Host: ")
        if let host = self.host { out.writeBytes(host) } else { self.head.copy(self.head.authority, to: &out) }
        out.writeStaticString("\r\n")
    }

    // MARK: Who asked

    /// `Via`, `X-Forwarded-*` and `Forwarded` (RFC 9110 §7.6.3, RFC 7239). A trusted peer's own are continued.
    private func writeForwarding(to out: inout ByteBuffer) {
        out.writeStaticString(self.head.version == .http10 ? "Via: 1.0 usher\r\n" : "Via: 1.1 usher\r\n")
        out.writeStaticString("X-Forwarded-For: ")
        if self.peer.isTrusted { self.writeList(of: .xForwardedFor, to: &out) }
        self.writeClient(to: &out)
        out.writeStaticString("\r\nX-Forwarded-Proto: ")
        self.writeTrusted(.xForwardedProto, else: "http", to: &out)
        if !self.head.authority.isEmpty {
            out.writeStaticString("\r\nX-Forwarded-Host: ")
            if !self.peer.isTrusted || !self.copyFirst(.xForwardedHost, to: &out) {
                self.head.copy(self.head.authority, to: &out)
            }
        }
        out.writeStaticString("\r\nForwarded: ")
        if self.peer.isTrusted { self.writeList(of: .forwarded, to: &out) }
        self.writeForwardedElement(to: &out)
        out.writeStaticString("\r\n")
    }

    private func writeForwardedElement(to out: inout ByteBuffer) {
        let isV6 = self.peer.address.map { !$0.isV4 } ?? false
        out.writeStaticString(isV6 ? "for=\"[" : "for=")
        self.writeClient(to: &out)
        out.writeStaticString(isV6 ? "]\";proto=http" : ";proto=http")
        if !self.head.authority.isEmpty {
            // A port's colon is no token character, so a host is always quoted.
            out.writeStaticString(";host=\"")
            self.head.copy(self.head.authority, to: &out)
            out.writeStaticString("\"")
        }
    }

    private func writeClient(to out: inout ByteBuffer) {
        if self.peer.text.isEmpty { out.writeStaticString("unknown") } else { out.writeBytes(self.peer.text) }
    }

    /// All lines of a trusted peer's field as one list, ready for one more element.
    private func writeList(of id: HeaderID, to out: inout ByteBuffer) {
        for field in self.head.fields where field.id == id && !field.value.isEmpty {
            self.head.copy(field.value, to: &out)
            out.writeStaticString(", ")
        }
    }

    private func writeTrusted(_ id: HeaderID, else text: StaticString, to out: inout ByteBuffer) {
        if !self.peer.isTrusted || !self.copyFirst(id, to: &out) { out.writeStaticString(text) }
    }

    private func copyFirst(_ id: HeaderID, to out: inout ByteBuffer) -> Bool {
        guard let value = self.head.slice(of: id), !value.isEmpty else { return false }
        self.head.copy(value, to: &out)
        return true
    }
}
