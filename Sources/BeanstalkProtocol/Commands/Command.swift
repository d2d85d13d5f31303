// SPDX-License-Identifier: Apache-2.0

/// What a client asks for: one line of the protocol, read and checked.
///
/// Numbers are what the protocol allows: priorities, delays and times to run are 32-bit numbers of seconds (but for the
/// priority), jobs are 64-bit.
public enum Command: Hashable, Sendable {
    /// `put`, whose body follows.
    case put(PutHeader)
    /// `use`: the tube that later puts go into.
    case use(TubeName)
    /// `reserve`: a job from a watched tube, however long it takes.
    case reserve
    /// `reserve-with-timeout`: a job, waiting so many seconds.
    case reserveWithTimeout(UInt32)
    /// `reserve-job`: a certain job.
    case reserveJob(UInt64)
    /// `delete`
    case delete(UInt64)
    /// `release`: back into the queue, with a priority and a delay.
    case release(UInt64, priority: UInt32, delay: UInt32)
    /// `bury`: aside until it is kicked.
    case bury(UInt64, priority: UInt32)
    /// `touch`: its time to run begins anew.
    case touch(UInt64)
    /// `watch`: reserve from this tube too.
    case watch(TubeName)
    /// `ignore`: reserve from this tube no more.
    case ignore(TubeName)
    /// `peek`
    case peek(UInt64)
    /// `peek-ready`
    case peekReady
    /// `peek-delayed`
    case peekDelayed
    /// `peek-buried`
    case peekBuried
    /// `kick`: at most so many buried or delayed jobs become ready.
    case kick(UInt32)
    /// `kick-job`
    case kickJob(UInt64)
    /// `stats`
    case stats
    /// `stats-job`
    case statsJob(UInt64)
    /// `stats-tube`
    case statsTube(TubeName)
    /// `list-tubes`
    case listTubes
    /// `list-tube-used`
    case listTubeUsed
    /// `list-tubes-watched`
    case listTubesWatched
    /// `pause-tube`: no jobs from this tube for so many seconds.
    case pauseTube(TubeName, UInt32)
    /// `quit`
    case quit

    // Not beanstalkd's: see Documentation/protocol.md.

    /// `progress`: so many per cent, and a text.
    case progress(UInt64, percent: UInt8, text: [UInt8])
    /// `finish`, whose result of so many bytes follows.
    case finish(UInt64, byteCount: Int)
    /// `fail`, whose reason of so many bytes follows.
    case fail(UInt64, Retry, byteCount: Int)
    /// `state`
    case state(UInt64)
    /// `wait`: for the end, so many seconds.
    case wait(UInt64, seconds: UInt32)
    /// `follow`: each state up to the end, so many seconds.
    case follow(UInt64, seconds: UInt32)
    /// `cancel`
    case cancel(UInt64)
    /// `describe-job`
    case describeJob(UInt64)
}

/// When a worker wants a job that has failed to be tried again.
public enum Retry: Hashable, Sendable {
    /// After so many seconds, but at most so many times in all, 0 for any number, unless the job itself says otherwise.
    case after(UInt32, attempts: UInt32)
    /// Not at all.
    case never
}

/// The line that announces a job.
public struct PutHeader: Hashable, Sendable {
    /// The most urgent is 0.
    public var priority: UInt32
    /// Seconds before the job is ready.
    public var delay: UInt32
    /// Seconds that a worker has for the job: at least 1, which 0 becomes.
    public var timeToRun: UInt32
    /// The number of bytes in the body, with those of a reason before it.
    public var byteCount: Int
    /// What else it says; none for beanstalkd's put.
    public var tags: [PutTag]

    /// How many bytes at the beginning of the body are the reason of ``PutTag/reason(byteCount:)``.
    public var reasonByteCount: Int {
        for case .reason(let count) in tags { return count }
        return 0
    }

    /// A header.
    public init(priority: UInt32, delay: UInt32, timeToRun: UInt32, byteCount: Int, tags: [PutTag] = []) {
        self.priority = priority
        self.delay = delay
        self.timeToRun = max(1, timeToRun)
        self.byteCount = byteCount
        self.tags = tags
    }
}

/// What a put says behind the number of bytes; each at most once.
public enum PutTag: Hashable, Sendable {
    /// `idp`: the only job with this key in its tube, and for so many seconds after its end.
    case unique(TubeName, seconds: UInt32)
    /// `keep`: the outcome can be asked for that many seconds after the end.
    case keep(seconds: UInt32)
    /// `attempts`: how often a worker may get it, 1 or more.
    case attempts(UInt32)
    /// `backoff`: seconds before the second attempt, each later one after twice as many as the one before, at most so
    /// many.
    case backoff(first: UInt32, most: UInt32)
    /// `lease:connection`: it is its worker's for as long as the worker's connection is there.
    case leaseOfConnection

    // What has happened to the job on another server.

    /// `tried`: how often workers got it since it was put or kicked.
    case tried(UInt32)
    /// `counts`: how often things have happened to it.
    case counts(TransitionCounts)
    /// `state:buried`: it is put aside.
    case buried
    /// `reason`: the first so many bytes of the body are no part of it, but why the last attempt has failed.
    case reason(byteCount: Int)
}

/// How often things have happened to a job, as `stats-job` has it.
public struct TransitionCounts: Hashable, Sendable {
    /// Reserved.
    public var reserves: UInt32
    /// Taken back from a worker whose time was over.
    public var timeouts: UInt32
    /// Released by a worker.
    public var releases: UInt32
    /// Buried.
    public var buries: UInt32
    /// Kicked.
    public var kicks: UInt32

    /// Counts.
    public init(reserves: UInt32 = 0, timeouts: UInt32 = 0, releases: UInt32 = 0, buries: UInt32 = 0, kicks: UInt32 = 0)
    {
        self.reserves = reserves
        self.timeouts = timeouts
        self.releases = releases
        self.buries = buries
        self.kicks = kicks
    }
}

/// The name of a tube: 1 to 200 letters, digits and `-+/;.$_()`, the first not a `-`.
public struct TubeName: Hashable, Sendable {
    /// The name's bytes, ASCII.
    public let bytes: [UInt8]

    /// The tube that a connection uses and watches at first.
    public static let `default` = TubeName(checked: Array("default".utf8))

    /// The most bytes that a name has.
    public static let maximumLength = 200

    /// A name; `nil` if it is none.
    public init?(_ name: some StringProtocol) {
        let bytes = Array(name.utf8)
        guard Self.isName(bytes.span) else { return nil }
        self.bytes = bytes
    }

    /// A name; `nil` if it is none.
    public init?(_ bytes: [UInt8]) {
        guard Self.isName(bytes.span) else { return nil }
        self.bytes = bytes
    }

    private init(checked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// A name that makes up the whole of some bytes.
    init?(_ bytes: Span<UInt8>) {
        guard Self.isName(bytes) else { return nil }
        // SAFETY: the bytes are copied during the call.
        self.bytes = unsafe bytes.withUnsafeBufferPointer { unsafe Array($0) }
    }

    private static func isName(_ bytes: Span<UInt8>) -> Bool {
        guard (1...maximumLength).contains(bytes.count), bytes[0] != UInt8(ascii: "-") else { return false }
        for index in bytes.indices where !isAllowed(bytes[index]) { return false }
        return true
    }

    static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "/"),
            UInt8(ascii: ";"), UInt8(ascii: "."), UInt8(ascii: "$"), UInt8(ascii: "_"), UInt8(ascii: "("),
            UInt8(ascii: ")"):
            true
        default: false
        }
    }
}

extension TubeName: CustomStringConvertible {
    /// The name.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}
