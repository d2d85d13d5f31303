// SPDX-License-Identifier: Apache-2.0

/// What a line is.
enum ParsedLine: Equatable {
    case command(Command)
    /// A put whose body of so many bytes is longer than allowed, which is looked at before the end of the line is.
    case tooBig(byteCount: Int)
    /// A result or reason of so many bytes, which are more than allowed.
    case outcomeTooBig(byteCount: Int)
    /// A put whose tags are wrong, so that its body of so many bytes is not wanted.
    case badTags(byteCount: Int)
    case badFormat
    case unknown
}

extension CommandName {
    /// What a line of the command begins with: its name, and the space behind it if it takes arguments.
    private var prefix: String {
        switch self {
        case .peekReady, .peekDelayed, .peekBuried, .reserve, .stats, .listTubesWatched, .listTubeUsed, .listTubes,
            .quit:
            text
        default: text + " "
        }
    }

    /// The names that begin with each letter, from a to z, in the order of the cases.
    private static let byFirstLetter: [[(name: CommandName, prefix: [UInt8])]] =
        (UInt8(ascii: "a")...UInt8(ascii: "z")).map { letter in
            allCases.map { ($0, Array($0.prefix.utf8)) }.filter { $0.1[0] == letter }
        }

    /// The name that a line begins with, and how many bytes that takes.
    ///
    /// The first case that fits decides, so that a name with something behind it that does not belong there is a bad
    /// format, and one without its space is no name at all.
    fileprivate static func first(in line: Span<UInt8>) -> (name: CommandName, length: Int)? {
        guard let first = line.first, case let letter = Int(first) - 0x61, (0..<26).contains(letter) else { return nil }
        for (name, prefix) in byFirstLetter[letter] where line.begins(with: prefix.span) { return (name, prefix.count) }
        return nil
    }
}

extension Span<UInt8> {
    fileprivate var first: UInt8? { isEmpty ? nil : self[0] }
}

extension ParsedLine {
    /// Reads a line, without its end.
    init(_ line: Span<UInt8>, maximumJobSize: Int) {
        for index in line.indices where line[index] == 0 {
            self = .badFormat
            return
        }
        guard let (name, length) = CommandName.first(in: line) else {
            self = .unknown
            return
        }
        if name == .put {
            self = Self.put(line, length, maximumJobSize)
        } else if name == .finish || name == .fail {
            self = Self.outcome(name, line, length)
        } else if let command = Self.command(name, line, length) {
            self = .command(command)
        } else {
            self = .badFormat
        }
    }

    private static func put(_ line: Span<UInt8>, _ start: Int, _ maximumJobSize: Int) -> ParsedLine {
        var position = start
        guard let priority = line.number(&position, as: UInt32.self),
            let delay = line.number(&position, as: UInt32.self),
            let timeToRun = line.number(&position, as: UInt32.self),
            let size = line.number(&position, as: UInt32.self)
        else { return .badFormat }
        if Int(size) > maximumJobSize {
            // A reason is no part of the job.
            let tags = line.hasTag(at: position) ? line.tags(position) : nil
            let reason = tags.map { PutHeader(tags: $0).reasonByteCount } ?? 0
            guard Int(size) - reason <= maximumJobSize else { return .tooBig(byteCount: Int(size)) }
        }
        var header = PutHeader(priority: priority, delay: delay, timeToRun: timeToRun, byteCount: Int(size))
        if position < line.count {
            guard line.hasTag(at: position) else { return .badFormat }
            guard let tags = line.tags(position) else { return .badTags(byteCount: Int(size)) }
            header.tags = tags
            guard header.reasonByteCount <= header.byteCount else { return .badTags(byteCount: Int(size)) }
        }
        return .command(.put(header))
    }

