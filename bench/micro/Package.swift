// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "micro",
    dependencies: [
        .package(name: "usher", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "micro",
            dependencies: [
                .product(name: "UsherCore", package: "usher"), .product(name: "UsherReplication", package: "usher"),
                .product(name: "UsherSharding", package: "usher"),
                .product(name: "UsherQuotas", package: "usher"), .product(name: "UsherCaching", package: "usher"),
                .product(name: "UsherHTTP", package: "usher"), .product(name: "NIOCore", package: "swift-nio"),
            ],
            // As the sources that are linked into it have it.
            swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")],
            linkerSettings: [.linkedLibrary("m")])
    ],
    swiftLanguageModes: [.v6]
)
