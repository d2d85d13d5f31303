// SPDX-License-Identifier: Apache-2.0

import Foundation
import TalkbackClient

/// The view in a terminal: looks again and again, and draws what there is.
struct WatchView {
    private enum Event: Sendable {
        case look(ServerLook)
        case failure(ClientError)
        case key(UInt8)
        /// The window has another size, or the program goes on after a stop.
        case redraw
        case end
    }

    private let client: Client
    private let pause: Duration
    private let screen = Screen()

    init(_ client: Client, every pause: Duration) {
        self.client = client
        self.pause = pause
    }

    func run() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let signals = signals { continuation.yield($0) }
        screen.enter()
        defer { screen.leave() }
        readKeys { continuation.yield(.key($0)) }
        let looking = Task { [client, pause] in
            await Self.look(client, every: pause) { continuation.yield($0) }
        }
        await show(events)
        looking.cancel()
        withExtendedLifetime(signals) {}
    }

    private static func look(_ client: Client, every pause: Duration, _ tell: (Event) -> Void) async {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            do throws(ClientError) {
                tell(.look(try await client.look()))
            } catch {
                tell(.failure(error))
            }
            next = max(next + pause, ContinuousClock.now)
            // So often it is to look.
            try? await Task.sleep(until: next)
        }
    }

    // MARK: Showing

    private func show(_ events: AsyncStream<Event>) async {
        var report: WatchReport?
        var problem: String?
        for await event in events {
            switch event {
            case .look(let look):
                // After a failure too: the rates are those of all the time since.
                report = WatchReport(look, after: report?.look)
                problem = nil
            case .failure(let error): problem = Self.text(error, last: report?.look.time)
            case .key(let key):
                guard key == UInt8(ascii: "q") || key == UInt8(ascii: "Q") else { continue }
                return
            case .redraw: break
            case .end: return
            }
            let (width, height) = screen.size
            if let report {
                let table = WatchTable(report, address: "\(client.address)", problem: problem)
                screen.draw(table.lines(width: width, height: height))
            } else if let problem {
                screen.draw([WatchTable.Line(text: String(problem.prefix(width)), style: .warning)])
            }
        }
    }

    private static func text(_ error: ClientError, last: ContinuousClock.Instant?) -> String {
        let age = last.map { $0.duration(to: .now).components.seconds }
        let table = age.map { "; the table is \(WatchTable.time(Int($0))) old" } ?? ""
        return "\(error.reason); trying again\(table)"
    }

    // MARK: What comes from outside

    private func signals(_ tell: @escaping @Sendable (Event) -> Void) -> Signals {
        let end: @Sendable () -> Void = { tell(.end) }
        let redraw: @Sendable () -> Void = { tell(.redraw) }
        let stop: @Sendable () -> Void = { [screen] in
            // Ctrl-Z: the shell gets its terminal back until the program goes on.
            screen.leave()
            // To this thread, which otherwise would go on for a moment and take the terminal again.
            raise(SIGSTOP)
            screen.enter()
            tell(.redraw)
        }
        return Signals([
            SIGINT: end, SIGTERM: end, SIGHUP: end, SIGQUIT: end, SIGTSTP: stop, SIGWINCH: redraw,
        ])
    }

    /// Tells of the keys that are pressed, if there is a keyboard, for as long as the program runs.
    private func readKeys(_ tell: @escaping @Sendable (UInt8) -> Void) {
        guard isatty(STDIN_FILENO) == 1 else { return }
        Thread.detachNewThread {
            var byte: UInt8 = 0
            while true {
                // SAFETY: read writes the one byte during the call.
                let count = unsafe read(STDIN_FILENO, &byte, 1)
                if count == 1 { tell(byte) } else if count == 0 || errno != EINTR { return }
            }
        }
    }
}