    /// A `finish` or a `fail`.
    private static func outcome(_ name: CommandName, _ line: Span<UInt8>, _ start: Int) -> ParsedLine {
        var position = start
        guard let id = line.number(&position, as: UInt64.self) else { return .badFormat }
        if name == .finish {
            guard let size = line.lastNumber(position, as: UInt32.self) else { return .badFormat }
            guard size <= CommandParser.maximumResultSize else { return .outcomeTooBig(byteCount: Int(size)) }
            return .command(.finish(id, byteCount: Int(size)))
        }
        var retry = Retry.never
        if !line.skip(" never ", &position) {
            guard let seconds = line.number(&position, as: UInt32.self),
                let attempts = line.suffix(&position, or: 0)
            else { return .badFormat }
            retry = .after(seconds, attempts: attempts)
        }
        guard let size = line.lastNumber(position, as: UInt32.self) else { return .badFormat }
        guard size <= CommandParser.maximumReasonSize else { return .outcomeTooBig(byteCount: Int(size)) }
        return .command(.fail(id, retry, byteCount: Int(size)))
    }

    private static func command(_ name: CommandName, _ line: Span<UInt8>, _ length: Int) -> Command? {
        var position = length
        let isWhole = length == line.count
        func job(_ command: (UInt64) -> Command) -> Command? {
            line.lastNumber(length, as: UInt64.self).map(command)
        }
        switch name {
        case .put, .finish, .fail: return nil
        case .reserve: return isWhole ? .reserve : nil
        case .reserveWithTimeout:
            guard let seconds = line.lastNumber(length, as: UInt32.self), seconds <= Int32.max else { return nil }
            return .reserveWithTimeout(seconds)
        case .reserveJob: return job(Command.reserveJob)
        case .delete: return job(Command.delete)
        case .release:
            guard let id = line.number(&position, as: UInt64.self),
                let priority = line.number(&position, as: UInt32.self),
                let delay = line.lastNumber(position, as: UInt32.self)
            else { return nil }
            return .release(id, priority: priority, delay: delay)
        case .bury:
            guard let id = line.number(&position, as: UInt64.self),
                let priority = line.lastNumber(position, as: UInt32.self)
            else { return nil }
            return .bury(id, priority: priority)
        case .touch: return job(Command.touch)
        case .peek: return job(Command.peek)
        case .peekReady: return isWhole ? .peekReady : nil
        case .peekDelayed: return isWhole ? .peekDelayed : nil
        case .peekBuried: return isWhole ? .peekBuried : nil
        // As with strtoul: any number is cut to 32 bits, and what follows it does not matter.
        case .kick: return line.number(&position, as: UInt64.self).map { .kick(UInt32(truncatingIfNeeded: $0)) }
        case .kickJob: return job(Command.kickJob)
        case .statsJob: return job(Command.statsJob)
        case .statsTube: return line.lastTube(length).map(Command.statsTube)
        case .stats: return isWhole ? .stats : nil
        case .use: return line.lastTube(length).map(Command.use)
        case .watch: return line.lastTube(length).map(Command.watch)
        case .ignore: return line.lastTube(length).map(Command.ignore)
        case .listTubes: return isWhole ? .listTubes : nil
        case .listTubeUsed: return isWhole ? .listTubeUsed : nil
        case .listTubesWatched: return isWhole ? .listTubesWatched : nil
        case .pauseTube:
            guard let tube = line.tube(&position), let seconds = line.lastNumber(position, as: UInt32.self) else {
                return nil
            }
            return .pauseTube(tube, seconds)
        case .quit: return isWhole ? .quit : nil
        case .progress:
            guard let id = line.number(&position, as: UInt64.self),
                let percent = line.number(&position, as: UInt8.self), percent <= 100
            else { return nil }
            guard position < line.count else { return .progress(id, percent: percent, text: []) }
            guard line[position] == UInt8(ascii: " ") else { return nil }
            return .progress(id, percent: percent, text: line.extracting((position + 1)...).copied)
        case .state: return job(Command.state)
        case .cancel: return job(Command.cancel)
        case .describeJob: return job(Command.describeJob)
        case .wait, .follow:
            guard let id = line.number(&position, as: UInt64.self),
                let seconds = line.lastNumber(position, as: UInt32.self)
            else { return nil }
            return name == .wait ? .wait(id, seconds: seconds) : .follow(id, seconds: seconds)
        }
    }
}

extension PutHeader {
    fileprivate init(tags: [PutTag]) {
        self.init(priority: 0, delay: 0, timeToRun: 0, byteCount: 0, tags: tags)
    }
}
