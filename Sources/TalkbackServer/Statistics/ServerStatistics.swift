// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

/// What `stats` tells: a snapshot of the queue, the commands, the process and the machine.
struct ServerStatistics {
    let queue: QueueStatistics
    let counters: CommandCounters
    let options: ServerOptions
    let isDraining: Bool
    let identity: ServerIdentity
    let system: SystemFacts
    let droppedLogLines: Int

    /// The fields, with beanstalkd's names and in its order.
    var text: YAML {
        var text = YAML()
        text.add("current-jobs-urgent", queue.urgent)
        text.add("current-jobs-ready", queue.ready)
        text.add("current-jobs-reserved", queue.reserved)
        text.add("current-jobs-delayed", queue.delayed)
        text.add("current-jobs-buried", queue.buried)
        text.add("cmd-put", counters[.put])
        text.add("cmd-peek", counters[.peek])
        text.add("cmd-peek-ready", counters[.peekReady])
        text.add("cmd-peek-delayed", counters[.peekDelayed])
        text.add("cmd-peek-buried", counters[.peekBuried])
        text.add("cmd-reserve", counters[.reserve])
        text.add("cmd-reserve-with-timeout", counters[.reserveWithTimeout])
        text.add("cmd-delete", counters[.delete])
        text.add("cmd-release", counters[.release])
        text.add("cmd-use", counters[.use])
        text.add("cmd-watch", counters[.watch])
        text.add("cmd-ignore", counters[.ignore])
        text.add("cmd-bury", counters[.bury])
        text.add("cmd-kick", counters[.kick])
        text.add("cmd-touch", counters[.touch])
        text.add("cmd-stats", counters[.stats])
        text.add("cmd-stats-job", counters[.statsJob])
        text.add("cmd-stats-tube", counters[.statsTube])
        text.add("cmd-list-tubes", counters[.listTubes])
        text.add("cmd-list-tube-used", counters[.listTubeUsed])
        text.add("cmd-list-tubes-watched", counters[.listTubesWatched])
        text.add("cmd-pause-tube", counters[.pauseTube])
        text.add("job-timeouts", queue.jobTimeouts)
        text.add("total-jobs", queue.totalJobs)
        text.add("max-job-size", options.maximumJobSize)
        text.add("current-tubes", queue.tubes)
        text.add("current-connections", queue.clients)
        text.add("current-producers", queue.producers)
        text.add("current-workers", queue.workers)
        text.add("current-waiting", queue.waiting)
        text.add("total-connections", queue.totalClients)
        text.add("pid", system.processID)
        text.add("version", quoted: TalkbackVersion.current)
        text.add("rusage-utime", unquoted: system.userTime)
        text.add("rusage-stime", unquoted: system.systemTime)
        text.add("uptime", identity.uptime.components.seconds)
        // There is no log of beanstalkd's kind.
        text.add("binlog-oldest-index", 0)
        text.add("binlog-current-index", 0)
        text.add("binlog-records-migrated", 0)
        text.add("binlog-records-written", 0)
        text.add("binlog-max-size", 0)
        text.add("draining", unquoted: isDraining ? "true" : "false")
        text.add("id", unquoted: identity.instance.text)
        text.add("hostname", quoted: system.hostName)
        text.add("os", quoted: system.version)
        text.add("platform", quoted: system.machine)
        // beanstalkd has none of these.
        text.add("cmd-progress", counters[.progress])
        text.add("cmd-finish", counters[.finish])
        text.add("cmd-fail", counters[.fail])
        text.add("cmd-state", counters[.state])
        text.add("cmd-wait", counters[.wait])
        text.add("cmd-follow", counters[.follow])
        text.add("cmd-cancel", counters[.cancel])
        text.add("cmd-describe-job", counters[.describeJob])
        text.add("current-followers", queue.observers)
        text.add("current-outcomes", queue.outcomes)
        text.add("outcome-bytes", queue.outcomeBytes)
        text.add("max-outcome-bytes", options.maximumOutcomeBytes)
        text.add("outcomes-dropped", queue.droppedOutcomes)
        text.add("dead-jobs", queue.deadJobs)
        text.add("log-lines-dropped", droppedLogLines)
        return text
    }
}
