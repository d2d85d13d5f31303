// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol

/// How often each command was given, as far as `stats` tells.
struct CommandCounters {
    var put: UInt64 = 0
    var peek: UInt64 = 0
    var peekReady: UInt64 = 0
    var peekDelayed: UInt64 = 0
    var peekBuried: UInt64 = 0
    var reserve: UInt64 = 0
    var reserveWithTimeout: UInt64 = 0
    var delete: UInt64 = 0
    var release: UInt64 = 0
    var use: UInt64 = 0
    var watch: UInt64 = 0
    var ignore: UInt64 = 0
    var bury: UInt64 = 0
    var kick: UInt64 = 0
    var touch: UInt64 = 0
    var stats: UInt64 = 0
    var statsJob: UInt64 = 0
    var statsTube: UInt64 = 0
    var listTubes: UInt64 = 0
    var listTubeUsed: UInt64 = 0
    var listTubesWatched: UInt64 = 0
    var pauseTube: UInt64 = 0
    var progress: UInt64 = 0
    var finish: UInt64 = 0
    var fail: UInt64 = 0
    var state: UInt64 = 0
    var wait: UInt64 = 0
    var follow: UInt64 = 0
    var cancel: UInt64 = 0

    mutating func count(_ command: Command) {
        switch command {
        case .put: put += 1
        case .peek: peek += 1
        case .peekReady: peekReady += 1
        case .peekDelayed: peekDelayed += 1
        case .peekBuried: peekBuried += 1
        case .reserve: reserve += 1
        case .reserveWithTimeout: reserveWithTimeout += 1
        case .delete: delete += 1
        case .release: release += 1
        case .use: use += 1
        case .watch: watch += 1
        case .ignore: ignore += 1
        case .bury: bury += 1
        case .kick: kick += 1
        case .touch: touch += 1
        case .stats: stats += 1
        case .statsJob: statsJob += 1
        case .statsTube: statsTube += 1
        case .listTubes: listTubes += 1
        case .listTubeUsed: listTubeUsed += 1
        case .listTubesWatched: listTubesWatched += 1
        case .pauseTube: pauseTube += 1
        case .progress: progress += 1
        case .finish: finish += 1
        case .fail: fail += 1
        case .state: state += 1
        case .wait: wait += 1
        case .follow: follow += 1
        case .cancel: cancel += 1
        // beanstalkd counts neither of these.
        case .reserveJob, .kickJob, .quit: break
        }
    }
}
