// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what is measured against is no dependency of the project.
let package = Package(
    name: "benchmarks",
    dependencies: [
        .package(name: "talkback", path: "..")
    ],
    targets: [
        .executableTarget(
            name: "client-load",
            dependencies: [
                .product(name: "AsyncSockets", package: "talkback"),
                .product(name: "TalkbackClient", package: "talkback"),
            ],
            path: "client/Sources",
            swiftSettings: [.swiftLanguageMode(.v6), .strictMemorySafety()]
        )
    ]
)
