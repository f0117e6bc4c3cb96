// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "micro",
    dependencies: [.package(name: "usher", path: "../..")],
    targets: [
        .executableTarget(
            name: "micro",
            dependencies: [
                .product(name: "UsherCore", package: "usher"), .product(name: "UsherReplication", package: "usher"),
                .product(name: "UsherQuotas", package: "usher"),
            ],
            linkerSettings: [.linkedLibrary("m")])
    ],
    swiftLanguageModes: [.v6]
)
