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
        try await finish("delete job \(id)", .delete(id), nil, [.deleted])
    }

    /// The job is done, and this came out: the protocol's `finish`. For a Talkback server only.
    ///
    /// - Parameter result: At most ``maximumResultSize`` bytes.
    /// - Throws: ``ClientError``, as ``delete()``; ``ClientError/Reason/jobCancelled``;
    ///   ``ClientError/Reason/resultTooBig`` and ``ClientError/Reason/outOfMemory``, after which the job is still this
    ///   client's.
    public func finish(_ result: [UInt8]) async throws(ClientError) {
        try await finish("finish job \(id)", .finish(id, byteCount: result.count), result, [.finished])
    }

    /// The job is done, and this text came out: as ``finish(_:)-([UInt8])``.
    public func finish(_ result: String) async throws(ClientError) {
        try await finish(Array(result.utf8))
    }

    /// The attempt has failed: the protocol's `fail`. For a Talkback server only.
    ///
    /// - Parameters:
    ///   - reason: Why, in any encoding. Of more than ``maximumReasonSize`` bytes the last ones are kept.
    ///   - retry: Whether and when the job is to be tried again, unless it was put with its own ``PutOptions/attempts``
    ///     and ``PutOptions/backoff``.
    /// - Returns: Whether it will be tried again.
    /// - Throws: ``ClientError``, as ``delete()``; ``ClientError/Reason/jobCancelled``.
    @discardableResult
    public func fail(_ reason: [UInt8], retry: RetryPolicy) async throws(ClientError) -> Returned {
        let reason = reason.tail(Self.maximumReasonSize)
        let reply = try await finish(
            "fail job \(id)", .fail(id, Retry(retry), byteCount: reason.count), reason, [.released, .buried])
        return reply == .buried ? .buried : .released
    }

    /// The attempt has failed, for a reason that is text: as ``fail(_:retry:)-([UInt8],_)``.
    @discardableResult
    public func fail(_ reason: String, retry: RetryPolicy) async throws(ClientError) -> Returned {
        try await fail(Array(reason.utf8), retry: retry)
    }

    /// Tells how far it is with the job: the protocol's `progress`. The time to run begins anew. For a Talkback server
    /// only.
    ///
    /// - Parameters:
    ///   - percent: 0 to 100; less is 0, and more 100.
    ///   - text: What else there is to say, on one line: of more than ``maximumTextSize`` bytes the first ones are
    ///     sent.
    /// - Throws: ``ClientError``: ``ClientError/Reason/jobCancelled``, ``ClientError/Reason/notFound`` or
    ///   ``ClientError/Reason/jobLost`` if the job is no longer this client's. Whoever works on it should stop then.
    public func progress(_ percent: Int, _ text: String = "") async throws(ClientError) {
        try await progress(percent, Array(text.utf8))
    }

    /// Tells how far it is with the job in words of any encoding: as ``progress(_:_:)-(_,String)``.
    public func progress(_ percent: Int, _ text: [UInt8]) async throws(ClientError) {
        let command = Command.progress(id, percent: UInt8(min(max(percent, 0), 100)), text: Self.line(text))
        let reply = try await client.perform(
            "report on job \(id)", command, on: id, of: lane, reservation, finish: .never)
        try await client.expect(.touched, reply, "report on job \(id)")
    }

    /// The most bytes in a result.
    public static let maximumResultSize = CommandParser.maximumResultSize
    /// The most bytes of a reason that are kept.
    public static let maximumReasonSize = CommandParser.maximumReasonSize
    /// The most bytes of a report's text that are sent.
    public static let maximumTextSize = 400

    /// The first bytes of a text, with spaces for what a line cannot have in it.
    private static func line(_ text: [UInt8]) -> [UInt8] {
        text.head(maximumTextSize).map { $0 == 0 || $0 == 10 || $0 == 13 ? 32 : $0 }
    }

    /// How the job is, over the connection that has reserved it.
    func status() async throws(ClientError) -> JobStatus {
        let operation = "ask for the state of job \(id)"
        let reply = try await client.perform(operation, .state(id), on: id, of: lane, reservation, finish: .never)
        guard case .state(let report) = reply else { throw Client.refusal(operation, reply) }
        return JobStatus(report)
    }

    /// Whether the server can be told results, reasons and progress.
    var knowsOutcomes: Bool {
        get async { await client.knowsOutcomes(lane) }
    }

    /// The job is for another worker: the protocol's `release`.
    ///
    /// - Parameters:
    ///   - priority: Its priority from now on.
    ///   - delay: How long until it is ready, in whole seconds, rounded up.
    /// - Returns: Whether it will be tried again: not if it was put with a number of attempts that are used up.
    /// - Throws: ``ClientError``, as ``delete()``.
    @discardableResult
    public func release(
        priority: Priority = 1024, delay: Duration = .zero
    ) async throws(ClientError) -> Returned {
        let reply = try await finish(
            "release job \(id)", .release(id, priority: priority, delay: delay.wholeSeconds), nil,
            [.released, .buried])
        return reply == .buried ? .buried : .released
    }

    /// The job is set aside until somebody kicks it: the protocol's `bury`.
    ///
    /// - Parameter priority: Its priority from now on.
    /// - Throws: ``ClientError``, as ``delete()``.
    public func bury(priority: Priority = 1024) async throws(ClientError) {
        try await finish("bury job \(id)", .bury(id, priority: priority), nil, [.buried])
    }

    /// The time to run begins anew: the protocol's `touch`.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` or ``ClientError/Reason/jobLost`` if the job is no
    ///   longer this client's. Whoever works on it should stop then.
    public func touch() async throws(ClientError) {
        let reply = try await client.perform(
            "touch job \(id)", .touch(id), on: id, of: lane, reservation, finish: .never)
        try await client.expect(.touched, reply, "touch job \(id)")
    }

    /// What the server says of the job: the protocol's `stats-job`, over the connection that has reserved it.
    public func statistics() async throws(ClientError) -> JobStatistics {
        try await client.statistics(of: id, reservation, on: lane)
    }

    /// Everything about the job but its body, over the connection that has reserved it: the protocol's `describe-job`.
    /// For a Talkback server only. The attempt that has begun with the reservation counts.
    public func description() async throws(ClientError) -> JobDescription {
        let operation = "ask for a description of job \(id)"
        let reply = try await client.perform(operation, .describeJob(id), on: id, of: lane, reservation, finish: .never)
        guard case .described(let job) = reply else { throw ClientError(operation, Client.reason(for: reply)) }
        return JobDescription(job)
    }

    /// Whether it is known already that the job is no longer this client's.
    var isLost: Bool {
        get async { await !client.holds(id, reservation, on: lane) }
    }

    @discardableResult
    private func finish(
        _ operation: String, _ command: Command, _ body: [UInt8]?, _ expected: [Reply]
    ) async throws(ClientError) -> Reply {
        let reply = try await client.perform(
            operation, command, body: body, on: id, of: lane, reservation, finish: .always)
        isFinished.store(!reply.isRefusal, ordering: .relaxed)
        guard !expected.contains(reply) else { return reply }
        guard reply == .tooBig, let body else { throw Client.refusal(operation, reply) }
        throw ClientError(
            operation, .resultTooBig, "\(ClientError.explanation(ofResultOf: body.count)) (TOO_BIG)")
    }
}

/// Where a job is after an attempt that has failed.
public enum Returned: Hashable, Sendable {
    /// It will be tried again.
    case released
    /// It will not, and is set aside.
    case buried
}

/// Whether and when a job that has failed is to be tried again.
public enum RetryPolicy: Hashable, Sendable {
    /// After a pause, in whole seconds, rounded up, but not more often than so many times in all, 1 or more; `nil` for
    /// any number.
    case after(Duration, attempts: Int? = nil)
    /// Not at all.
    case never
}

extension Retry {
    fileprivate init(_ policy: RetryPolicy) {
        self =
            switch policy {
            case .after(let pause, let attempts):
                .after(pause.wholeSeconds, attempts: attempts.map { max(1, UInt32(clamping: $0)) } ?? 0)
            case .never: .never
            }
    }
}
