package import NIOCore
internal import NIOPosix
package import UsherCore

/// The readiness check of a replica without a readiness path: does it take connections?
package enum ConnectProbe {
    /// - Returns: nil when a connection came about, with its TLS handshake where there is one; else why not.
    package static func run(
        _ address: ReplicaAddress, tls: UpstreamTLS? = nil, timeout: Duration, on eventLoop: any EventLoop
    ) async -> String? {
        do {
            let channel = try await Connecting.start(
                ClientBootstrap(group: eventLoop), to: address, tls: tls, timeout: timeout, on: eventLoop
            ) { _ in }.get()
            channel.close(promise: nil)
            return nil
        } catch {
            return HTTPFetch.describe(error)
        }
    }
}
