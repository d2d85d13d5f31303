// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Synchronization
internal import SystemPackage

/// What PHP warns of when the system refuses a call, which then returns `false` (here `nil` or `false`).
///
/// There is none for what would merely have had to wait, nor for a connection in progress.
public struct PHPWarning: Hashable, Sendable {
    /// The function that was called.
    public var function: String
    /// What PHP says, such as `Unable to bind address [98]: Address already in use`.
    public var message: String

    private static let handlerStore = Mutex<@Sendable (PHPWarning) -> Void>(writeToStandardError)

    /// What is done with warnings: at first each is a line on standard error. An empty closure keeps them silent.
    ///
    /// It is called on the thread that made the call.
    public static var handler: @Sendable (PHPWarning) -> Void {
        get { handlerStore.withLock { $0 } }
        set { handlerStore.withLock { $0 = newValue } }
    }

    /// Writes a warning to standard error, as PHP does.
    @Sendable
    public static func writeToStandardError(_ warning: PHPWarning) {
        _ = try? FileDescriptor.standardError.writeAll("\(warning)\n".utf8)
    }

    static func give(_ function: String, _ message: String) {
        handler(PHPWarning(function: function, message: message))
    }
}

extension PHPWarning: CustomStringConvertible {
    /// The line that PHP writes, without the file and the line of the script.
    public var description: String { "Warning: \(function)(): \(message)" }
}

/// The slot of the last error that belongs to no socket. Each thread has its own, like `errno`.
enum LastError {
    static var code: Int {
        get { Int(csockets_last_error()) }
        set { csockets_set_last_error(Int32(truncatingIfNeeded: newValue)) }
    }
}
