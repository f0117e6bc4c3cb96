import ServiceLifecycle

/// Looks at the files that the configuration names again and again, and takes over those that have changed:
/// certificates, credentials, lists of addresses.
struct FileWatch: Service {
    let front: FrontDoor
    let plane: ControlPlane

    /// A change is taken over when two looks in a row find the same.
    private static let interval = Duration.milliseconds(500)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            // Apart from the files: a URL that does not answer must not hold up a key that is revoked.
            async let _ = self.watchTokenKeys()
            await self.watchFiles()
        }
    }

    private func watchFiles() async {
        var looks = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            looks += 1
            // Certificates are many, and seldom urgent.
            if looks % 2 == 0 {
                self.front.refreshCertificates()
                self.plane.refreshCertificates()
            }
            self.front.refreshAddresses()
            await self.plane.refreshCredentials()
        }
    }

    private func watchTokenKeys() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            await self.plane.refreshTokenKeys()
        }
    }
}
