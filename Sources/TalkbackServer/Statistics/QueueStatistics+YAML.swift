// SPDX-License-Identifier: Apache-2.0

internal import BeanstalkProtocol
internal import JobQueue

// The fields of `stats-job` and `stats-tube`, with beanstalkd's names and in its order.
extension YAML {
    init(_ job: JobStatistics) {
        self.init()
        add("id", job.id)
        add("tube", quoted: String(decoding: job.tube, as: UTF8.self))
        add("state", unquoted: job.state.rawValue)
        add("pri", job.priority)
        add("age", job.age)
        add("delay", job.delay)
        add("ttr", job.timeToRun)
        add("time-left", job.timeLeft)
        add("file", 0)
        add("reserves", job.counts.reserves)
        add("timeouts", job.counts.timeouts)
        add("releases", job.counts.releases)
        add("buries", job.counts.buries)
        add("kicks", job.counts.kicks)
    }

    /// - Parameter name: The tube's name.
    init(_ tube: TubeStatistics, _ name: TubeName) {
        self.init()
        add("name", quoted: name.description)
        add("current-jobs-urgent", tube.urgent)
        add("current-jobs-ready", tube.ready)
        add("current-jobs-reserved", tube.reserved)
        add("current-jobs-delayed", tube.delayed)
        add("current-jobs-buried", tube.buried)
        add("total-jobs", tube.totalJobs)
        add("current-using", tube.using)
        add("current-watching", tube.watching)
        add("current-waiting", tube.waiting)
        add("cmd-delete", tube.deletes)
        add("cmd-pause-tube", tube.pauses)
        add("pause", tube.pause)
        add("pause-time-left", tube.pauseTimeLeft)
    }
}
