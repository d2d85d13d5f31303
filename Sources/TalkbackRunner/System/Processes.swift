// SPDX-License-Identifier: Apache-2.0

internal import CRunner
internal import Glibc
package import SystemPackage

/// Processes and their groups.
package enum Processes {
    /// Starts a program as the leader of a process group of its own; see `crunner_spawn`.
    ///
    /// - Parameters:
    ///   - path: The program.
    ///   - arguments: Its name first.
    ///   - environment: All of it.
    ///   - streams: What is its standard input, output and error; no other descriptor is its, but `progress`.
    ///   - progress: What is its descriptor 3.
    ///   - directory: The folder that it starts in, looked up now; `nil` for this process's.
    /// - Returns: The process.
    package static func spawn(
        _ path: String, _ arguments: [String], _ environment: ProcessEnvironment,
        streams: (FileDescriptor, FileDescriptor, FileDescriptor), progress: FileDescriptor? = nil,
        directory: String? = nil
    ) -> Result<Int32, Errno> {
        var pid: Int32 = 0
        let streams = [streams.0, streams.1, streams.2] + (progress.map { [$0] } ?? [])
        // One that is in the way of another is moved out of it.
        var moved: [Int32] = []
        defer { moved.forEach { close($0) } }
        var numbers: [Int32] = []
        for (index, stream) in streams.enumerated() {
            var number = stream.rawValue
            if number < streams.count, number != index {
                number = fcntl(number, F_DUPFD_CLOEXEC, Int32(streams.count))
                if number < 0 { return .failure(Errno(rawValue: errno)) }
                moved.append(number)
            }
            numbers.append(number)
        }
        // SAFETY: all strings and both arrays, each ended by a null pointer, are there during the call, which keeps
        // none of them.
        let error = unsafe withCStrings(arguments.map { Array($0.utf8) }) { arguments in
            unsafe withCStrings(environment.entries) { environment in
                guard let directory else {
                    return unsafe crunner_spawn(
                        &pid, path, arguments, environment, numbers, Int32(numbers.count), nil)
                }
                return unsafe crunner_spawn(
                    &pid, path, arguments, environment, numbers, Int32(numbers.count), directory)
            }
        }
        return error == 0 ? .success(pid) : .failure(Errno(rawValue: error))
    }

    private static func withCStrings<Value>(
        _ strings: [[UInt8]], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        // SAFETY: strndup reads as many bytes as there are, at most, and ends its copy with a zero.
        var pointers = unsafe strings.map { string in
            unsafe string.withUnsafeBytes { bytes in
                unsafe bytes.baseAddress.map {
                    unsafe strndup($0.assumingMemoryBound(to: CChar.self), bytes.count)
                } ?? strdup("")
            }
        }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe body(pointers)
    }

    /// Sends a signal to a whole group.
    ///
    /// - Returns: Whether it has a process.
    @discardableResult
    static func signal(group: Int32, _ signal: Int32) -> Bool {
        // A group that this process may not signal has processes all the same.
        kill(-group, signal) == 0 || errno == EPERM
    }

    /// A child that has ended, and how: its exit status, or the negative of a signal.
    static func reap() -> (process: Int32, status: Int32)? {
        var status: Int32 = 0
        // SAFETY: the number is written during the call.
        let process = unsafe crunner_reap(&status)
        return process > 0 ? (process, status) : nil
    }

    /// Becomes readable when a child has ended, for the thread that asks for it.
    static func childSignals() -> Result<FileDescriptor, Errno> {
        let descriptor = crunner_child_signals()
        return descriptor < 0 ? .failure(Errno(rawValue: errno)) : .success(FileDescriptor(rawValue: descriptor))
    }

    /// Has the calling process live on when somebody wants to stop it: it ends when it has nothing left to do.
    static func ignoreStopSignals() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] { _ = Glibc.signal(number, SIG_IGN) }
    }

    /// Makes this process the parent of what its descendants leave behind, so that it can see its end.
    static func adoptOrphans() {
        // Where there is no such thing, their end is waited for as long as it may take.
        _ = crunner_adopt_orphans()
    }

    /// Has the calling process live through what kills one that writes: a pipe that nobody reads (SIGPIPE), a file that
    /// has reached its limit (SIGXFSZ, `RLIMIT_FSIZE`), and a terminal that another process has in the foreground
    /// (SIGTTOU). The call that writes fails, or succeeds, instead. Programs that are started get the default actions.
    package static func ignoreWriteSignals() {
        for number in [SIGPIPE, SIGXFSZ, SIGTTOU] { _ = Glibc.signal(number, SIG_IGN) }
    }
}
