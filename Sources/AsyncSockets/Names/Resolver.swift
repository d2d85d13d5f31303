// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import SystemPackage

/// Looks names up on threads of its own, since `getaddrinfo` blocks for as long as name servers take.
///
/// There are at most so many threads at a time, each of which ends when there is nothing more to look up.
final class Resolver: Sendable {
    static let shared = Resolver(threadLimit: 16)

    private struct State {
        var threads = 0
        var queries: [@Sendable () -> Void] = []
    }

    private let threadLimit: Int
    private let state = Lock(State())

    init(threadLimit: Int) {
        self.threadLimit = threadLimit
    }

    /// What a lookup has found, unless the task that asked has stopped waiting for it.
    ///
    /// `@safe`: the continuation is resumed exactly once, by whoever takes it out.
    @safe
    private struct Asker {
        var continuation: UnsafeContinuation<Result<[SocketAddress], SocketError>, Never>?
        var answer: Result<[SocketAddress], SocketError>?
    }

    private final class Question: Sendable {
        private let asker = Lock(Asker())

        func wait() async -> Result<[SocketAddress], SocketError> {
            await unsafe withUnsafeContinuation { continuation in
                let answer = asker.withLock { asker in
                    if asker.answer == nil { unsafe asker.continuation = continuation }
                    return asker.answer
                }
                if let answer { unsafe continuation.resume(returning: answer) }
            }
        }

        /// The first answer counts.
        func answer(_ answer: Result<[SocketAddress], SocketError>) {
            let continuation = unsafe asker.withLock { asker in
                if asker.answer == nil { asker.answer = answer }
                let continuation = unsafe asker.continuation
                unsafe asker.continuation = nil
                return unsafe continuation
            }
            unsafe continuation?.resume(returning: answer)
        }
    }

    /// The addresses of a host.
    ///
    /// A lookup that nobody waits for any more goes on in its thread: it cannot be stopped.
    func addresses(
        of host: String, port: UInt16, until patience: Patience, on loop: EventLoop
    ) async throws(SocketError) -> [SocketAddress] {
        if IPAddress(host) != nil { return try SocketAddress.resolve(host: host, port: port) }
        let question = Question()
        run {
            question.answer(
                Result { () throws(SocketError) in try SocketAddress.resolve(host: host, port: port) })
        }
        let late = SocketError(.resolve, .system(.timedOut), subject: .text(host))
        let timer =
            patience.deadline == .max
            ? nil : loop.addTimer(at: patience.deadline, .call { question.answer(.failure(late)) })
        let answer = await withTaskCancellationHandler {
            await question.wait()
        } onCancel: {
            question.answer(.failure(SocketError(.resolve, .cancelled, subject: .text(host))))
        }
        if let timer { loop.cancelTimer(timer) }
        return try answer.get()
    }

    private func run(_ query: @escaping @Sendable () -> Void) {
        let needsThread = state.withLock { state in
            state.queries.append(query)
            guard state.threads < threadLimit else { return false }
            state.threads += 1
            return true
        }
        // Without a thread the question is answered here: late is better than never.
        if needsThread, case .failure = LoopThread.start({ self.work() }) { work() }
    }

    private func work() {
        while let query = next() { query() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            if state.queries.isEmpty {
                state.threads -= 1
                return nil
            }
            return state.queries.removeFirst()
        }
    }
}
