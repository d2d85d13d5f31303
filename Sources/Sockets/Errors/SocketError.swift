// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// What went wrong in a call of this library: what was tried, on what, and why.
///
/// ```swift
/// do {
///     let listener = try Socket.listen(on: address)
/// } catch {
///     print(error)  // bind 127.0.0.1:80: Permission denied (EACCES)
///     if error.errno == .permissionDenied { … }
/// }
/// ```
///
/// Every function that can fail throws this type, so a `catch` needs no cast. A call that merely would have had to
/// wait is not an error in the functions whose names begin with `try`: they return `nil`.
public struct SocketError: Error, Hashable, Sendable {
    // One reference: a function that can throw keeps room for an error in its frame, and an async function's frame is
    // memory that each suspended task holds.
    private var details: Details

    private final class Details: Sendable {
        let operation: Operation
        let subject: Subject?
        let reason: Reason
        let attempts: [SocketError]

        init(_ operation: Operation, _ subject: Subject?, _ reason: Reason, _ attempts: [SocketError]) {
            self.operation = operation
            self.subject = subject
            self.reason = reason
            self.attempts = attempts
        }
    }

    /// An error of the given operation.
    public init(_ operation: Operation, _ reason: Reason, subject: Subject? = nil, attempts: [SocketError] = []) {
        details = Details(operation, subject, reason, attempts)
    }

    /// What was tried.
    public var operation: Operation {
        get { details.operation }
        set { details = Details(newValue, subject, reason, attempts) }
    }

    /// What it was tried on, where there is more to say than the socket itself.
    public var subject: Subject? {
        get { details.subject }
        set { details = Details(operation, newValue, reason, attempts) }
    }

    /// Why it failed.
    public var reason: Reason {
        get { details.reason }
        set { details = Details(operation, subject, newValue, attempts) }
    }

    /// The errors of the single attempts, where one call tried several addresses in turn; otherwise empty.
    public var attempts: [SocketError] {
        get { details.attempts }
        set { details = Details(operation, subject, reason, newValue) }
    }

    /// The operating system's error number, if the operating system refused the call.
    public var errno: Errno? {
        if case .system(let errno) = reason { errno } else { nil }
    }

    /// The address that the call was about, if it was about one.
    public var address: SocketAddress? {
        if case .address(let address) = subject { address } else { nil }
    }

    /// Whether the call failed only because it would have had to wait: the socket is non-blocking, or the time-out
    /// set by ``SocketOption/receiveTimeout`` or ``SocketOption/sendTimeout`` has passed (`EAGAIN`).
    public var isWouldBlock: Bool {
        errno == .wouldBlock || errno == .resourceTemporarilyUnavailable
    }

    /// Whether the two say the same.
    public static func == (one: SocketError, other: SocketError) -> Bool {
        one.operation == other.operation && one.subject == other.subject && one.reason == other.reason
            && one.attempts == other.attempts
    }

    /// Hashes all that the error says.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(operation)
        hasher.combine(subject)
        hasher.combine(reason)
        hasher.combine(attempts)
    }
}

extension SocketError {
    /// What a failed call was about.
    public enum Subject: Hashable, Sendable {
        /// A socket address.
        case address(SocketAddress)
        /// A host or service name that was to be resolved, or text that was to be parsed.
        case text(String)
        /// A socket option.
        case option(SocketOptionName)
    }

    /// Why a call failed. Later versions may add cases.
    public enum Reason: Hashable, Sendable {
        /// The operating system refused, with this error number.
        case system(Errno)
        /// A name could not be resolved.
        case nameResolution(NameResolutionFailure)
        /// The call's own arguments are wrong; no system call was made.
        case invalid(InvalidArgument)
        /// Every address was tried and each failed: see ``SocketError/attempts``.
        case allAttemptsFailed
        /// The socket was closed before the call, or by another task during it.
        case closed
        /// The calling task was cancelled.
        case cancelled
        /// Another task is using what the call needs for itself alone.
        case inUse
        /// The stream ended before the call had all it was to receive.
        case endOfStream
        /// More than so many bytes came before what the call was to receive was complete.
        case limitExceeded(limit: Int)
    }

    /// Something about a call's arguments that is wrong whatever the state of the system. Later versions may add cases.
    public enum InvalidArgument: Hashable, Sendable {
        /// The text is not an address of the expected form.
        case malformedAddress
        /// A port outside 0 to 65535.
        case portOutOfRange
        /// A host name without a single character.
        case emptyHost
        /// A Unix socket's path without a single byte.
        case emptyPath
        /// A Unix socket's path of so many bytes; the limit is ``UnixAddress/maximumPathLength``.
        case pathTooLong(byteCount: Int)
        /// An abstract name of so many bytes; the limit is ``UnixAddress/maximumLength``.
        case abstractNameTooLong(byteCount: Int)
        /// A zero byte where the C library would see the end of the text.
        case zeroByte
        /// A size, a count or a duration below zero.
        case negative
        /// A number or a duration that the kernel's field for it cannot hold.
        case outOfRange
        /// Text longer than the kernel's field for it, in bytes.
        case textTooLong(limit: Int)
        /// More buffers than one system call takes; the limit is ``IOVector/maximumCount``.
        case tooManyBuffers
        /// Descriptors to send on a stream without a single byte of data to go with.
        case descriptorsWithoutData
        /// An address that is not a multicast group's.
        case notMulticast
        /// A list of addresses without a single one.
        case noAddress
        /// An abstract name, which has no file whose mode and owner could be set.
        case noFile
        /// An address of a family that the call has no use for.
        case wrongFamily(AddressFamily)
    }
}
