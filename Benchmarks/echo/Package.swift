// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that what is measured against is no dependency of the project.
let package = Package(
    name: "echo",
    dependencies: [
        .package(name: "talkback", path: "../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    ],
    targets: [
        .executableTarget(
            name: "echo-async",
            dependencies: [
                .product(name: "AsyncSockets", package: "talkback"),
                .product(name: "Sockets", package: "talkback"),
            ]
        ),
        .executableTarget(
            name: "echo-nio-handlers",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
        .executableTarget(
            name: "echo-nio-async",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
    ]
)
