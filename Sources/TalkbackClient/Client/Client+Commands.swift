// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

// The commands that wait for nothing but their reply. All throw `ClientError`: the server's refusals under their own
// names, and what can befall a connection.
extension Client {
    /// Puts a job: the protocol's `put`.
    ///
    /// - Parameters:
    ///   - body: The job's body, at most as many bytes as the server takes (65,535 in beanstalkd, 1 MiB here, unless it
    ///     was told otherwise).
    ///   - tube: The tube.
    ///   - options: Its priority, delay, time to run, and what else there is to say.
    /// - Returns: The job's number. A Talkback server has the job on disk by now. With a ``PutOptions/uniqueness`` it
    ///   is the number of the job that was there already, if there was one.
    /// - Throws: ``ClientError``: ``ClientError/Reason/jobTooBig``, ``ClientError/Reason/draining``,
    ///   ``ClientError/Reason/outOfMemory``; ``ClientError/Reason/outcomeUnknown(_:)`` if the job may have been put.
    @discardableResult
    public func put(
        _ body: [UInt8], into tube: Tube = .default, _ options: PutOptions = PutOptions()
    ) async throws(ClientError) -> JobID {
        try await insert(body, into: tube, options).id
    }

    /// - Returns: The job, and its state if it was there before.
    func insert(
        _ body: [UInt8], into tube: Tube, _ options: PutOptions
    ) async throws(ClientError) -> (id: JobID, former: FormerState?) {
        var body = body
        // The reason comes first, and the body behind it.
        if let history = options.history, !history.reason.isEmpty { body = history.sentReason + body }
        let header = PutHeader(
            priority: options.priority, delay: options.delay.wholeSeconds, timeToRun: options.timeToRun.wholeSeconds,
            byteCount: body.count, tags: options.tags)
        // One that has been done and forgotten before it is put again would be put twice.
        let operation = "put into tube \(tube)"
        let isRemembered = (options.uniqueness?.duration ?? .zero) > self.options.patience
        let (reply, _) = try await perform(
            operation, .put(header), body: body, using: tube, isRepeatable: isRemembered)
        switch reply {
        case .inserted(let id): return (id, nil)
        case .insertedBefore(let id, let state): return (id, FormerState(state))
        case .buriedOnPut(let id): throw ClientError(operation, .buriedOnPut(id))
        case .jobTooBig:
            // The refusal has no figures.
            let limit = try? await statistics().number("max-job-size")
            let words = ClientError.explanation(ofBodyOf: body.count, limit: limit)
            throw ClientError(operation, .jobTooBig, "\(words) (JOB_TOO_BIG)")
        default: throw Self.refusal(operation, reply)
        }
    }

    /// Puts a job whose body is text, as ``put(_:into:_:)-([UInt8],_,_)``.
    @discardableResult
    public func put(
        _ body: String, into tube: Tube = .default, _ options: PutOptions = PutOptions()
    ) async throws(ClientError) -> JobID {
        try await put(Array(body.utf8), into: tube, options)
    }

    /// Deletes a job that is ready, delayed or buried, or that this client has reserved: the protocol's `delete`.
    public func delete(_ id: JobID) async throws(ClientError) {
        let operation = "delete job \(id)"
        let reply: Reply
        if let holder = holders[id], let reservation = lane(holder)?.heldJobs[id] {
            reply = try await perform(operation, .delete(id), on: id, of: holder, reservation, finish: .always)
        } else {
            reply = try await perform(operation, .delete(id), isRepeatable: false).reply
        }
        try expect(.deleted, reply, operation, missing: Missing.freeJob)
    }

    /// A job by its number, whoever has it: the protocol's `peek`.
    ///
    /// - Returns: The job; `nil` if there is none.
    public func peek(_ id: JobID) async throws(ClientError) -> Job? {
        try await peek(.peek(id), "peek at job \(id)", nil)
    }

    /// The job of a tube that is first in a state: the most urgent ready one, the delayed one that is ready soonest,
    /// the one that was buried first. The protocol's `peek-ready`, `peek-delayed` and `peek-buried`.
    ///
    /// - Returns: The job; `nil` if there is none, and for ``JobState/reserved``, which the protocol has no command
    ///   for.
    public func peek(_ state: JobState, in tube: Tube = .default) async throws(ClientError) -> Job? {
        let command: Command
        switch state {
        case .ready: command = .peekReady
        case .delayed: command = .peekDelayed
        case .buried: command = .peekBuried
        case .reserved: return nil
        }
        return try await peek(command, "peek at tube \(tube)", tube)
    }

    private func peek(_ command: Command, _ operation: String, _ tube: Tube?) async throws(ClientError) -> Job? {
        switch try await perform(operation, command, using: tube, isRepeatable: true).reply {
        case .found(let id, let body): return Job(id: id, body: body)
        case .notFound: return nil
        case let reply: throw Self.refusal(operation, reply)
        }
    }

    /// Makes buried jobs of a tube ready, or delayed ones if none is buried: the protocol's `kick`.
    ///
    /// - Parameters:
    ///   - limit: How many at most.
    ///   - tube: The tube.
    /// - Returns: How many there were.
    @discardableResult
    public func kick(_ limit: Int, in tube: Tube = .default) async throws(ClientError) -> Int {
        let bound = UInt32(clamping: limit)
        switch try await perform("kick tube \(tube)", .kick(bound), using: tube, isRepeatable: false).reply {
        case .kicked(let count): return count
        case let reply: throw Self.refusal("kick tube \(tube)", reply)
        }
    }

