import NIOCore
import NIOEmbedded
public import NIOSSL

/// The first message of a real TLS client.
public enum RecordedHello {
    public static func bytes(name: String?, _ configuration: TLSConfiguration = .makeClientConfiguration()) throws
        -> [UInt8]
    {
        let handler = try NIOSSLClientHandler(
            context: try NIOSSLContext(configuration: configuration), serverHostname: name)
        let channel = EmbeddedChannel(handler: handler)
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var bytes: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        guard !bytes.isEmpty else { throw TestKitError.ended("the client said nothing") }
        return bytes
    }
}
