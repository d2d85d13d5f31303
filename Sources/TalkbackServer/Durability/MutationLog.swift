// SPDX-License-Identifier: Apache-2.0

internal import JobQueue
internal import JobStore

/// What the commit gate needs of a store, so that a test can stand in for one.
protocol MutationLog: Sendable {
    /// How far the store has come.
    var progress: JobStore.Progress { get }

    /// Begins to commit, and calls `onProgress` on any thread when ``progress`` has changed.
    func start(_ onProgress: @escaping @Sendable () -> Void)

    /// Takes mutations out of the array to commit them, in order.
    ///
    /// - Parameters:
    ///   - sequence: The number of the newest numbered mutation so far.
    ///   - nextID: An ID that no job has had yet.
    func submit(_ mutations: inout [Mutation], through sequence: UInt64, nextID: UInt64)

    /// From now on ends with a failure, in place of waiting, where the disk has no space for what was submitted.
    func stopWaitingForSpace()
}

extension JobStore: MutationLog {}
