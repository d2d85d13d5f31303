// swift-tools-version: 6.2
import PackageDescription

/// What every target is built with. Warnings are errors where the environment asks for it, as .ci/run does: a compiler
/// newer than ours may warn of more, and that must not keep anyone from building.
let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ] + (Context.environment["TALKBACK_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)])

/// A program that a test starts, in Tests/Programs/.
func testProgram(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, path: "Tests/Programs/\(name)", swiftSettings: strict)
}

/// One of the programs in Examples/, an executable of its own.
func example(_ name: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["ExampleSupport", .product(name: "ArgumentParser", package: "swift-argument-parser")],
        path: "Examples/\(name)",
        swiftSettings: strict
    )
}

let examples = [
    "data-server", "data-client", "greeting-server", "greeting-client", "reverse-server", "reverse-client",
]

let package = Package(
    name: "talkback",
    products: [
        .library(name: "Sockets", targets: ["Sockets"]),
        .library(name: "PHPSockets", targets: ["PHPSockets"]),
        .library(name: "AsyncSockets", targets: ["AsyncSockets"]),
        .library(name: "TalkbackClient", targets: ["TalkbackClient"]),
        .executable(name: "talkback", targets: ["talkback"]),
    ] + examples.map { .executable(name: $0, targets: [$0]) },
    dependencies: [
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        // Without its trait for Foundation.
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        .target(name: "CSockets"),
        .target(
            name: "Sockets",
            dependencies: [
                "CSockets",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "PHPSockets",
            dependencies: [
                "CSockets",
                "Sockets",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "AsyncSockets",
            dependencies: [
                "CSockets",
                "Sockets",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "JobStore",
            dependencies: [
                "JobQueue",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "JobStoreTests",
            dependencies: ["JobQueue", "JobStore", "TestSupport", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict
        ),
        .target(
            name: "TalkbackServer",
            dependencies: [
                "AsyncSockets",
                "BeanstalkProtocol",
                "JobQueue",
                "JobStore",
                "Sockets",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TalkbackServerTests",
            dependencies: [
                "AsyncSockets", "BeanstalkProtocol", "JobQueue", "JobStore", "Sockets", "TalkbackServer", "TestSupport",
                "talkback", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .executableTarget(
            name: "talkback",
            dependencies: [
                "AsyncSockets",
                "BeanstalkProtocol",
                "JobStore",
                "Sockets",
                "TalkbackClient",
                "TalkbackRunner",
                "TalkbackServer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "TalkbackClient",
            dependencies: [
                "AsyncSockets",
                "BeanstalkProtocol",
                "Sockets",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TalkbackClientTests",
            dependencies: [
                "AsyncSockets",
                "JobStore",
                "Sockets",
                "TalkbackClient",
                "TalkbackServer",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TalkbackTests",
            dependencies: [
                "Sockets", "TalkbackClient", "TestSupport", "talkback",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(name: "CRunner"),
        .target(
            name: "TalkbackRunner",
            dependencies: [
                "AsyncSockets",
                "CRunner",
                "Sockets",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "TalkbackRunnerTests", dependencies: ["TalkbackRunner", "TestSupport"], swiftSettings: strict),
        .target(name: "JobQueue", swiftSettings: strict),
        .testTarget(name: "JobQueueTests", dependencies: ["JobQueue", "TestSupport"], swiftSettings: strict),
        .target(name: "BeanstalkProtocol", swiftSettings: strict),
        .testTarget(
            name: "BeanstalkProtocolTests", dependencies: ["BeanstalkProtocol", "TestSupport"], swiftSettings: strict),
        .target(
            name: "TestSupport",
            dependencies: ["Sockets", "TalkbackRunner", .product(name: "SystemPackage", package: "swift-system")],
            path: "Tests/Support",
            swiftSettings: strict
        ),
        testProgram("passed-listeners", ["AsyncSockets", "Sockets"]),
        testProgram(
            "loop-without-epoll",
            ["AsyncSockets", "Sockets", .product(name: "SystemPackage", package: "swift-system")]),
        // In C: a seccomp filter takes calls that Swift does not import.
        .executableTarget(name: "refusing-calls", path: "Tests/Programs/refusing-calls"),
        testProgram("php-conformance", ["PHPSockets"]),
        testProgram("php-names-alone", ["PHPSockets"]),
        testProgram("php-names-glibc", ["PHPSockets"]),
        testProgram("php-names-foundation", ["PHPSockets"]),
        .testTarget(
            name: "PHPSocketsTests",
            dependencies: [
                "PHPSockets",
                "Sockets",
                "TestSupport",
                "php-names-alone",
                "php-names-glibc",
                "php-names-foundation",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "AsyncSocketsTests",
            dependencies: [
                "AsyncSockets",
                "Sockets",
                "TestSupport",
                "loop-without-epoll",
                "passed-listeners",
                "refusing-calls",
                "talkback",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .testTarget(
            name: "SocketsTests",
            dependencies: [
                "Sockets",
                "CSockets",
                "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: strict
        ),
        .target(
            name: "ExampleSupport",
            dependencies: [
                "AsyncSockets",
                "Sockets",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Examples/Support",
            swiftSettings: strict
        ),
        .testTarget(
            name: "ExamplesTests",
            dependencies: [
                "Sockets",
                "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ] + examples.map { .target(name: $0) },
            swiftSettings: strict
        ),
    ] + examples.map(example)
)
