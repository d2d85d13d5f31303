// SPDX-License-Identifier: Apache-2.0

// What stands behind the number of bytes of a put.
extension Span<UInt8> {
    /// Whether what stands there looks like a tag: spaces, letters, and a colon.
    func hasTag(at start: Int) -> Bool {
        var position = start
        while position < count, self[position] == UInt8(ascii: " ") { position += 1 }
        let word = position
        while position < count, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self[position]) { position += 1 }
        return word > start && position > word && position < count && self[position] == UInt8(ascii: ":")
    }

    /// The tags that the rest of the line is; `nil` if it is not only tags, or one is there twice.
    func tags(_ start: Int) -> [PutTag]? {
        var position = start
        var tags: [PutTag] = []
        while position < count {
            guard let tag = tag(&position), !tags.contains(where: { $0.hasSameName(as: tag) }) else { return nil }
            tags.append(tag)
        }
        return tags
    }

    /// The tags that the rest of the line is, but for those that are not known; `nil` if it is not only tags.
    func knownTags(_ position: inout Int) -> [PutTag]? {
        var tags: [PutTag] = []
        while position < count {
            guard hasTag(at: position) else { return nil }
            let start = position
            if let tag = tag(&position), position == count || self[position] == UInt8(ascii: " ") {
                tags.append(tag)
            } else {
                position = start + 1
                while position < count, self[position] != UInt8(ascii: " ") { position += 1 }
            }
        }
        return tags
    }

    private func tag(_ position: inout Int) -> PutTag? {
        if skip(" idp:", &position) {
            let start = position
            while position < count, TubeName.isAllowed(self[position]) { position += 1 }
            guard let key = TubeName(extracting(start..<position)), let seconds = suffix(&position, or: 0) else {
                return nil
            }
            return .unique(key, seconds: seconds)
        }
        if skip(" keep:", &position) { return digits(&position).map { .keep(seconds: $0) } }
        if skip(" attempts:", &position) { return digits(&position).flatMap { $0 > 0 ? .attempts($0) : nil } }
        if skip(" backoff:", &position) {
            guard let first = digits(&position), let most = suffix(&position, or: first) else { return nil }
            return .backoff(first: first, most: Swift.max(first, most))
        }
        if skip(" tried:", &position) { return digits(&position).map { .tried($0) } }
        if skip(" counts:", &position) { return counts(&position).map { .counts($0) } }
        if skip(" state:buried", &position) { return .buried }
        if skip(" reason:", &position) {
            guard let count = digits(&position), count <= CommandParser.maximumReasonSize else { return nil }
            return .reason(byteCount: Int(count))
        }
        return skip(" lease:connection", &position) ? .leaseOfConnection : nil
    }

    /// Five numbers with colons between them.
    private func counts(_ position: inout Int) -> TransitionCounts? {
        guard let reserves = digits(&position), let timeouts = nextDigits(&position),
            let releases = nextDigits(&position), let buries = nextDigits(&position), let kicks = nextDigits(&position)
        else { return nil }
        return TransitionCounts(
            reserves: reserves, timeouts: timeouts, releases: releases, buries: buries, kicks: kicks)
    }

    private func nextDigits(_ position: inout Int) -> UInt32? { skip(":", &position) ? digits(&position) : nil }

    /// A colon and a number, or what it is if there is no colon.
    func suffix(_ position: inout Int, or number: UInt32) -> UInt32? {
        skip(":", &position) ? digits(&position) : number
    }

    /// A number, without spaces before it.
    private func digits(_ position: inout Int) -> UInt32? {
        guard position < count, self[position] != UInt8(ascii: " ") else { return nil }
        return number(&position, as: UInt32.self)
    }
}

extension PutTag {
    fileprivate func hasSameName(as other: PutTag) -> Bool {
        switch (self, other) {
        case (.unique, .unique), (.keep, .keep), (.attempts, .attempts), (.backoff, .backoff),
            (.leaseOfConnection, .leaseOfConnection), (.tried, .tried), (.counts, .counts), (.buried, .buried),
            (.reason, .reason):
            true
        default: false
        }
    }
}
