// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

/// What executing a command comes to.
enum Execution {
    /// It is over, with this reply.
    case reply(Answer)
    /// Its body has to come first.
    case awaitsBody(UnfinishedCommand)
    /// Its body has to come first and is not wanted, so that it is not to be kept.
    case skipsBody(UnfinishedCommand)
    /// The client waits, and gets its reply later: see ``Delivery``.
    case waits
    /// The client gets this reply and waits for more.
    case follows(Answer)
    /// The client has said good-bye.
    case ends
}

/// A reply, and from when on it may leave.
struct Answer {
    let reply: Reply
    let barrier: Barrier
}

/// A command whose body has not arrived whole.
enum UnfinishedCommand {
    case put(UInt64, PutHeader)
    case finish(UInt64, byteCount: Int)
    case fail(UInt64, Retry)
}

/// A reply to a client that waits.
struct Delivery {
    enum Kind {
        /// It ends the wait.
        case last
        /// It is how this job is now, and the next one will say how it is then.
        case update(job: UInt64)
    }

    let client: ClientID
    let answer: Answer
    let kind: Kind
}

/// Replies that refuse something and show nothing that is stored.
enum Refusal: CaseIterable {
    case badFormat, unknownCommand, expectedCRLF, jobTooBig, tooBig, draining, outOfMemory, deadlineSoon

    init(_ error: CommandError) {
        self =
            switch error {
            case .badFormat: .badFormat
            case .unknownCommand: .unknownCommand
            case .expectedCRLF: .expectedCRLF
            }
    }

    var reply: Reply {
        switch self {
        case .badFormat: .badFormat
        case .unknownCommand: .unknownCommand
        case .expectedCRLF: .expectedCRLF
        case .jobTooBig: .jobTooBig
        case .tooBig: .tooBig
        case .draining: .draining
        case .outOfMemory: .outOfMemory
        case .deadlineSoon: .deadlineSoon
        }
    }
}
