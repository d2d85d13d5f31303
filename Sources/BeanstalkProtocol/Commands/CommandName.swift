// SPDX-License-Identifier: Apache-2.0

/// The commands without their arguments: for tables with a row for each.
///
/// The parser takes the first case that a line begins with, so `reserve-job` stands before `reserve`.
public enum CommandName: UInt8, CaseIterable, Hashable, Sendable {
    case put, peek, peekReady, peekDelayed, peekBuried, reserveWithTimeout, reserveJob, reserve, delete, release, bury
    case kick, kickJob, touch, statsJob, statsTube, stats, use, watch, ignore
    case listTubesWatched, listTubeUsed, listTubes, quit, pauseTube
    case progress, finish, fail, state, wait, follow, cancel, describeJob

    /// The name as it goes over the wire.
    public var text: String {
        switch self {
        case .put: "put"
        case .peek: "peek"
        case .peekReady: "peek-ready"
        case .peekDelayed: "peek-delayed"
        case .peekBuried: "peek-buried"
        case .reserveWithTimeout: "reserve-with-timeout"
        case .reserveJob: "reserve-job"
        case .reserve: "reserve"
        case .delete: "delete"
        case .release: "release"
        case .bury: "bury"
        case .kick: "kick"
        case .kickJob: "kick-job"
        case .touch: "touch"
        case .statsJob: "stats-job"
        case .statsTube: "stats-tube"
        case .stats: "stats"
        case .use: "use"
        case .watch: "watch"
        case .ignore: "ignore"
        case .listTubesWatched: "list-tubes-watched"
        case .listTubeUsed: "list-tube-used"
        case .listTubes: "list-tubes"
        case .quit: "quit"
        case .pauseTube: "pause-tube"
        case .progress: "progress"
        case .finish: "finish"
        case .fail: "fail"
        case .state: "state"
        case .wait: "wait"
        case .follow: "follow"
        case .cancel: "cancel"
        case .describeJob: "describe-job"
        }
    }
}

extension Command {
    /// Which command it is.
    public var name: CommandName {
        switch self {
        case .put: .put
        case .peek: .peek
        case .peekReady: .peekReady
        case .peekDelayed: .peekDelayed
        case .peekBuried: .peekBuried
        case .reserveWithTimeout: .reserveWithTimeout
        case .reserveJob: .reserveJob
        case .reserve: .reserve
        case .delete: .delete
        case .release: .release
        case .bury: .bury
        case .kick: .kick
        case .kickJob: .kickJob
        case .touch: .touch
        case .statsJob: .statsJob
        case .statsTube: .statsTube
        case .stats: .stats
        case .use: .use
        case .watch: .watch
        case .ignore: .ignore
        case .listTubesWatched: .listTubesWatched
        case .listTubeUsed: .listTubeUsed
        case .listTubes: .listTubes
        case .quit: .quit
        case .pauseTube: .pauseTube
        case .progress: .progress
        case .finish: .finish
        case .fail: .fail
        case .state: .state
        case .wait: .wait
        case .follow: .follow
        case .cancel: .cancel
        case .describeJob: .describeJob
        }
    }
}
