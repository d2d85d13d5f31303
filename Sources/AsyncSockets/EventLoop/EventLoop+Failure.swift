// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import SystemPackage

/// The channels on a loop's poller, and whether it still works. Used under the loop's lock.
///
/// `@safe`: the poller's reference keeps each channel alive for as long as it is listed.
@safe
struct RegisteredChannels {
    private var channels: [Unmanaged<Channel>] = unsafe []
    /// Why the poller cannot wait any more.
    private(set) var failure: Errno?

    var isEmpty: Bool { unsafe channels.isEmpty }

    /// Adds a channel.
    ///
    /// - Returns: Why it would wait for ever, if it would.
    mutating func add(_ channel: Unmanaged<Channel>) -> Errno? {
        unsafe channel._withUnsafeGuaranteedRef { $0.registration = unsafe channels.count }
        unsafe channels.append(channel)
        return failure
    }

    mutating func remove(_ channel: Channel) {
        let last = unsafe channels.removeLast()
        let place = channel.registration
        guard place < (unsafe channels.count) else { return }
        unsafe channels[place] = unsafe last
        unsafe last._withUnsafeGuaranteedRef { $0.registration = place }
    }

    /// Notes the failure.
    ///
    /// - Returns: Every channel that may wait for an event.
    mutating func fail(_ errno: Errno) -> [Channel] {
        failure = errno
        return unsafe channels.map { unsafe $0.takeUnretainedValue() }
    }
}

extension EventLoop {
    /// Ends all waiting for events with an error, since waiting has failed in a way that does not pass: a sandbox
    /// refuses it, or somebody has closed the epoll descriptor.
    ///
    /// Jobs and timers go on, so that the tasks that get the error can end.
    func fail(_ errno: Errno) {
        for channel in registered.withLock({ $0.fail(errno) }) {
            channel.use.set(.loopHasFailed)
            channel.wake()
        }
        endAllWatches()
    }

    /// The error of a call that waits for events, if that is impossible.
    var failure: SocketError? {
        registered.withLock(\.failure).map { SocketError(.eventLoop, .system($0)) }
    }
}
