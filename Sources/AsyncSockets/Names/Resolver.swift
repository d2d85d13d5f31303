// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// Looks names up on threads of its own, since `getaddrinfo` blocks for as long as name servers take.
///
/// - An address as text is read at once, without a thread.
/// - A name of the hosts file (`/etc/hosts`), such as `localhost`, is looked up by threads that never ask a name
///   server, so that it never waits behind other names.
/// - All other names share ``threadLimit`` threads. A name server that does not answer holds each of them for as long
///   as `resolv.conf(5)` says (`timeout` times `attempts` for each server: ten seconds by default), and when all are
///   held, further names wait for one.
///
/// A lookup's time-out begins with the call, and covers the wait for a thread. A lookup that nobody waits for any more
/// is dropped if it has no thread yet; otherwise it goes on in its thread, as `getaddrinfo` cannot be stopped. Nothing
/// is cached: that is for the system's own resolver.
public final class Resolver: Sendable {
    /// The resolver that is used where no other is named, with 16 threads at most.
    public static let shared = Resolver(
        uncheckedThreadLimit: 16, isLocal: { HostsFile.system.hasName($0) },
        lookUp: { host, port throws(SocketError) in try SocketAddress.resolve(host: host, port: port) })

    /// Finds the addresses of a host. It may block.
    typealias LookUp = @Sendable (_ host: String, _ port: UInt16) throws(SocketError) -> [SocketAddress]

    private let isLocal: @Sendable (String) -> Bool
    private let lookUp: LookUp
    /// Where every name is looked for in the hosts file first. It asks nobody, so nothing holds it.
    private let hostsLane = Lane(threadLimit: 1)
    /// For the names in the hosts file. A second thread is there for a system that asks name servers before it.
    private let localLane = Lane(threadLimit: 2)
    private let remoteLane: Lane

    /// The most threads that wait for name servers at the same time. Each ends when there is nothing more to look up.
    public var threadLimit: Int { remoteLane.threadLimit }

    /// A resolver with threads of its own.
    ///
    /// - Parameter threadLimit: The most threads that wait for name servers at the same time, 1 to 1024.
    /// - Throws: `SocketError` for a number out of range.
    public convenience init(threadLimit: Int) throws(SocketError) {
        guard (1...1024).contains(threadLimit) else { throw SocketError(.resolve, .invalid(.outOfRange)) }
        self.init(
            uncheckedThreadLimit: threadLimit, isLocal: Self.shared.isLocal, lookUp: Self.shared.lookUp)
    }

    init(uncheckedThreadLimit: Int, isLocal: @escaping @Sendable (String) -> Bool, lookUp: @escaping LookUp) {
        self.isLocal = isLocal
        self.lookUp = lookUp
        remoteLane = Lane(threadLimit: uncheckedThreadLimit)
    }

    /// The addresses of a host, in the order in which they should be tried.
    ///
    /// - Parameters:
    ///   - host: A name, or an address as text; an IPv6 address may have a scope after a `%`.
    ///   - port: The port to put into the addresses.
    ///   - timeout: How long to wait; `nil` for as long as the system does. With zero only an address as text is found.
    ///   - loop: The loop that waits; `nil` for the one that the caller runs on, or a shared one.
    /// - Throws: `SocketError`, naming the host: that of `SocketAddress.resolve(host:port:family:type:)`, `ETIMEDOUT`,
    ///   `SocketError.Reason.cancelled`, or `EAGAIN` if there is no thread to be had.
    ///
    /// The corresponding C function is `getaddrinfo`.
    public func addresses(
        of host: String, port: UInt16, timeout: Duration? = nil, on loop: EventLoop? = nil
    ) async throws(SocketError) -> [SocketAddress] {
        try await addresses(of: host, port: port, until: Patience(.wait, timeout), on: try EventLoop.orDefault(loop))
    }

    func addresses(
        of host: String, port: UInt16, until patience: Patience, on loop: EventLoop
    ) async throws(SocketError) -> [SocketAddress] {
        if HostLiteral.isLiteral(host) || host.isEmpty { return try SocketAddress.resolve(host: host, port: port) }
        let lookup = Lookup(host)
        ask(lookup, port)
        let timer =
            patience.deadline == .max
            ? nil : loop.addTimer(at: patience.deadline, .call { lookup.fail(.system(.timedOut)) })
        let answer = await withTaskCancellationHandler {
            await lookup.wait()
        } onCancel: {
            lookup.fail(.cancelled)
        }
        if let timer { loop.cancelTimer(timer) }
        return try answer.get()
    }

    private func ask(_ lookup: Lookup, _ port: UInt16) {
        let answer = { @Sendable [lookUp] in
            lookup.answer(Result { () throws(SocketError) in try lookUp(lookup.host, port) })
        }
        hostsLane.add(lookup) { [isLocal, localLane, remoteLane] in
            (isLocal(lookup.host) ? localLane : remoteLane).add(lookup, answer)
        }
    }
}

/// A lookup, and the task that waits for what it finds.
private final class Lookup: Sendable {
    typealias Answer = Result<[SocketAddress], SocketError>

    /// `@safe`: the continuation is resumed exactly once, by whoever takes it out.
    @safe
    private struct State {
        var continuation: UnsafeContinuation<Answer, Never>?
        var answer: Answer?
    }

    let host: String
    private let state = Lock(State())

    init(_ host: String) {
        self.host = host
    }

    func wait() async -> Answer {
        await unsafe withUnsafeContinuation { continuation in
            let answer = state.withLock { state in
                if state.answer == nil { unsafe state.continuation = continuation }
                return state.answer
            }
            if let answer { unsafe continuation.resume(returning: answer) }
        }
    }

    /// Ends the wait; the first answer counts.
    func answer(_ answer: Answer) {
        let continuation = unsafe state.withLock { state in
            if state.answer == nil { state.answer = answer }
            let continuation = unsafe state.continuation
            unsafe state.continuation = nil
            return unsafe continuation
        }
        unsafe continuation?.resume(returning: answer)
    }

    func fail(_ reason: SocketError.Reason) {
        answer(.failure(SocketError(.resolve, reason, subject: .text(host))))
    }

    /// Whether nobody waits any more.
    var isAnswered: Bool { state.withLock { $0.answer != nil } }
}

/// Threads that take lookups out of one queue, each of which ends when the queue is empty.
private final class Lane: Sendable {
    private struct State {
        var threads = 0
        var queue: [(lookup: Lookup, work: @Sendable () -> Void)] = []
    }

    let threadLimit: Int
    private let state = Lock(State())

    init(threadLimit: Int) {
        self.threadLimit = threadLimit
    }

    /// Has a thread do what a lookup needs, unless it is answered before there is one.
    func add(_ lookup: Lookup, _ work: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.queue.append((lookup, work))
            guard state.threads < threadLimit else { return false }
            state.threads += 1
            return true
        }
        guard needsThread, case .failure(let errno) = LoopThread.start({ self.run() }) else { return }
        // Not done here, where it would block an event loop. A thread that runs already will come to it; without one,
        // nobody will.
        let stranded = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [] as [Lookup] }
            defer { state.queue = [] }
            return state.queue.map(\.lookup)
        }
        for lookup in stranded { lookup.fail(.system(errno)) }
    }

    private func run() {
        while let work = next() { work() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard let index = state.queue.firstIndex(where: { !$0.lookup.isAnswered }) else {
                state.queue = []
                state.threads -= 1
                return nil
            }
            let work = state.queue[index].work
            state.queue.removeSubrange(...index)
            return work
        }
    }
}
