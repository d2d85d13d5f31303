// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import SystemPackage
import TalkbackRunner

/// A user of this machine, and becoming one: `--user`.
struct Account: Sendable {
    let name: String
    let user: uid_t
    let group: gid_t
    let groups: Set<gid_t>
    let home: String
    /// Whether the process was this user's from the start, as when a service manager has seen to it: its groups are
    /// left alone.
    let isCurrent: Bool

    /// - Throws: `ValidationError` if there is no such user.
    init(named name: String) throws {
        // SAFETY: the entry is read before anything else asks for one.
        guard let entry = unsafe getpwnam(name) else { throw ValidationError("There is no user \"\(name)\".") }
        self.name = name
        user = unsafe entry.pointee.pw_uid
        group = unsafe entry.pointee.pw_gid
        home = unsafe String(cString: entry.pointee.pw_dir)
        isCurrent = user != 0 && getuid() == user && geteuid() == user
        groups = Self.groups(of: name, group)
    }

    private static func groups(of name: String, _ group: gid_t) -> Set<gid_t> {
        var room: Int32 = 64
        while true {
            var list = [gid_t](repeating: 0, count: Int(room))
            var count = room
            // SAFETY: at most as many groups are written as there is room for, and the count says how many there are.
            if unsafe getgrouplist(name, group, &list, &count) >= 0 { return Set(list.prefix(Int(count))) }
            room = max(count, room * 2)
        }
    }

    // MARK: Becoming the user

    /// Becomes this user, for good: with the user's groups, without any capability unless the user is root, and with
    /// HOME, USER and LOGNAME in the environment.
    ///
    /// For the main thread while there is no other: each thread has its rights, and its capabilities, for itself.
    ///
    /// - Throws: `CleanError` if the system refuses, or any thread has other rights afterwards.
    func become() throws {
        if !isCurrent {
            let list = Array(groups)
            // The user last: who is no longer root cannot change groups.
            // SAFETY: the groups are read during the call.
            guard unsafe setgroups(list.count, list) == 0, setgid(group) == 0, setuid(user) == 0 else {
                throw failed(Errno(rawValue: errno))
            }
        }
        if user != 0 {
            do throws(Errno) {
                try Capabilities.drop()
            } catch {
                throw failed("capset: \(error)")
            }
        }
        // SAFETY: nobody else can look at the environment, as there is no other thread.
        for (variable, value) in [("HOME", home), ("USER", name), ("LOGNAME", name)] {
            unsafe setenv(variable, value, 1)
        }
        try verify()
    }

    /// Looks at what the kernel says of every thread: its users, groups and capabilities.
    ///
    /// - Throws: `CleanError` if one has other rights than this user's.
    func verify() throws {
        let folder = "/proc/self/task"
        guard let threads = try? FileManager.default.contentsOfDirectory(atPath: folder), !threads.isEmpty else {
            throw failed("what every thread may do cannot be seen, as \(folder) cannot be read")
        }
        for thread in threads {
            // A thread that has ended meanwhile has no rights.
            guard let text = try? String(contentsOfFile: "\(folder)/\(thread)/status", encoding: .utf8) else {
                continue
            }
            if let problem = ThreadRights(status: text).difference(from: self) {
                throw failed("a thread has \(problem)")
            }
        }
    }

    private func failed(_ reason: some CustomStringConvertible) -> CleanError {
        CleanError("become the user \(name): \(reason)")
    }

    // MARK: Files

    /// Calls `body` with this user's rights to files, and takes root's back.
    func acting<Value>(_ body: () throws -> Value) throws -> Value {
        guard geteuid() == 0, user != 0 else { return try body() }
        let ownGroup = getegid()
        guard setegid(group) == 0, seteuid(user) == 0 else { throw failed(Errno(rawValue: errno)) }
        defer {
            seteuid(0)
            setegid(ownGroup)
        }
        return try body()
    }

    /// Makes the file of a socket this user's, in a folder where nobody but root can put another in its place.
    func own(socketAt path: String) {
        let folder = FilePath(path).removingLastComponent()
        var status = stat()
        // SAFETY: the structure is written, and the paths are read, during the calls.
        guard unsafe stat(folder.isEmpty ? "." : folder.string, &status) == 0, status.st_uid == 0,
            status.st_mode & (S_IWGRP | S_IWOTH) == 0 || status.st_mode & S_ISVTX != 0
        else { return }
        _ = unsafe lchown(path, user, group)
    }
}

/// What `/proc/PID/task/TID/status` says of a thread's rights.
struct ThreadRights {
    private var fields: [Substring: Substring] = [:]

    init(status: String) {
        for line in status.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
    }

    /// - Returns: What the thread has beside, or in place of, the account's rights; `nil` if it has just those.
    func difference(from account: Account) -> String? {
        if numbers("Uid") != Array(repeating: account.user, count: 4) {
            return "the user\(fields["Uid"] ?? "s unknown")"
        }
        if !account.isCurrent {
            guard numbers("Gid") == Array(repeating: account.group, count: 4) else {
                return "the group\(fields["Gid"] ?? "s unknown")"
            }
            guard Set(numbers("Groups")) == account.groups else {
                return "the supplementary groups\(fields["Groups"] ?? " unknown")"
            }
        }
        guard account.user != 0 else { return nil }
        for name: Substring in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            // A kernel before 4.3 has no ambient capabilities, and does not say so.
            guard let text = fields[name] else { continue }
            if text.contains(where: { $0 != "0" && !$0.isWhitespace }) { return "capabilities, \(name)\(text)" }
        }
        return nil
    }

    private func numbers(_ name: Substring) -> [UInt32] {
        (fields[name] ?? "").split(whereSeparator: \.isWhitespace).compactMap { UInt32($0) }
    }
}
