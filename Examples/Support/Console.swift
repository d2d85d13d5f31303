// SPDX-License-Identifier: Apache-2.0

import Synchronization
import SystemPackage

/// What the programs say, each piece whole and at once, whichever thread says it.
public enum Console {
    private static let lock = Mutex(())

    /// Writes text to standard output.
    public static func write(_ text: String) {
        write(Array(text.utf8))
    }

    /// Writes bytes to standard output as they are.
    public static func write(_ bytes: [UInt8]) {
        write(bytes, to: .standardOutput)
    }

    /// Writes a line about a problem to standard error.
    public static func complain(_ text: String) {
        write(Array("\(text)\n".utf8), to: .standardError)
    }

    private static func write(_ bytes: [UInt8], to output: FileDescriptor) {
        lock.withLock { _ in
            // Nobody is left to tell when the output itself is gone.
            _ = try? output.writeAll(bytes)
        }
    }
}
