// SPDX-License-Identifier: Apache-2.0

/// A number, and the job ID where two numbers are equal.
struct JobKey<Number: Comparable>: Comparable {
    let number: Number
    let id: UInt64

    static func < (one: JobKey, other: JobKey) -> Bool {
        one.number == other.number ? one.id < other.id : one.number < other.number
    }
}

/// Ready jobs: the most urgent first, then the oldest.
enum ByPriority: SortOrder {
    static func key(of job: Job) -> JobKey<UInt32> { JobKey(number: job.priority, id: job.id) }
}

/// Delayed jobs by the end of their delay; a worker's jobs by the end of their time to run.
enum ByTime: SortOrder {
    static func key(of job: Job) -> JobKey<QueueTime> { JobKey(number: job.time, id: job.id) }
}

/// Reserved jobs by reservation.
enum ByReservation: SortOrder {
    static func key(of job: Job) -> JobKey<QueueTime> { JobKey(number: job.since, id: job.id) }
}

/// Buried jobs by burial.
enum ByBurial: SortOrder {
    static func key(of job: Job) -> JobKey<Int64> { JobKey(number: job.burial, id: job.id) }
}
