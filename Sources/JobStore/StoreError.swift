// SPDX-License-Identifier: Apache-2.0

public import SystemPackage

/// Why jobs cannot be kept: what was tried, where, and the reason.
public struct StoreError: Error, Hashable, Sendable {
    /// What was tried, such as `open`.
    public let operation: String
    /// The file or folder.
    public let path: String
    /// The reason.
    public let reason: Reason

    /// Why something failed.
    public enum Reason: Hashable, Sendable {
        /// The system says no.
        case system(Errno)
        /// Another process has the folder.
        case inUse(processID: Int32?)
        /// It is not a store of this program's.
        case foreign
        /// It was written by a later version of this program.
        case newer
        /// The folder has a log of beanstalkd's.
        case beanstalkdLog
        /// The contents are damaged: in which way.
        case damaged(String)
        /// The file that has what was written last is gone.
        case missing
        /// The disk is full.
        case full
        /// Anything else that SQLite says.
        case database(code: Int32, String)
    }

    /// Says what has failed, and why.
    package init(_ operation: String, _ path: String, _ reason: Reason) {
        self.operation = operation
        self.path = path
        self.reason = reason
    }
}

extension StoreError: CustomStringConvertible {
    /// What was tried, where, and the reason: `open /var/lib/talkback/jobs.sqlite: it is damaged: …`.
    public var description: String { "\(operation) \(path): \(reason)" }
}

extension StoreError.Reason: CustomStringConvertible {
    /// The reason in words.
    public var description: String {
        switch self {
        case .system(let errno): "\(errno)"
        case .inUse(let processID):
            "another server\(processID.map { ", process \($0)," } ?? "") keeps its jobs there; stop it, "
                + "or give this one another folder with --data"
        case .foreign: "it is not a store of Talkback's, and stays as it is"
        case .newer: "a later version of Talkback has written it; this one leaves it as it is"
        case .beanstalkdLog:
            "the folder has jobs of beanstalkd's (binlog files), which stay as they are; to move them, start "
                + "beanstalkd there and let its workers finish, and give Talkback a folder of its own"
        case .damaged(let what): "it is damaged, and stays as it is: \(what)"
        case .missing: "it is missing, and has what was written last: a store that was not closed is all of its files"
        case .full: "the disk is full"
        case .database(let code, let what): "\(what) (SQLite's code \(code))"
        }
    }
}
