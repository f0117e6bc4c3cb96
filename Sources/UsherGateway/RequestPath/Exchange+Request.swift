import NIOCore
import UsherConfiguration
import UsherCore
import UsherHTTP
import UsherTelemetry
import UsherTransport

/// Writing a request's head as a replica gets it: one view of the target, hop-by-hop fields gone, our own written.
extension Exchange {
    /// Fields that are written anew here, whatever the client said.
    private static var rewritten: HeaderSet {
        HeaderSet.forwarding.with(.host).with(.usher).with(.traceparent).with(.contentLength).with(.xRequestID)
    }
    /// Room for everything that is not copied from the head: our own lines, numbers, an address four times.
    private static let ownBytes = 512

    func writeHead(to out: inout ByteBuffer) {
        let storage = self.head.bytes
        // The authority is written three times over.
        let room =
            storage.readableBytes + 3 * Int(self.head.authority.count) + (self.ownHost?.count ?? 0)
            + self.peer.identity.count + self.admission.caller.name.count + Self.ownBytes
        out.writeHead(reserving: room) { writer in
            let bytes = storage.readableBytesUInt8Span
            self.writeRequestLine(bytes, to: &writer)
            var dropped = Self.rewritten
            if !self.continuesTrace { dropped.insert(.tracestate) }
            self.head.copyFields(
                to: &writer, of: bytes, dropping: dropped, droppingNames: self.plan.requestEdits.droppedNames)
            self.writeFraming(bytes, to: &writer)
            self.writeForwarding(bytes, to: &writer)
            self.writeIdentity(to: &writer)
            if self.isMoved { writer.write("Usher-Session: moved\r\n") }
            writer.write("X-Request-Id: ")
            self.requestID.write(to: &writer, head: bytes)
            writer.write("\r\ntraceparent: ")
            self.trace.write(to: &writer)
            writer.write(self.plan.requestEdits.isEmpty ? "\r\n\r\n" : "\r\n")
        }
        if !self.plan.requestEdits.isEmpty {
            self.plan.requestEdits.write(
                to: &out,
                from: RequestSource(
                    self.head, peer: self.peer, caller: self.admission.caller, plan: self.plan,
                    service: self.root.plan))
            out.writeStaticString("\r\n")
        }
    }

    private func writeRequestLine(_ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        writer.write(self.head.methodSlice, of: bytes)
        writer.write(" ")
        let target = self.head.target
        let stripped = self.strippedCount(bytes)
        // `/v1` alone becomes `/`, also in front of a query.
        if stripped > 0 && stripped == Int(self.head.path.count) { writer.write("/") }
        writer.write(
            ByteSlice(start: target.start + UInt32(stripped), count: target.count - UInt32(stripped)), of: bytes)
        writer.write(" HTTP/1.1\r\nHost: ")
        if let host = self.ownHost { writer.write(host) } else { writer.write(self.head.authority, of: bytes) }
        writer.write("\r\n")
    }

    /// The Host that the replica gets; nil: the client's.
    private var ownHost: [UInt8]? {
        self.service.plan.rewritesHost ? self.endpoint?.plan.host : nil
    }

    /// How many bytes `strip-prefix` takes off; only whole segments (`/v1` does not strip `/v10`).
    private func strippedCount(_ bytes: Span<UInt8>) -> Int {
        let prefix = self.plan.stripPrefix
        guard !prefix.isEmpty, Int(self.head.path.count) >= prefix.count else { return 0 }
        return self.head.withBytes(self.head.path) { path in
            guard path.count >= prefix.count else { return 0 }
            for index in prefix.indices where path[index] != prefix[index] { return 0 }
            return path.count == prefix.count || path[prefix.count] == UInt8(ascii: "/") ? prefix.count : 0
        }
    }

    private func writeFraming(_ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        if let upgrade = self.head.upgrade {
            writer.write("Connection: Upgrade\r\nUpgrade: ")
            writer.write(upgrade, of: bytes)
            writer.write("\r\n")
        }
        switch self.head.framing {
        case .length(let length):
            writer.write("Content-Length: ")
            writer.write(decimal: length)
            writer.write("\r\n")
        case .chunked:
            writer.write("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose:
            break
        }
    }

    // MARK: Who asked

    /// `Via`, `X-Forwarded-*` and `Forwarded` (RFC 9110 §7.6.3, RFC 7239). A trusted peer's own are continued.
    private func writeForwarding(_ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        let isTrusted = self.peer.isTrusted
        switch self.head.version {
        case .http10: writer.write("Via: 1.0 usher\r\n")
        case .http11: writer.write("Via: 1.1 usher\r\n")
        case .http2: writer.write("Via: 2.0 usher\r\n")
        }
        writer.write("X-Forwarded-For: ")
        if isTrusted { self.writeList(of: .xForwardedFor, bytes, to: &writer) }
        writer.write(self.peer.forwardedName)
        writer.write("\r\nX-Forwarded-Proto: ")
        if !isTrusted || !self.writeFirst(.xForwardedProto, bytes, to: &writer) {
            writer.write(self.peer.tls == nil ? "http" : "https")
        }
        if !self.head.authority.isEmpty {
            writer.write("\r\nX-Forwarded-Host: ")
            if !isTrusted || !self.writeFirst(.xForwardedHost, bytes, to: &writer) {
                writer.write(self.head.authority, of: bytes)
            }
        }
        writer.write("\r\nForwarded: ")
        if isTrusted { self.writeList(of: .forwarded, bytes, to: &writer) }
        writer.write(self.peer.forwardedNode)
        writer.write(self.peer.tls == nil ? ";proto=http" : ";proto=https")
        if !self.head.authority.isEmpty {
            // A port's colon is no token character, so a host is always quoted.
            writer.write(";host=\"")
            writer.write(self.head.authority, of: bytes)
            writer.write("\"")
        }
        writer.write("\r\n")
    }

    /// Who the caller is, where that is asked for; its own `Usher-*` fields never pass.
    private func writeIdentity(to writer: inout HeadWriter) {
        let caller = self.admission.caller
        if !caller.name.isEmpty {
            writer.write("Usher-Identity: ")
            writer.write(caller.name)
            writer.write("\r\n")
        }
        if !caller.isAnonymous || self.worker.snapshot.credentials.readsAny {
            writer.write("Usher-Class: ")
            writer.write(caller.className)
            writer.write("\r\n")
        }
        guard !self.peer.identity.isEmpty else { return }
        writer.write("Usher-Client-Certificate: ")
        writer.write(self.peer.identity)
        writer.write("\r\n")
    }

    /// All lines of a trusted peer's field as one list, ready for one more element.
    private func writeList(of id: HeaderID, _ bytes: Span<UInt8>, to writer: inout HeadWriter) {
        for field in self.head.fields where field.id == id && !field.value.isEmpty {
            writer.write(field.value, of: bytes)
            writer.write(", ")
        }
    }

    private func writeFirst(_ id: HeaderID, _ bytes: Span<UInt8>, to writer: inout HeadWriter) -> Bool {
        guard let value = self.head.slice(of: id), !value.isEmpty else { return false }
        writer.write(value, of: bytes)
        return true
    }
}
