// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import JobQueue
internal import SystemPackage

/// The groups that were committed last, in a file beside the database: `jobs.log`.
///
/// In the database a group costs a statement for each of its mutations and a page, in its own log, for each place of a
/// table that one of them touches; and most jobs are gone a moment later. Here a group is one write of one piece into a
/// file whose blocks are there already, so that a sync brings that piece to the disk and nothing else. When the file is
/// full, what its groups have left is brought into the tables, and it begins anew.
///
/// A group begins on a page of its own, with a header: whose log it is, the group's number, a number that no job has
/// had, how many bytes of mutations follow, and a checksum of all that. The database says whose log belongs to it, and
/// the number of the last group that its tables have; the log goes on from there, for as long as the numbers do and the
/// checksums are right.
final class JobLog {
    /// Groups that the tables do not have yet.
    struct Contents {
        /// The mutations, one after another.
        private(set) var mutations: [UInt8] = []
        /// Where each group ends among them.
        private var ends: [Int] = []
        /// A number that no job had had before the last group.
        private(set) var nextID: UInt64 = 1

        var isEmpty: Bool { ends.isEmpty }
        var groupCount: Int { ends.count }

        fileprivate mutating func append(_ group: ArraySlice<UInt8>, nextID: UInt64) {
            mutations.append(contentsOf: group)
            ends.append(mutations.count)
            self.nextID = nextID
        }

        /// The mutations of so many groups.
        func first(_ groupCount: Int) -> MutationReader {
            MutationReader(mutations, through: groupCount == 0 ? 0 : ends[groupCount - 1])
        }

        mutating func removeFirst(_ groupCount: Int) {
            guard groupCount > 0 else { return }
            let end = ends[groupCount - 1]
            mutations.removeSubrange(..<end)
            ends.removeSubrange(..<groupCount)
            for index in ends.indices { ends[index] -= end }
        }
    }

    /// Whose log it is; never 0.
    let key: UInt64

    private let file: FileDescriptor
    private let path: String
    /// Where the next group goes.
    private var end = 0
    /// The group that is being written.
    private var group: [UInt8] = []

    private static let size = 1 << 20
    /// Larger groups are better written only once.
    private static let largestGroup = 1 << 14
    private static let pageSize = 4096
    private static let headerSize = 48
    /// Ends with the number of the format.
    private static let magic: UInt64 = 0x0131_676F_6C6B_6C74

    private static func path(_ folder: String) -> String { folder + "/jobs.log" }

    /// Makes an empty log, of the file that is there if it has the right size.
    ///
    /// - Throws: `StoreError`: `full` when there is no space for it.
    init(_ folder: String) throws(StoreError) {
        path = Self.path(folder)
        key = .random(in: 1...UInt64(Int64.max))
        file = try Self.makeFile(path, in: folder)
        group.reserveCapacity(2 * Self.largestGroup)
    }

    private static func makeFile(_ path: String, in folder: String) throws(StoreError) -> FileDescriptor {
        let file: FileDescriptor
        do {
            file = try FileDescriptor.open(
                FilePath(path), .readWrite, options: [.create, .closeOnExec], permissions: [.ownerReadWrite])
        } catch {
            throw Self.error("open", path, error)
        }
        do {
            // Written, and not only set aside: a block that was never written is noted down at its first sync.
            if try file.seek(offset: 0, from: .end) != size {
                try file.resize(to: 0)
                try file.writeAll(toAbsoluteOffset: 0, [UInt8](repeating: 0, count: size))
            }
            try sync(fsync(file.rawValue))
            try Folder.sync(folder)
            return file
        } catch {
            try? file.resize(to: 0)
            try? file.close()
            throw error as? StoreError ?? Self.error("write", path, error)
        }
    }

    deinit {
        try? file.close()
    }

    /// Whether there is space for one more group, whatever its size.
    var hasRoom: Bool { Self.size - end >= Self.largestGroup }

    /// Writes a group. The log must have room.
    ///
    /// - Parameters:
    ///   - mutations: The group.
    ///   - number: Its number: the next one.
    ///   - nextID: A number that no job has had.
    ///   - offset: From the zero of the queue's times to the zero of stored times.
    ///   - contents: The group is appended to what the tables do not have yet.
    /// - Returns: Whether it was written; `false` if it is too large.
    func write(
        _ mutations: [Mutation], number: UInt64, nextID: UInt64, offset: Int64, addingTo contents: inout Contents
    ) throws(StoreError) -> Bool {
        guard let length = fill(mutations, number: number, nextID: nextID, offset: offset) else { return false }
        do {
            try file.writeAll(toAbsoluteOffset: Int64(end), group)
        } catch {
            throw Self.error("write", path, error)
        }
        end += group.count
        contents.append(group[Self.headerSize..<Self.headerSize + length], nextID: nextID)
        return true
    }

