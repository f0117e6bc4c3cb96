import Foundation
import NIOCore
import Testing
import UsherTestKit
import UsherTransport

/// Whole HTTP/2 connections, frame by frame, from a client to a replica.
@Suite(.timeLimit(.minutes(1))) struct HTTP2ConnectionTests {
    @Test("at shutdown the client is told which streams count, and those finish")
    func drain() async throws {
        try await onStage { stage in
            let arrived = Journal<Bool>()
            let release = Journal<Bool>()
            let upstream = try await stage.upstream { peer in
                guard try await peer.receiveRequest() != nil else { return }
                arrived.note(true)
                _ = try await release.wait(for: 1)
                try await peer.send(Text.ok)
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(ByteBuffer(bytes: HTTP2Wire.hello + HTTP2Wire.get(1)))
            _ = try await arrived.wait(for: 1)
            await gateway.beginShutdown()
            var frames = FrameReader(client)
            _ = try await frames.next { $0.type == HTTP2Wire.Kind.goAway }
            release.note(true)
            let answer = try await frames.next { $0.stream == 1 && $0.endsStream }
            #expect(answer.payload == Array("ok".utf8))
            try await client.waitForEnd()
            try await gateway.stop()
            #expect(try gateway.accessLog().map { $0["protocol"] as? String } == ["HTTP/2.0"])
        }
    }

    @Test("a stream that the client cancels ends its request at the replica, and the others go on")
    func cancel() async throws {
        try await onStage { stage in
            let ended = Journal<String>()
            let upstream = try await stage.upstream { peer in
                guard let request = try await peer.receiveRequest() else { return }
                if request.target == "/quick" { return try await peer.send(Text.ok) }
                ended.note("arrived")
                try await peer.waitForEnd()
                ended.note("ended")
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(ByteBuffer(bytes: HTTP2Wire.hello + HTTP2Wire.get(1, "/slow")))
            _ = try await ended.wait(for: 1)
            try await client.send(ByteBuffer(bytes: HTTP2Wire.reset(1) + HTTP2Wire.get(3, "/quick")))
            _ = try await ended.wait(for: 2)
            var frames = FrameReader(client)
            #expect(try await frames.next { $0.stream == 3 && $0.endsStream }.payload == Array("ok".utf8))
        }
    }

    @Test("a replica that breaks off in its answer costs one stream only")
    func brokenAnswer() async throws {
        try await onStage { stage in
            let release = Journal<Bool>()
            let upstream = try await stage.upstream { peer in
                guard let request = try await peer.receiveRequest() else { return }
                guard request.target == "/broken" else { return try await peer.send(Text.ok) }
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
                // Until a part of it has left, the answer could still become another one.
                _ = try await release.wait(for: 1)
            }
            let gateway = try await stage.gateway(to: upstream)
            let client = try await stage.client(gateway)
            try await client.send(ByteBuffer(bytes: HTTP2Wire.hello + HTTP2Wire.get(1, "/broken")))
            var frames = FrameReader(client)
            _ = try await frames.next { $0.type == HTTP2Wire.Kind.data }
            release.note(true)
            let reset = try await frames.next { $0.type == HTTP2Wire.Kind.reset }
            // INTERNAL_ERROR (RFC 9113 §7).
            #expect(reset.stream == 1 && reset.payload == HTTP2Wire.bytes(2))
            try await client.send(ByteBuffer(bytes: HTTP2Wire.get(3)))
            #expect(try await frames.next { $0.stream == 3 && $0.endsStream }.payload == Array("ok".utf8))
        }
    }

    @Test("an upgrade inside TLS becomes a tunnel both ways")
    func tunnel() async throws {
        try await onStage { stage in
            let folder = try CertificateFolder(stage)
            let upstream = try await stage.upstream { peer in
                _ = try await peer.receiveHead()
                try await peer.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
                while let bytes = try await peer.receive() { try await peer.send(bytes) }
            }
            let gateway = try await stage.gateway(
                tlsListener(try folder.server("a.test")) + "services: { web: { replicas: [\"\(upstream.address)\"] } }")
            let client = try await RawTLSClient.connect(port: gateway.port, name: "a.test", try folder.client())
                .connection
            try await client.send(Text.get("/", host: "a.test", "Connection: Upgrade\r\nUpgrade: websocket\r\n"))
            #expect(try await client.receiveHead().status == 101)
            for message in ["one", String(repeating: "two", count: 100_000)] {
                client.sendInBackground(ByteBuffer(string: message))
                #expect(String(buffer: try await client.receive(count: message.utf8.count)) == message)
            }
            await client.close()
        }
    }
}

/// The frames of a connection, one after the other.
private struct FrameReader {
    private let connection: RawConnection
    private var received: ArraySlice<UInt8> = []

    init(_ connection: RawConnection) {
        self.connection = connection
    }

    /// The next frame of a kind; those before it are skipped.
    mutating func next(_ isWanted: (HTTP2RawFrame) -> Bool) async throws -> HTTP2RawFrame {
        while true {
            while let frame = HTTP2RawFrame(takingFrom: &self.received) {
                if isWanted(frame) { return frame }
            }
            guard let more = try await self.connection.receive() else { throw TestKitError.ended("awaited a frame") }
            self.received += Array(more.readableBytesView)
        }
    }
}
