// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import Synchronization

/// A job that a client has reserved, until it is deleted, released or buried, or the job's time to run is over.
///
/// One that is let go without any of these goes back to where it was.
public final class ReservedJob: Sendable, Identifiable {
    /// The job.
    public let job: Job
    private let client: Client
    private let lane: Lane.ID
    private let reservation: Lane.Reservation
    private let isFinished = Atomic(false)

    /// The job's number.
    public var id: JobID { job.id }
    /// The job's body, byte for byte.
    public var body: [UInt8] { job.body }
    /// The body as text; what is not UTF-8 is replaced.
    public var text: String { job.text }

    init(_ job: Job, _ client: Client, _ lane: Lane.ID, _ reservation: Lane.Reservation) {
        self.job = job
        self.client = client
        self.lane = lane
        self.reservation = reservation
    }

    deinit {
        guard !isFinished.load(ordering: .relaxed) else { return }
        Task { [client, id = job.id, reservation, lane] in await client.giveBack(id, reservation, on: lane) }
    }

    /// The job is done, and there is nothing left of it: the protocol's `delete`.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if its time was over, and another worker may have it;
    ///   ``ClientError/Reason/jobLost``; ``ClientError/Reason/outcomeUnknown(_:)``.
    public func delete() async throws(ClientError) {
        try await finish("delete job \(id)", .delete(id), .deleted)
    }

    /// The job is for another worker: the protocol's `release`.
    ///
    /// - Parameters:
    ///   - priority: Its priority from now on.
    ///   - delay: How long until it is ready, in whole seconds, rounded up.
    /// - Throws: ``ClientError``, as ``delete()``.
    public func release(priority: Priority = 1024, delay: Duration = .zero) async throws(ClientError) {
        try await finish(
            "release job \(id)", .release(id, priority: priority, delay: delay.wholeSeconds), .released)
    }

    /// The job is set aside until somebody kicks it: the protocol's `bury`.
    ///
    /// - Parameter priority: Its priority from now on.
    /// - Throws: ``ClientError``, as ``delete()``.
    public func bury(priority: Priority = 1024) async throws(ClientError) {
        try await finish("bury job \(id)", .bury(id, priority: priority), .buried)
    }

    /// The time to run begins anew: the protocol's `touch`.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` or ``ClientError/Reason/jobLost`` if the job is no longer this
    ///   client's. Whoever works on it should stop then.
    public func touch() async throws(ClientError) {
        let reply = try await client.perform(
            "touch job \(id)", .touch(id), on: id, of: lane, reservation, finish: .never)
        try await client.expect(.touched, reply, "touch job \(id)")
    }

    /// What the server says of the job: the protocol's `stats-job`, over the connection that has reserved it.
    public func statistics() async throws(ClientError) -> JobStatistics {
        try await client.statistics(of: id, reservation, on: lane)
    }

    /// Whether it is known already that the job is no longer this client's.
    var isLost: Bool {
        get async { await !client.holds(id, reservation, on: lane) }
    }

    private func finish(_ operation: String, _ command: Command, _ expected: Reply) async throws(ClientError) {
        let reply = try await client.perform(operation, command, on: id, of: lane, reservation, finish: .always)
        isFinished.store(true, ordering: .relaxed)
        try await client.expect(expected, reply, operation)
    }
}
