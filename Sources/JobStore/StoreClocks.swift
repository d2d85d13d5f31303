// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import Glibc
internal import JobQueue

/// The clocks that a ``JobStore`` goes by; a test can make its own. All times are in nanoseconds.
public struct StoreClocks: Sendable {
    /// Which boot of the machine this is, a UUID as text; `nil` if it cannot be known.
    public var bootID: String?
    /// The time since the boot. It is never set, and counts while the machine is suspended.
    public var timeSinceBoot: @Sendable () -> Int64
    /// The time since 1970. Anybody may set it to anything.
    public var wallTime: @Sendable () -> Int64
    /// The clock that the queue's times are of.
    public var queueTime: @Sendable () -> Int64

    /// Clocks.
    public init(
        bootID: String?, timeSinceBoot: @escaping @Sendable () -> Int64, wallTime: @escaping @Sendable () -> Int64,
        queueTime: @escaping @Sendable () -> Int64
    ) {
        self.bootID = bootID
        self.timeSinceBoot = timeSinceBoot
        self.wallTime = wallTime
        self.queueTime = queueTime
    }

    /// The machine's: the boot ID of `/proc/sys/kernel/random/boot_id`, `CLOCK_BOOTTIME`, `CLOCK_REALTIME`, and, for
    /// the queue, the event loop's `CLOCK_MONOTONIC`.
    public static var system: StoreClocks {
        let id = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        return StoreClocks(
            bootID: id?.trimmingCharacters(in: .whitespacesAndNewlines),
            timeSinceBoot: { Clock.now(CLOCK_BOOTTIME) }, wallTime: { Clock.now(CLOCK_REALTIME) },
            queueTime: { Clock.now(CLOCK_MONOTONIC) })
    }
}

/// The time that stored times are of: it goes on evenly within a boot, whatever happens to the wall clock, and from one
/// boot to the next by the wall clock, but never back.
///
/// A store of times of the wall clock alone would make a year of a delay of six seconds when it is opened with a clock
/// that is a year behind. With this a job has never more left of its delay than it had when the store was written last,
/// and within a boot exactly as much as it should.
struct StoreTime: Sendable {
    private let clocks: StoreClocks
    /// From the boot to the zero of stored times, which is 1970 as far as the wall clock was right when the boot was
    /// first seen.
    let bootOffset: Int64
    let boot: Boot

    /// A boot ID as the store keeps it; two zeros if it is not known.
    struct Boot: Hashable, Sendable {
        var high: Int64 = 0
        var low: Int64 = 0

        var isKnown: Bool { high != 0 || low != 0 }
    }

    /// - Parameters:
    ///   - boot: The boot in which the store was written last.
    ///   - bootOffset: What it was in that boot.
    ///   - lastTime: The latest time that the store knows to be over.
    init(_ clocks: StoreClocks, boot: Boot, bootOffset: Int64, after lastTime: Int64) {
        self.clocks = clocks
        self.boot = clocks.bootID.flatMap { Boot($0) } ?? Boot()
        let sinceBoot = clocks.timeSinceBoot()
        // A clock that is behind is another one, whatever the boot ID says: in a container that was moved, for
        // instance.
        if self.boot.isKnown, self.boot == boot, sinceBoot &+ bootOffset >= lastTime {
            self.bootOffset = bootOffset
        } else {
            self.bootOffset = max(clocks.wallTime(), lastTime) &- sinceBoot
        }
    }

    /// Now, as a stored time.
    var now: Int64 { clocks.timeSinceBoot() &+ bootOffset }

    /// From the zero of the queue's times to the zero of stored times.
    var queueOffset: Int64 { now &- clocks.queueTime() }
}

extension StoreTime.Boot {
    /// - Parameter id: A UUID as text.
    init?(_ id: String) {
        let digits = id.filter { $0 != "-" }
        guard digits.utf8.count == 32, let high = UInt64(digits.prefix(16), radix: 16),
            let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        self.init(high: Int64(bitPattern: high), low: Int64(bitPattern: low))
    }
}

extension Mutation {
    /// When that began which it makes last until a time; `nil` if there is no such thing.
    var start: QueueTime? {
        switch self {
        case .put(let job): job.creation
        case .change(let change) where change.state == .delayed: change.due.before(change.delay)
        case .end(_, _, let outcome): outcome?.time
        case .pause(_, let seconds, let until) where seconds > 0: until.before(seconds)
        case .change, .delete, .forget, .forgetData, .pause: nil
        }
    }
}

extension QueueTime {
    fileprivate func before(_ seconds: UInt32) -> QueueTime {
        QueueTime(nanoseconds: nanoseconds &- Int64(seconds) * 1_000_000_000)
    }
}
