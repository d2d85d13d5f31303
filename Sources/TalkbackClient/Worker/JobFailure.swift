// SPDX-License-Identifier: Apache-2.0

/// An error of a handler that has words of its own for those who wait for the job. Others are told as they describe themselves.
public protocol JobFailure: Error {
    /// Why the attempt has failed.
    var reason: String { get }
}
