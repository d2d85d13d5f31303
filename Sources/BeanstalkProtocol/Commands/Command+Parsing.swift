// SPDX-License-Identifier: Apache-2.0

/// What a line is.
enum ParsedLine: Equatable {
    case command(Command)
    /// A put whose body of so many bytes is longer than allowed, which is looked at before the end of the line is.
    case tooBig(byteCount: Int)
    case badFormat
    case unknown
}

/// The words of the protocol. The first that a line begins with decides, in this order, so that a word with something
/// behind it that does not belong there is a bad format, and one without its space is no word at all.
private enum Word: CaseIterable {
    case put, peek, peekReady, peekDelayed, peekBuried, reserveWithTimeout, reserveJob, reserve, delete, release, bury
    case kick, kickJob, touch, statsJob, statsTube, stats, use, watch, ignore
    case listTubesWatched, listTubeUsed, listTubes, quit, pauseTube

    private var text: String {
        switch self {
        case .put: "put "
        case .peek: "peek "
        case .peekReady: "peek-ready"
        case .peekDelayed: "peek-delayed"
        case .peekBuried: "peek-buried"
        case .reserveWithTimeout: "reserve-with-timeout "
        case .reserveJob: "reserve-job "
        case .reserve: "reserve"
        case .delete: "delete "
        case .release: "release "
        case .bury: "bury "
        case .kick: "kick "
        case .kickJob: "kick-job "
        case .touch: "touch "
        case .statsJob: "stats-job "
        case .statsTube: "stats-tube "
        case .stats: "stats"
        case .use: "use "
        case .watch: "watch "
        case .ignore: "ignore "
        case .listTubesWatched: "list-tubes-watched"
        case .listTubeUsed: "list-tube-used"
        case .listTubes: "list-tubes"
        case .quit: "quit"
        case .pauseTube: "pause-tube "
        }
    }

    /// The words that begin with each letter, from a to z, in order.
    private static let byFirstLetter: [[(word: Word, text: [UInt8])]] = (UInt8(ascii: "a")...UInt8(ascii: "z")).map {
        letter in
        allCases.map { ($0, Array($0.text.utf8)) }.filter { $0.1[0] == letter }
    }

    /// The word that a line begins with, and how long it is.
    static func first(in line: Span<UInt8>) -> (word: Word, length: Int)? {
        guard let first = line.first, case let letter = Int(first) - 0x61, (0..<26).contains(letter) else { return nil }
        for (word, text) in byFirstLetter[letter] where line.begins(with: text.span) { return (word, text.count) }
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
        guard let (word, length) = Word.first(in: line) else {
            self = .unknown
            return
        }
        if word == .put {
            self = Self.put(line, length, maximumJobSize)
        } else if let command = Self.command(word, line, length) {
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
        guard size <= maximumJobSize else { return .tooBig(byteCount: Int(size)) }
        guard position == line.count else { return .badFormat }
        return .command(
            .put(PutHeader(priority: priority, delay: delay, timeToRun: timeToRun, byteCount: Int(size))))
    }

    private static func command(_ word: Word, _ line: Span<UInt8>, _ length: Int) -> Command? {
        var position = length
        let isWhole = length == line.count
        func job(_ command: (UInt64) -> Command) -> Command? {
            line.lastNumber(length, as: UInt64.self).map(command)
        }
        switch word {
        case .put: return nil
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
            guard let name = line.tube(&position), let seconds = line.lastNumber(position, as: UInt32.self) else {
                return nil
            }
            return .pauseTube(name, seconds)
        case .quit: return isWhole ? .quit : nil
        }
    }
}
