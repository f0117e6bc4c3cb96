import ServiceLifecycle

/// Looks at the files of all certificates again and again, and lets new connections use those that have changed.
struct CertificateWatch: Service {
    let front: FrontDoor
    let plane: ControlPlane

    /// A change is taken over when two looks in a row find the same.
    private static let interval = Duration.seconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.interval)
                self.front.refreshCertificates()
                self.plane.refreshCertificates()
            }
        }
    }
}
