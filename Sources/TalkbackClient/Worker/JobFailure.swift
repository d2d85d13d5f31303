// SPDX-License-Identifier: Apache-2.0

/// An error of a handler that has words of its own for those who wait for the job, or knows what the failure means for
/// it. Others are told as they describe themselves, and are ``JobFailureKind/ordinary``.
public protocol JobFailure: Error {
    /// Why the attempt has failed.
    var reason: String { get }
    /// The reason byte for byte, where it is not, or may not be, UTF-8. Unless there is one, it is that of ``reason``.
    var reasonBytes: [UInt8] { get }
    /// What becomes of the job. Unless there is one, it is ``JobFailureKind/ordinary``.
    var kind: JobFailureKind { get }
}

extension JobFailure {
    /// The reason in UTF-8.
    public var reasonBytes: [UInt8] { Array(reason.utf8) }
    /// The job is tried again, unless its attempts are used up.
    public var kind: JobFailureKind { .ordinary }
}

/// What a failure means for the job.
public enum JobFailureKind: Hashable, Sendable {
    /// The job is tried again after a pause, unless its attempts are used up. The failure is logged as a warning.
    case ordinary
    /// As ``ordinary``, but nothing is wrong with the job or the worker: what it needs is not there yet. Logged as
    /// information; that its attempts are used up is an error all the same. Commands say so with status 75,
    /// `EX_TEMPFAIL` of `sysexits.h`.
    case temporary
    /// No further attempt would help: the job is buried at once. Commands say so with status 65, `EX_DATAERR`.
    case permanent
}
