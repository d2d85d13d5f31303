// SPDX-License-Identifier: Apache-2.0

public import Sockets
internal import SystemPackage

/// Why a call of a ``Client`` has failed: what was tried, and the reason.
///
/// ```swift
/// do {
///     try await client.put(photo, into: "resize")
/// } catch where error.reason == .draining {
///     …
/// }
/// ```
public struct ClientError: Error, Sendable {
    /// Why.
    public enum Reason: Hashable, Sendable {
        /// `NOT_FOUND`: there is no such job or tube, or the job is not in a state for it, or somebody else has it.
        case notFound
        /// `JOB_TOO_BIG`: the body has more bytes than the server takes.
        case jobTooBig
        /// `TOO_BIG`: the result has more bytes than the server takes, or the reason of a failure.
        case resultTooBig
        /// `CANCELLED`: nobody needs the job any more, and it is no longer this client's. Whoever works on it should
        /// stop.
        case jobCancelled
        /// `DRAINING`: the server takes no more jobs.
        case draining
        /// `OUT_OF_MEMORY`: the server has no room for it, in memory or on its disk.
        case outOfMemory
        /// `INTERNAL_ERROR`
        case internalError
        /// `BURIED`, in answer to a put: the server has kept the job and set it aside, as it had no room to queue it.
        case buriedOnPut(JobID)
        /// `BAD_FORMAT` or `UNKNOWN_COMMAND` or `EXPECTED_CRLF`: the server does not know what this client says.
        case notUnderstood
        /// What the server said is not the protocol; its line, shortened.
        case unexpectedReply(String)
        /// There is no connection, and the time for making one is over. The command was not sent.
        case cannotConnect(SocketError)
        /// The connection ended, or the time for a reply did, when the command was sent: it may have been executed, or
        /// not.
        case outcomeUnknown(SocketError?)
        /// The connection that had reserved the job has ended, so that the server gives it to another worker.
        case jobLost
        /// The caller's task was cancelled. A command may have been executed, but a job is given back.
        case cancelled
        /// The client was closed. The command was not sent.
        case closed
        /// What was asked for cannot be sent.
        case invalid(String)
    }

    /// What was tried: a command's name, and what it was about.
    public let operation: String
    /// Why it failed.
    public let reason: Reason
    /// The reason in words: with the figures that the server was asked for, and with what can be done about it.
    public var explanation: String { words ?? "\(reason)" }
    private let words: String?

    /// - Parameter words: More than the reason alone can say.
    init(_ operation: String, _ reason: Reason, _ words: String? = nil) {
        self.operation = operation
        self.reason = reason
        self.words = words
    }
}

extension ClientError: CustomStringConvertible {
    /// One line for a person: operation, subject, reason.
    public var description: String { "\(operation): \(explanation)" }

    /// Why a server does not take a body.
    ///
    /// - Parameter limit: The most bytes that the server takes, if it has said so.
    package static func explanation(ofBodyOf byteCount: Int, limit: Int64?) -> String {
        let most = limit.map { "at most \($0)" } ?? "fewer"
        return "the body has \(byteCount) bytes, and the server takes \(most); "
            + "its option --max-job-size (beanstalkd: -z) sets the limit"
    }

    /// Why a result was refused.
    package static func explanation(ofResultOf byteCount: Int) -> String {
        "the result has \(byteCount) bytes, and may have at most \(ReservedJob.maximumResultSize)"
    }
}

extension SocketError {
    /// Why there is no connection, for a text that has said where to already.
    var connectExplanation: String {
        var text = "\(reason)"
        if !attempts.isEmpty { text += ": " + attempts.map(\.description).joined(separator: "; ") }
        let isDeserted = errno == .connectionRefused || errno == .noSuchFileOrDirectory
        return isDeserted ? "\(text): no server listens there" : text
    }
}

extension ClientError.Reason: CustomStringConvertible {
    /// The reason in words, and the server's own word where there is one.
    public var description: String {
        switch self {
        case .notFound: "there is none, or it is not in a state for it (NOT_FOUND)"
        case .jobTooBig: "the body is larger than the server takes (JOB_TOO_BIG)"
        case .resultTooBig: "the result is larger than the server takes (TOO_BIG)"
        case .jobCancelled: "the job was cancelled (CANCELLED)"
        case .draining: "the server takes no more jobs until it is started again (DRAINING)"
        case .outOfMemory: "the server has no memory or no disk space for it (OUT_OF_MEMORY)"
        case .internalError: "the server has failed; its log may say why (INTERNAL_ERROR)"
        case .buriedOnPut(let id): "the server had no room to queue job \(id) and buried it (BURIED)"
        case .notUnderstood: "the server does not know this command: it is not Talkback, or one that is too old"
        case .unexpectedReply(let line): "the server answered \(line)"
        case .cannotConnect(let error): "\(error)"
        case .outcomeUnknown(let error):
            "it may have been done or not: " + (error.map { "\($0)" } ?? "the server closed the connection")
        case .jobLost: "the connection that had reserved the job has ended, and the server gives it to another worker"
        case .cancelled: "cancelled"
        case .closed: "the client was closed"
        case .invalid(let what): what
        }
    }
}