    /// Makes a group of mutations.
    ///
    /// - Returns: How many bytes the mutations take; `nil` if they are too many.
    private func fill(_ mutations: [Mutation], number: UInt64, nextID: UInt64, offset: Int64) -> Int? {
        // In a variable of its own, each byte of which is not asked whether somebody else uses it too.
        var group: [UInt8] = []
        swap(&group, &self.group)
        defer { swap(&group, &self.group) }
        group.removeAll(keepingCapacity: true)
        for _ in 0..<Self.headerSize { group.append(0) }
        for mutation in mutations {
            if case .put(let job) = mutation, job.body.count > Self.largestGroup { return nil }
            if case .end(_, _, let outcome?) = mutation, outcome.data.count > Self.largestGroup { return nil }
            group.append(mutation, offset: offset)
            if group.count > Self.largestGroup { return nil }
        }
        let length = group.count - Self.headerSize
        Header(key: key, number: number, nextID: nextID, length: UInt64(length)).write(to: &group)
        while group.count % Self.pageSize != 0 { group.append(0) }
        return length
    }

    /// Makes what was written survive a loss of power.
    func sync() throws(StoreError) {
        do {
            try Self.sync(fdatasync(file.rawValue))
        } catch {
            throw Self.error("sync", path, error)
        }
    }

    /// Begins anew. The tables must have everything.
    func clear() { end = 0 }

    /// Takes the file away. The tables must have everything, and belong to no log.
    static func remove(_ folder: String) {
        // SAFETY: the text of the path is there during the call.
        unsafe unlink(path(folder))
    }

    /// Reads what a log has after a group's number.
    ///
    /// - Throws: `StoreError` when there is no log, or it cannot be read.
    static func read(_ folder: String, key: UInt64, after number: UInt64) throws(StoreError) -> Contents {
        let path = path(folder)
        let bytes: [UInt8]
        do {
            let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
            defer { try? file.close() }
            bytes = try readAll(file)
        } catch Errno.noSuchFileOrDirectory {
            throw StoreError("open", path, .missing)
        } catch {
            throw Self.error("read", path, error)
        }
        var contents = Contents()
        var start = 0
        var last: UInt64?
        while let header = Header(bytes, at: start), header.key == key,
            last.map({ header.number == $0 &+ 1 }) ?? (header.number <= number &+ 1)
        {
            last = header.number
            let end = start + headerSize + Int(header.length)
            if header.number > number {
                var group = MutationReader(Array(bytes[start + headerSize..<end]))
                while let mutation = group.next(), group.mutation(mutation) != nil {}
                guard group.isAtEnd, header.nextID <= Int64.max else {
                    throw StoreError("read", path, .damaged("group \(header.number) cannot be understood"))
                }
                contents.append(bytes[start + headerSize..<end], nextID: header.nextID)
            }
            start = (end + pageSize - 1) / pageSize * pageSize
        }
        return contents
    }

    private static func readAll(_ file: FileDescriptor) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var count = 0
        while count < size {
            // SAFETY: the array is written during the call, after what is there already.
            let read = try unsafe bytes.withUnsafeMutableBytes { bytes in
                try unsafe file.read(
                    fromAbsoluteOffset: Int64(count), into: UnsafeMutableRawBufferPointer(rebasing: bytes[count...]))
            }
            guard read > 0 else { break }
            count += read
        }
        return Array(bytes[..<count])
    }

    private static func sync(_ result: Int32) throws {
        guard result == 0 else { throw Errno(rawValue: errno) }
    }

    private static func error(_ operation: String, _ path: String, _ error: any Error) -> StoreError {
        let errno = error as? Errno ?? .ioError
        return StoreError(operation, path, errno == .noSpace || errno == .diskQuotaExceeded ? .full : .system(errno))
    }

    /// What a group begins with.
    private struct Header {
        let key: UInt64
        let number: UInt64
        let nextID: UInt64
        let length: UInt64

        init(key: UInt64, number: UInt64, nextID: UInt64, length: UInt64) {
            self.key = key
            self.number = number
            self.nextID = nextID
            self.length = length
        }

        /// - Returns: `nil` if there is no group, or not the whole of one.
        init?(_ bytes: [UInt8], at start: Int) {
            guard start + headerSize <= bytes.count, Self.word(bytes, start) == magic else { return nil }
            let words = (1...5).map { Self.word(bytes, start + 8 * $0) }
            self.init(key: words[0], number: words[1], nextID: words[2], length: words[3])
            guard length <= UInt64(bytes.count - start - headerSize),
                words[4] == checksum(bytes[start + headerSize..<start + headerSize + Int(length)])
            else { return nil }
        }

        /// Writes the header to the beginning of a group.
        func write(to group: inout [UInt8]) {
            let words = [magic, key, number, nextID, length, checksum(group[headerSize...])]
            for (index, word) in words.enumerated() {
                for byte in 0..<8 { group[8 * index + byte] = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)) }
            }
        }

        /// FxHash, of eight bytes at a time: it need only tell what was written from what was not.
        private func checksum(_ mutations: ArraySlice<UInt8>) -> UInt64 {
            var sum = magic
            func add(_ word: UInt64) { sum = ((sum << 5 | sum >> 59) ^ word) &* 0x517C_C1B7_2722_0A95 }
            for word in [key, number, nextID, length] { add(word) }
            // SAFETY: no word ends after the bytes do.
            unsafe mutations.withUnsafeBytes { bytes in
                let whole = bytes.count / 8
                for index in 0..<whole {
                    add(unsafe bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self).littleEndian)
                }
                for index in whole * 8..<bytes.count { add(UInt64(unsafe bytes[index])) }
            }
            return sum
        }

        private static func word(_ bytes: [UInt8], _ start: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
        }
    }
}
