// SPDX-License-Identifier: Apache-2.0

/// Which environment variables are for the daemon, or for a worker, and not for the tasks that it starts.
///
/// A task that had them would speak for the daemon: `READY=1` or `STOPPING=1` to the service manager, or its watchdog's
/// sign of life; it would take descriptors for sockets that it does not have, or find the daemon's credentials.
public enum TaskEnvironment {
    /// Whether tasks do not get a variable that this program has.
    public static func withholds(_ name: String) -> Bool {
        if kept.contains(name) { return false }
        return names.contains(name) || prefixes.contains { name.hasPrefix($0) }
    }

    /// What a prefix would withhold and tasks get: where the server is, which whoever runs the program has set for
    /// every `talkback` command.
    private static let kept: Set<String> = ["TALKBACK_ADDRESS"]

    /// Variables of `systemd.exec(5)`, `sd_listen_fds(3)`, `sd_notify(3)`, `sd_watchdog_enabled(3)` and of OpenRC.
    private static let names: Set<String> = [
        "CACHE_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "DEBUG_INVOCATION", "FDSTORE",
        "INVOCATION_ID", "JOURNAL_STREAM", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "LISTEN_PIDFDID",
        "LOGS_DIRECTORY", "LOG_NAMESPACE", "MAINPID", "MANAGERPID", "MANAGERPIDFDID", "MEMORY_PRESSURE_WATCH",
        "MEMORY_PRESSURE_WRITE",
        "MONITOR_EXIT_CODE", "MONITOR_EXIT_STATUS", "MONITOR_INVOCATION_ID", "MONITOR_SERVICE_RESULT", "MONITOR_UNIT",
        "NOTIFY_SOCKET", "PIDFILE", "RC_SERVICE", "RC_SVCNAME", "RUNTIME_DIRECTORY", "SERVICE_RESULT",
        "STATE_DIRECTORY",
        "SYSTEMD_ACTIVATION_SCOPE", "SYSTEMD_ACTIVATION_UNIT", "SYSTEMD_EXEC_PID", "TRIGGER_PATH",
        "TRIGGER_TIMER_MONOTONIC_USEC", "TRIGGER_TIMER_REALTIME_USEC", "TRIGGER_UNIT", "WATCHDOG_PID", "WATCHDOG_USEC",
    ]

    /// Of supervisord, Upstart, s6-overlay, dinit, Server::Starter and Einhorn; and Talkback's own, of an outer task
    /// too.
    private static let prefixes = [
        "SUPERVISOR_", "UPSTART_", "S6_", "DINIT_", "SERVER_STARTER_", "EINHORN_", "TALKBACK_",
    ]
}
