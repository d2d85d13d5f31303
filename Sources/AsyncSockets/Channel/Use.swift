// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Who is using a channel, in one atomic word: how many calls are under way, whether one of them receives and one of
/// them sends, and whether the channel is closed.
///
/// A closed channel lets nobody in, and the last call to leave it closes its descriptors, so that a descriptor's number
/// is never given to something else under a call.
struct Use: ~Copyable, Sendable {
    private let word = Atomic<UInt>(0)

    /// What a call wants for itself alone.
    struct Claim: OptionSet {
        let rawValue: UInt

        static let receiving = Claim(rawValue: 1 << 0)
        static let sending = Claim(rawValue: 1 << 1)
    }

    /// What is true of a channel until its end.
    struct Mark: OptionSet {
        let rawValue: UInt

        static let closed = Mark(rawValue: 1 << 2)
        /// The event loop watches the channel.
        static let registered = Mark(rawValue: 1 << 3)
        /// A receive that gets less than it could may leave something behind that no edge will announce again: the end,
        /// a byte behind TCP's urgent one, a byte that came with descriptors or from another sender.
        static let shortReceivesLeaveMore = Mark(rawValue: 1 << 4)
        /// There are calls that wait for their turn to send.
        static let sendersWait = Mark(rawValue: 1 << 5)
        /// The task that owns the channel is cancelled.
        static let ownerCancelled = Mark(rawValue: 1 << 6)
        /// The event loop cannot wait for events any more.
        static let loopHasFailed = Mark(rawValue: 1 << 7)
        /// Somebody may have set `SO_LINGER`, with which closing would wait.
        static let mayLinger = Mark(rawValue: 1 << 8)
    }

    private static var oneCall: UInt { 1 << 9 }

    enum Entry {
        case entered, closed, inUse
    }

    /// Begins a call.
    func enter(_ claim: Claim) -> Entry {
        var old = word.load(ordering: .relaxed)
        while true {
            if old & Mark.closed.rawValue != 0 { return .closed }
            if old & claim.rawValue != 0 { return .inUse }
            let (swapped, current) = word.weakCompareExchange(
                expected: old, desired: (old | claim.rawValue) + Self.oneCall, ordering: .acquiringAndReleasing)
            if swapped { return .entered }
            old = current
        }
    }

    /// Ends a call that has entered with the same claim.
    ///
    /// - Returns: Whether it was the last call of a closed channel.
    func leave(_ claim: Claim) -> Bool {
        let new = word.wrappingSubtract(claim.rawValue + Self.oneCall, ordering: .acquiringAndReleasing).newValue
        return new & Mark.closed.rawValue != 0 && new < Self.oneCall
    }

    /// Ends a call that sends, unless others wait for their turn.
    ///
    /// - Returns: Whether it was the last call of a closed channel; `nil` if others wait, and nothing was done.
    func leaveSending() -> Bool? {
        var old = word.load(ordering: .relaxed)
        while true {
            if old & Mark.sendersWait.rawValue != 0 { return nil }
            let new = old - Claim.sending.rawValue - Self.oneCall
            let (swapped, current) = word.weakCompareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            if swapped { return new & Mark.closed.rawValue != 0 && new < Self.oneCall }
            old = current
        }
    }

    /// Lets a call that is under way send, if no other does.
    ///
    /// - Returns: Whether it may. If not, whoever sends now will see that there is one who waits.
    func claimSendingOrWait() -> Bool {
        var old = word.load(ordering: .relaxed)
        while true {
            let isFree = old & Claim.sending.rawValue == 0
            let new = old | (isFree ? Claim.sending.rawValue : Mark.sendersWait.rawValue)
            let (swapped, current) = word.weakCompareExchange(
                expected: old, desired: new, ordering: .acquiringAndReleasing)
            if swapped { return isFree }
            old = current
        }
    }

    /// Sets a mark.
    ///
    /// - Returns: Whether it was not set before, and whether no call is under way.
    @discardableResult
    func set(_ mark: Mark) -> (isNew: Bool, isUnused: Bool) {
        let old = word.bitwiseOr(mark.rawValue, ordering: .sequentiallyConsistent).oldValue
        return (old & mark.rawValue == 0, old < Self.oneCall)
    }

    func clear(_ mark: Mark) {
        word.bitwiseAnd(~mark.rawValue, ordering: .sequentiallyConsistent)
    }

    /// Whether the mark, or one of several, is set.
    func has(_ mark: Mark) -> Bool {
        word.load(ordering: .sequentiallyConsistent) & mark.rawValue != 0
    }

    /// Closes the channel if no call is under way.
    func closeIfUnused() -> Entry {
        var old = word.load(ordering: .relaxed)
        while true {
            if old & Mark.closed.rawValue != 0 { return .closed }
            if old >= Self.oneCall { return .inUse }
            let (swapped, current) = word.weakCompareExchange(
                expected: old, desired: old | Mark.closed.rawValue, ordering: .acquiringAndReleasing)
            if swapped { return .entered }
            old = current
        }
    }
}
