package import NIOCore
internal import NIOPosix
package import UsherCore

/// The readiness check of a replica without a readiness path: does it take connections?
package enum ConnectProbe {
    /// - Returns: nil when a connection came about, else why not.
    package static func run(_ address: ReplicaAddress, timeout: Duration, on eventLoop: any EventLoop) async -> String?
    {
        do {
            let channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(.nanoseconds(Int64(clamping: timeout.nanosecondsClamped)))
                .connect(to: address).get()
            channel.close(promise: nil)
            return nil
        } catch {
            return HTTPFetch.describe(error)
        }
    }
}
