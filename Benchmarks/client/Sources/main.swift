// SPDX-License-Identifier: Apache-2.0

// The client library under load: cycles of a put, a reserve and a delete over one connection, by one task that waits
// for each reply, and by many at once, in alternating turns.
//
//   client-load ADDRESS ROUNDS SECONDS TASKS [loop]
//
// Prints for each round the cycles a second of one task and of many. With "loop" the tasks run on the connection's
// event loop.

import AsyncSockets
import Foundation
import TalkbackClient

guard CommandLine.arguments.count >= 5, let address = ServerAddress(parsing: CommandLine.arguments[1]),
    let rounds = Int(CommandLine.arguments[2]), let seconds = Double(CommandLine.arguments[3]),
    let taskCount = Int(CommandLine.arguments[4])
else {
    FileHandle.standardError.write(Data("usage: client-load ADDRESS ROUNDS SECONDS TASKS [loop]\n".utf8))
    exit(64)
}
let isOnLoop = CommandLine.arguments.dropFirst(5).first == "loop"

struct NoJob: Error {}

let body = [UInt8](repeating: UInt8(ascii: "x"), count: 64)

@Sendable
func cycles(_ client: Client, until end: ContinuousClock.Instant) async throws -> Int {
    var count = 0
    while ContinuousClock.now < end {
        try await client.put(body, into: "client-load")
        // Another task's job may be first, but there is one for each.
        guard let job = try await client.reserve(from: ["client-load"], timeout: .zero) else { throw NoJob() }
        try await job.delete()
        count += 1
    }
    return count
}

/// Cycles a second.
@Sendable
func turn(_ client: Client, tasks: Int, seconds: Double, on loop: EventLoop?) async throws -> Double {
    let start = ContinuousClock.now
    let end = start + .seconds(seconds)
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<tasks {
            group.addTask(executorPreference: loop) { try await cycles(client, until: end) }
        }
        return try await group.reduce(0, +)
    }
    return Double(count) / (start.duration(to: .now) / .seconds(1))
}

let loop = try EventLoop()
// A client that is made on a loop stays there.
let work = Task(executorPreference: loop) {
    let client = try await Client.connect(to: address)
    for round in 0..<rounds {
        var rates: [Int: Double] = [:]
        for tasks in round % 2 == 0 ? [1, taskCount] : [taskCount, 1] {
            rates[tasks] = try await turn(client, tasks: tasks, seconds: seconds, on: isOnLoop ? loop : nil)
        }
        print(String(format: "%.0f %.0f", rates[1] ?? 0, rates[taskCount] ?? 0))
    }
    await client.close()
}
try await work.value
