// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is compiled with.
let common: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// The pure modules (patterns, messages, words) spell out every unsafe operation.
let pure: [SwiftSetting] = common + [.strictMemorySafety()]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let jwtKit: Target.Dependency = .product(name: "JWTKit", package: "jwt-kit")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "usher",
    products: [
        .executable(name: "usher", targets: ["usher"]),
        .library(name: "UsherCore", targets: ["UsherCore"]),
        .library(name: "UsherHTTP", targets: ["UsherHTTP"]),
        .library(name: "UsherReplication", targets: ["UsherReplication"]),
        .library(name: "UsherSharding", targets: ["UsherSharding"]),
        .library(name: "UsherQuotas", targets: ["UsherQuotas"]),
        .library(name: "UsherCaching", targets: ["UsherCaching"]),
        .library(name: "UsherGateway", targets: ["UsherGateway"]),
        .library(name: "UsherTestKit", targets: ["UsherTestKit"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/vapor/jwt-kit.git", from: "5.7.1"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift.git", from: "0.2.0"),
    ],
    targets: [
        .target(name: "UsherCore", swiftSettings: pure),
        .target(name: "UsherHTTP", dependencies: ["UsherCore", nioCore], swiftSettings: pure),
        .target(name: "UsherReplication", dependencies: ["UsherCore"], swiftSettings: pure),
        .target(name: "UsherSharding", dependencies: ["UsherCore"], swiftSettings: pure),
        .target(name: "UsherQuotas", dependencies: ["UsherCore", "UsherHTTP"], swiftSettings: pure),
        .target(name: "UsherCaching", dependencies: ["UsherCore", "UsherHTTP", nioCore], swiftSettings: pure),
        .target(
            name: "UsherTelemetry", dependencies: ["UsherCore", "UsherHTTP", nioCore, logging, lifecycle],
            swiftSettings: common),
        .target(name: "CUsherGuard"),
        .target(
            name: "UsherSupervisor",
            dependencies: [
                "UsherCore", "CUsherGuard", logging, .product(name: "Subprocess", package: "swift-subprocess"), system,
            ],
            swiftSettings: common),
        .target(
            name: "UsherIdentities", dependencies: ["UsherCore", jwtKit, crypto, cryptoExtras], swiftSettings: common),
        .target(
            name: "UsherStores",
            dependencies: ["UsherCore", "UsherHTTP", "UsherQuotas", "UsherCaching", nioCore, nioPosix],
            swiftSettings: common),
        .target(
            name: "UsherTransport",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherReplication", "UsherQuotas", "UsherCaching", nioCore, nioPosix, nioTLS,
                nioSSL, x509,
                asn1, crypto,
            ],
            swiftSettings: common),
        .target(
            name: "UsherConfiguration",
            dependencies: [
                "UsherCore", "UsherReplication", "UsherSharding", "UsherQuotas",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: common),
        .target(
            name: "UsherConsole",
            dependencies: [
                "UsherCore", "UsherTelemetry", logging, .product(name: "Hummingbird", package: "hummingbird"),
            ],
            swiftSettings: common),
        .target(
            name: "UsherGateway",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherReplication", "UsherSharding", "UsherQuotas", "UsherCaching",
                "UsherIdentities", "UsherStores", "UsherTelemetry", "UsherSupervisor", "UsherTransport",
                "UsherConfiguration", "UsherConsole", nioCore, nioPosix, logging, lifecycle, crypto, system,
            ],
            swiftSettings: common),
        .target(
            name: "UsherLoad",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherTransport", nioCore, nioPosix, nioSSL, nioTLS,
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            swiftSettings: common),
        .target(name: "UsherAdvisor", dependencies: ["UsherCore", "UsherSharding"], swiftSettings: common),
        .executableTarget(
            name: "usher",
            dependencies: [
                "UsherCore", "UsherIdentities", "UsherTransport", "UsherConfiguration", "UsherConsole", "UsherGateway",
                "UsherLoad", "UsherAdvisor", "CUsherGuard",
                nioCore, nioPosix, logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common),
        .target(
            name: "UsherTestKit", dependencies: ["UsherCore", nioCore, nioPosix, nioTLS, nioSSL, nioEmbedded],
            swiftSettings: common),

        .testTarget(name: "TidyTests", swiftSettings: common),
        .testTarget(name: "UsherCoreTests", dependencies: ["UsherCore"], swiftSettings: common),
        .testTarget(
            name: "UsherHTTPTests", dependencies: ["UsherCore", "UsherHTTP", "UsherTestKit", nioCore],
            swiftSettings: common),
        .testTarget(
            name: "UsherReplicationTests", dependencies: ["UsherCore", "UsherReplication"], swiftSettings: common),
        .testTarget(name: "UsherShardingTests", dependencies: ["UsherCore", "UsherSharding"], swiftSettings: common),
        .testTarget(
            name: "UsherQuotasTests", dependencies: ["UsherCore", "UsherHTTP", "UsherQuotas", nioCore],
            swiftSettings: common),
        .testTarget(
            name: "UsherCachingTests", dependencies: ["UsherCore", "UsherHTTP", "UsherCaching", nioCore],
            swiftSettings: common),
        .testTarget(
            name: "UsherIdentitiesTests", dependencies: ["UsherCore", "UsherIdentities", jwtKit, crypto],
            swiftSettings: common),
        .testTarget(
            name: "UsherStoresTests",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherQuotas", "UsherCaching", "UsherStores", "UsherTestKit",
                nioCore, nioPosix, nioEmbedded,
            ],
            swiftSettings: common),
        .testTarget(
            name: "UsherTelemetryTests", dependencies: ["UsherCore", "UsherHTTP", "UsherTelemetry", nioCore, logging],
            swiftSettings: common),
        .testTarget(
            name: "UsherSupervisorTests",
            dependencies: [
                "UsherCore", "UsherSupervisor", "CUsherGuard", "usher", logging,
                .product(name: "Subprocess", package: "swift-subprocess"), system,
            ],
            swiftSettings: common),
        .testTarget(
            name: "UsherTransportTests",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherReplication", "UsherTransport", "UsherTestKit", nioCore, nioPosix,
                nioSSL, nioEmbedded,
            ],
            swiftSettings: common),
        .testTarget(
            name: "UsherLoadTests",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherTransport", "UsherLoad", "UsherTestKit", nioCore, nioPosix, nioSSL,
            ],
            swiftSettings: common),
        .testTarget(
            name: "UsherAdvisorTests", dependencies: ["UsherCore", "UsherSharding", "UsherAdvisor"],
            swiftSettings: common),
        .testTarget(
            name: "UsherConfigurationTests", dependencies: ["UsherCore", "UsherConfiguration"], swiftSettings: common),
        .testTarget(
            name: "UsherConsoleTests",
            dependencies: ["UsherCore", "UsherTelemetry", "UsherConsole", logging, lifecycle], swiftSettings: common),
        .testTarget(
            name: "UsherGatewayTests",
            dependencies: [
                "UsherCore", "UsherHTTP", "UsherReplication", "UsherSharding", "UsherTransport", "UsherConfiguration",
                "UsherConsole", "UsherGateway", "UsherLoad", "UsherTestKit", nioCore, nioPosix, nioSSL, logging,
                lifecycle,
                crypto,
                .product(name: "Subprocess", package: "swift-subprocess"), system,
            ],
            swiftSettings: common),
        .testTarget(
            name: "FaultTests", dependencies: ["usher", "UsherTestKit"], exclude: ["Support"], swiftSettings: common),
    ],
    swiftLanguageModes: [.v6]
)
