// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Sockets
internal import SystemPackage

/// A process that starts commands for a runner, each as a process group, and ends them all when the runner is gone.
///
/// It is a process of its own because Linux has no other way to see to it: a runner that is killed cannot end anything,
/// but the launcher sees their connection end. It is one thread, so that starting a command copies little and leaves
/// nothing locked.
public struct Launcher: ~Copyable {
    private struct Running {
        let slot: UInt32
        /// When SIGKILL follows SIGTERM, once it is to end.
        var killTime: ContinuousClock.Instant?
        /// The leader has ended so, and others of the group have not.
        var leaderStatus: Int32?
        var wasKilled = false
    }

    private let control: Socket
    private let command: Command
    private let grace: Duration
    /// What the runner was not told yet. It may be busy giving work to do, so nobody waits for it here.
    private var reports: [LauncherReport] = []
    /// By the number of the process and its group.
    private var running: [Int32: Running] = [:]
    private var isAbandoned = false

    /// Starts commands for whoever is at the other end of standard input, until that end is closed and all commands
    /// have ended.
    ///
    /// - Parameters:
    ///   - command: What to start.
    ///   - grace: How long a process group has between SIGTERM and SIGKILL.
    /// - Throws: What keeps it from beginning.
    public static func run(_ command: Command, grace: Duration) throws {
        Processes.ignoreStopSignals()
        Processes.ignoreWriteSignals()
        Processes.adoptOrphans()
        let signals = try Processes.childSignals().get()
        var launcher = Launcher(Socket(adopting: FileDescriptor(rawValue: 0)), command, grace)
        try launcher.run(signals)
    }

    private init(_ control: consuming Socket, _ command: Command, _ grace: Duration) {
        self.control = control
        self.command = command
        self.grace = grace
    }

    private mutating func run(_ signals: FileDescriptor) throws {
        let descriptor = control.withDescriptor { $0 }
        while !isAbandoned || !running.isEmpty {
            var entries = [PollEntry(signals, .readable)]
            if !isAbandoned {
                entries.append(PollEntry(descriptor, reports.isEmpty ? .readable : [.readable, .writable]))
            }
            try Socket.poll(&entries, timeout: patience)
            if !entries[0].returnedEvents.isEmpty {
                Self.clear(signals)
                while let child = Processes.reap() { hasEnded(child.process, child.status) }
            }
            if entries.count > 1, !entries[1].returnedEvents.isDisjoint(with: [.readable, .hangUp, .error]) {
                takeRequests()
            }
            endGroups()
            sendReports()
        }
    }

    /// How long there is nothing to do but to wait for others.
    private var patience: Duration? {
        var patience: Duration?
        for entry in running.values {
            guard let killTime = entry.killTime else { continue }
            // Of the end of a group whose leader is gone nothing tells.
            let left =
                entry.leaderStatus != nil ? .milliseconds(10) : max(.zero, ContinuousClock.now.duration(to: killTime))
            patience = min(patience ?? left, left)
        }
        return patience
    }

    private static func clear(_ signals: FileDescriptor) {
        var record = [UInt8](repeating: 0, count: 1024)
        // SAFETY: read writes at most as many bytes as there are.
        _ = unsafe record.withUnsafeMutableBytes { buffer in
            unsafe read(signals.rawValue, buffer.baseAddress, buffer.count)
        }
    }

    // MARK: Requests

    private mutating func takeRequests() {
        var buffer = IOVector()
        while true {
            do throws(SocketError) {
                try buffer.append(capacity: 1 << 14)
                defer { _ = try? buffer.remove(at: 0) }
                var message = try control.receiveMessage(
                    into: &buffer, control: [.descriptors(upTo: 4)], flags: .doNotWait)
                if message.byteCount == 0 { return abandon() }
                switch LauncherRequest(try buffer[0]) {
                case .start(let slot, let environment):
                    guard let input = message.descriptors.takeFirst(), let output = message.descriptors.takeFirst(),
                        let errors = message.descriptors.takeFirst(), let progress = message.descriptors.takeFirst()
                    else { return abandon() }
                    start(slot, environment, [input.release(), output.release(), errors.release(), progress.release()])
                case .terminate(let slot):
                    for (process, entry) in running where entry.slot == slot { terminate(process) }
                case nil: return abandon()
                }
            } catch {
                if error.errno == .wouldBlock { return }
                return abandon()
            }
        }
    }

    private mutating func start(
        _ slot: UInt32, _ variables: [String], _ streams: [FileDescriptor]
    ) {
        defer { for stream in streams { try? stream.close() } }
        // Shells and scripts ask PWD for the folder's name, where a symbolic link is still one.
        let folder = command.directory.map { ["PWD=\($0)"] } ?? []
        switch Processes.spawn(
            command.path, command.arguments, ProcessEnvironment.forTasks.setting(variables + folder),
            streams: (streams[0], streams[1], streams[2]), progress: streams[3], directory: command.directory)
        {
        case .success(let process):
            running[process] = Running(slot: slot)
            report(.started(slot, process: process))
        case .failure(let errno): report(.failed(slot, errno))
        }
    }

    /// The runner is gone: nothing it has started is to go on.
    private mutating func abandon() {
        isAbandoned = true
        for process in running.keys { terminate(process) }
    }

    private mutating func report(_ report: LauncherReport) {
        reports.append(report)
    }

    private mutating func sendReports() {
        var sent = 0
        // That the runner is gone is seen when the next request is received.
        while !isAbandoned, sent < reports.count,
            (try? control.sendMessage(reports[sent].bytes, flags: .doNotWait)) != nil
        { sent += 1 }
        reports.removeFirst(isAbandoned ? reports.count : sent)
    }

    // MARK: Ends

    private mutating func terminate(_ process: Int32) {
        guard running[process]?.killTime == nil else { return }
        running[process]?.killTime = ContinuousClock.now + grace
        Processes.signal(group: process, SIGTERM)
        // One that is stopped could not take it.
        Processes.signal(group: process, SIGCONT)
    }

    private mutating func hasEnded(_ process: Int32, _ status: Int32) {
        guard let entry = running[process] else { return }
        guard entry.killTime != nil else {
            // What it has left behind on purpose is not this program's.
            running[process] = nil
            return report(.ended(entry.slot, status: status))
        }
        running[process]?.leaderStatus = status
    }

    /// Kills the groups whose time is over, and reports those that are gone.
    private mutating func endGroups() {
        for (process, entry) in running {
            guard let killTime = entry.killTime else { continue }
            let isOver = ContinuousClock.now >= killTime
            // After SIGKILL what is left of it is what nobody waits for: it does nothing any more.
            if let status = entry.leaderStatus, !Processes.signal(group: process, 0) || (isOver && entry.wasKilled) {
                running[process] = nil
                report(.ended(entry.slot, status: status))
            } else if isOver {
                Processes.signal(group: process, SIGKILL)
                running[process]?.wasKilled = true
                running[process]?.killTime = ContinuousClock.now + .seconds(1)
            }
        }
    }
}
