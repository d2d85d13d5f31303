// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// The fields of the three statistics, with beanstalkd's names and in its order.
extension Engine {
    func statistics() -> YAML {
        let all = queue.statistics
        let system = SystemFacts()
        var text = YAML()
        text.add("current-jobs-urgent", all.urgent)
        text.add("current-jobs-ready", all.ready)
        text.add("current-jobs-reserved", all.reserved)
        text.add("current-jobs-delayed", all.delayed)
        text.add("current-jobs-buried", all.buried)
        text.add("cmd-put", counters.put)
        text.add("cmd-peek", counters.peek)
        text.add("cmd-peek-ready", counters.peekReady)
        text.add("cmd-peek-delayed", counters.peekDelayed)
        text.add("cmd-peek-buried", counters.peekBuried)
        text.add("cmd-reserve", counters.reserve)
        text.add("cmd-reserve-with-timeout", counters.reserveWithTimeout)
        text.add("cmd-delete", counters.delete)
        text.add("cmd-release", counters.release)
        text.add("cmd-use", counters.use)
        text.add("cmd-watch", counters.watch)
        text.add("cmd-ignore", counters.ignore)
        text.add("cmd-bury", counters.bury)
        text.add("cmd-kick", counters.kick)
        text.add("cmd-touch", counters.touch)
        text.add("cmd-stats", counters.stats)
        text.add("cmd-stats-job", counters.statsJob)
        text.add("cmd-stats-tube", counters.statsTube)
        text.add("cmd-list-tubes", counters.listTubes)
        text.add("cmd-list-tube-used", counters.listTubeUsed)
        text.add("cmd-list-tubes-watched", counters.listTubesWatched)
        text.add("cmd-pause-tube", counters.pauseTube)
        text.add("job-timeouts", all.jobTimeouts)
        text.add("total-jobs", all.totalJobs)
        text.add("max-job-size", options.maximumJobSize)
        text.add("current-tubes", all.tubes)
        text.add("current-connections", all.clients)
        text.add("current-producers", all.producers)
        text.add("current-workers", all.workers)
        text.add("current-waiting", all.waiting)
        text.add("total-connections", all.totalClients)
        text.add("pid", system.processID)
        text.add("version", quoted: TalkbackVersion.current)
        text.add("rusage-utime", unquoted: system.userTime)
        text.add("rusage-stime", unquoted: system.systemTime)
        text.add("uptime", (ContinuousClock.now - start).components.seconds)
        // There is no log of beanstalkd's kind.
        text.add("binlog-oldest-index", 0)
        text.add("binlog-current-index", 0)
        text.add("binlog-records-migrated", 0)
        text.add("binlog-records-written", 0)
        text.add("binlog-max-size", 0)
        text.add("draining", unquoted: isDraining ? "true" : "false")
        text.add("id", unquoted: instanceID.text)
        text.add("hostname", quoted: system.hostName)
        text.add("os", quoted: system.version)
        text.add("platform", quoted: system.machine)
        // beanstalkd has none of these.
        text.add("cmd-progress", counters.progress)
        text.add("cmd-finish", counters.finish)
        text.add("cmd-fail", counters.fail)
        text.add("cmd-state", counters.state)
        text.add("cmd-wait", counters.wait)
        text.add("cmd-follow", counters.follow)
        text.add("cmd-cancel", counters.cancel)
        text.add("current-followers", all.observers)
        text.add("current-outcomes", all.outcomes)
        text.add("outcome-bytes", all.outcomeBytes)
        text.add("max-outcome-bytes", options.maximumOutcomeBytes)
        text.add("outcomes-dropped", all.droppedOutcomes)
        text.add("dead-jobs", all.deadJobs)
        text.add("log-lines-dropped", droppedLogLines())
        return text
    }

    func jobStatistics(_ id: UInt64, _ now: QueueTime) -> YAML? {
        guard let job = queue.statistics(ofJob: id, at: now) else { return nil }
        var text = YAML()
        text.add("id", job.id)
        text.add("tube", quoted: String(decoding: job.tube, as: UTF8.self))
        text.add("state", unquoted: job.state.rawValue)
        text.add("pri", job.priority)
        text.add("age", job.age)
        text.add("delay", job.delay)
        text.add("ttr", job.timeToRun)
        text.add("time-left", job.timeLeft)
        text.add("file", 0)
        text.add("reserves", job.counts.reserves)
        text.add("timeouts", job.counts.timeouts)
        text.add("releases", job.counts.releases)
        text.add("buries", job.counts.buries)
        text.add("kicks", job.counts.kicks)
        return text
    }

    func tubeStatistics(_ name: TubeName, _ now: QueueTime) -> YAML? {
        guard let tube = queue.statistics(ofTube: name.bytes, at: now) else { return nil }
        var text = YAML()
        text.add("name", quoted: name.description)
        text.add("current-jobs-urgent", tube.urgent)
        text.add("current-jobs-ready", tube.ready)
        text.add("current-jobs-reserved", tube.reserved)
        text.add("current-jobs-delayed", tube.delayed)
        text.add("current-jobs-buried", tube.buried)
        text.add("total-jobs", tube.totalJobs)
        text.add("current-using", tube.using)
        text.add("current-watching", tube.watching)
        text.add("current-waiting", tube.waiting)
        text.add("cmd-delete", tube.deletes)
        text.add("cmd-pause-tube", tube.pauses)
        text.add("pause", tube.pause)
        text.add("pause-time-left", tube.pauseTimeLeft)
        return text
    }
}
