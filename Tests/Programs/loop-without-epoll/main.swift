// SPDX-License-Identifier: Apache-2.0
// What an event loop does without all that it wants of epoll.
//
// none: says what making a loop throws.
// timers: says how late timers are, which is for a sandbox without epoll_pwait2.
// closed: closes the loop's epoll descriptor while tasks wait, as a program might that closes descriptors which are not
// its own; says what the calls that wait throw, and how much processor time the loop takes after that.

import AsyncSockets
import Glibc
import Sockets
import SystemPackage

func report(_ name: String, _ body: () async throws -> Void) async {
    do {
        try await body()
        print("\(name): no error")
    } catch {
        print("\(name): \(error)")
    }
}

/// The epoll instances of this process that watch a descriptor: the loop's, and never libdispatch's own, which it makes
/// when it likes and cannot live without.
func epollDescriptors(watching target: Int32) -> [Int32] {
    (3..<64).filter { number in
        // SAFETY: the path is read during the call.
        let file = unsafe open("/proc/self/fdinfo/\(number)", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        // SAFETY: read writes at most as many bytes as there are.
        let count = unsafe read(file, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: "\n").contains { line in
            let words = line.split(separator: " ")
            return words.first == "tfd:" && words.dropFirst().first == "\(target)"
        }
    }
}

func processorTime() -> Int {
    var time = timespec()
    // SAFETY: the structure is written during the call.
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

func measureTimers() async throws {
    let loop = try EventLoop()
    let delay: Duration = .microseconds(1300)
    let lateness = await Task(executorPreference: loop) {
        var lateness: [Duration] = []
        for _ in 0..<100 {
            let start = ContinuousClock.now
            try? await loop.sleep(for: delay)
            lateness.append(.now - start - delay)
        }
        return lateness
    }.value
    // The least, as other processes may keep this one waiting.
    print("late by less than half a millisecond: \((lateness.min() ?? .zero) < .microseconds(500))")
    print("early: \((lateness.min() ?? .zero) < .zero)")
}

func closeEpoll() async throws {
    let loop = try EventLoop()
    let listener = try Listener.bind(to: .ipv4(.loopback, port: 0), on: loop)
    let client = try await Connection.connect(to: listener.address, on: loop)
    let served = try await listener.accept()
    let pair = try Socket.pair()
    let watched = pair.first.withDescriptor { $0 }
    await withTaskGroup(of: Void.self) { group in
        group.addTask { await report("accept") { _ = try await listener.accept() } }
        group.addTask { await report("receive") { _ = try await client.receive(upTo: 1) } }
        group.addTask {
            await report("receive with a time-out") { _ = try await served.receive(upTo: 1, timeout: .seconds(60)) }
        }
        group.addTask { await report("watch") { _ = try await loop.wait(for: .readable, on: watched) } }
        // Until all of them wait.
        try? await loop.sleep(for: .milliseconds(100))
        for descriptor in epollDescriptors(watching: watched.rawValue) { close(descriptor) }
        // The kernel keeps the instance for the wait that is under way: this ends it.
        try? await loop.sleep(for: .milliseconds(1))
    }
    await report("receive later") { _ = try await served.receive(upTo: 1) }
    await report("sleep") { try await loop.sleep(for: .milliseconds(1)) }
    await report("job") { await Task(executorPreference: loop) {}.value }
    let before = processorTime()
    try await loop.sleep(for: .milliseconds(200))
    print("busy: \(processorTime() - before > 100_000_000)")
    _ = consume pair
}

switch CommandLine.arguments.dropFirst().first {
case "none": await report("loop") { _ = try EventLoop() }
case "timers": try await measureTimers()
default: try await closeEpoll()
}