    /// Makes a buried or a delayed job ready: the protocol's `kick-job`.
    public func kickJob(_ id: JobID) async throws(ClientError) {
        let reply = try await perform("kick job \(id)", .kickJob(id), isRepeatable: false).reply
        try expect(.kickedJob, reply, "kick job \(id)", missing: "there is no such job that is buried or delayed")
    }

    /// Lets no job of a tube be reserved for a time; zero ends a pause. The protocol's `pause-tube`.
    ///
    /// - Parameters:
    ///   - tube: The tube.
    ///   - duration: In whole seconds, rounded up.
    public func pause(_ tube: Tube, for duration: Duration) async throws(ClientError) {
        let reply = try await perform(
            "pause tube \(tube)", .pauseTube(tube.name, duration.wholeSeconds), isRepeatable: true
        ).reply
        try expect(.paused, reply, "pause tube \(tube)", missing: Missing.tube)
    }

    /// The tubes that there are, in the server's order: the protocol's `list-tubes`.
    public func tubes() async throws(ClientError) -> [Tube] {
        let reply = try await perform("list tubes", .listTubes, isRepeatable: true).reply
        guard case .ok(let text) = reply else { throw Self.refusal("list tubes", reply) }
        let tubes = YAML.list(of: text)?.map { Tube($0) }
        guard let tubes, !tubes.contains(nil) else {
            throw ClientError("list tubes", .unexpectedReply("a list that is none"))
        }
        return tubes.compactMap(\.self)
    }

    /// What the server says of itself: the protocol's `stats`.
    public func statistics() async throws(ClientError) -> Statistics {
        try await statistics(.stats, "ask for statistics")
    }

    /// What the server says of a tube: the protocol's `stats-tube`.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if there is no such tube.
    public func statistics(of tube: Tube) async throws(ClientError) -> TubeStatistics {
        let operation = "ask for statistics of tube \(tube)"
        return try Self.checked(
            TubeStatistics(try await statistics(.statsTube(tube.name), operation, missing: Missing.tube)), operation)
    }

    /// What the server says of a job: the protocol's `stats-job`.
    ///
    /// - Throws: ``ClientError``: ``ClientError/Reason/notFound`` if there is no such job.
    public func statistics(ofJob id: JobID) async throws(ClientError) -> JobStatistics {
        let operation = "ask for statistics of job \(id)"
        return try Self.checked(
            JobStatistics(try await statistics(.statsJob(id), operation, missing: Missing.job)), operation)
    }

    private func statistics(
        _ command: Command, _ operation: String, missing: String? = nil
    ) async throws(ClientError) -> Statistics {
        let reply = try await perform(operation, command, isRepeatable: true).reply
        guard case .ok(let text) = reply else { throw Self.refusal(operation, reply, missing: missing) }
        return try Self.checked(YAML.fields(of: text).map { Statistics($0) }, operation)
    }

    func statistics(
        of id: JobID, _ reservation: Lane.Reservation, on lane: Lane.ID
    ) async throws(ClientError) -> JobStatistics {
        let operation = "ask for statistics of job \(id)"
        let reply = try await perform(operation, .statsJob(id), on: id, of: lane, reservation, finish: .never)
        guard case .ok(let text) = reply else { throw Self.refusal(operation, reply, missing: Missing.job) }
        return try Self.checked(YAML.fields(of: text).flatMap { JobStatistics(Statistics($0)) }, operation)
    }

    private static func checked<Value>(_ value: Value?, _ operation: String) throws(ClientError) -> Value {
        guard let value else { throw ClientError(operation, .unexpectedReply("statistics that lack a field")) }
        return value
    }

    func expect(
        _ expected: Reply, _ reply: Reply, _ operation: @autoclosure () -> String, missing: String? = nil
    ) throws(ClientError) {
        guard reply != expected else { return }
        throw Self.refusal(operation(), reply, missing: missing)
    }

    /// What `NOT_FOUND` means, by the command.
    enum Missing {
        static let tube = "there is no such tube"
        static let job = "there is no such job"
        /// Also of a job that somebody else has.
        static let freeJob = "there is no such job, or a worker has reserved it"
        static let outcome = "there is no such job, and no outcome is kept"
        static let reservedJob = "the job is not this client's any more: its time to run is over, or it is gone"
    }

    /// The error for a reply that was not hoped for.
    ///
    /// - Parameter missing: What `NOT_FOUND` means.
    static func refusal(_ operation: String, _ reply: Reply, missing: String? = nil) -> ClientError {
        let reason = reason(for: reply)
        return ClientError(operation, reason, reason == .notFound ? missing.map { "\($0) (NOT_FOUND)" } : nil)
    }

    /// What a reply that was not hoped for means.
    static func reason(for reply: Reply) -> ClientError.Reason {
        switch reply {
        case .notFound: .notFound
        case .jobTooBig: .jobTooBig
        case .draining: .draining
        case .outOfMemory: .outOfMemory
        case .tooBig: .resultTooBig
        case .cancelled: .jobCancelled
        case .internalError: .internalError
        case .badFormat, .unknownCommand, .expectedCRLF: .notUnderstood
        default: .unexpectedReply("\(reply)")
        }
    }
}
