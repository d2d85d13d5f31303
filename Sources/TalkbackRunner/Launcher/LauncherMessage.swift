// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// What a runner asks its launcher for. The two are processes of the same program, so the bytes are those of this
/// machine.
enum LauncherRequest: Hashable {
    /// Start the command, with these variables beside the launcher's own; the descriptors of its streams come along.
    case start(UInt32, environment: [String])
    /// End the process group, giving it some time.
    case terminate(UInt32)

    var bytes: [UInt8] {
        switch self {
        case .start(let slot, let environment):
            [1] + slot.bytes + Array(environment.joined(separator: "\0").utf8)
        case .terminate(let slot): [2] + slot.bytes
        }
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 5, let slot = UInt32(bytes: bytes[1..<5]) else { return nil }
        switch bytes[0] {
        case 1:
            let text = bytes[5...].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            self = .start(slot, environment: text)
        case 2: self = .terminate(slot)
        default: return nil
        }
    }
}

/// What a launcher tells its runner.
enum LauncherReport: Hashable {
    /// It runs, as this process and group.
    case started(UInt32, process: Int32)
    /// It could not be started.
    case failed(UInt32, Errno)
    /// It has ended, and its whole group if that was to end: with an exit status, or the negative of a signal.
    case ended(UInt32, status: Int32)

    var bytes: [UInt8] {
        switch self {
        case .started(let slot, let process): [1] + slot.bytes + UInt32(bitPattern: process).bytes
        case .failed(let slot, let errno): [2] + slot.bytes + UInt32(bitPattern: errno.rawValue).bytes
        case .ended(let slot, let status): [3] + slot.bytes + UInt32(bitPattern: status).bytes
        }
    }

    init?(_ bytes: [UInt8]) {
        guard bytes.count == 9, let slot = UInt32(bytes: bytes[1..<5]), let raw = UInt32(bytes: bytes[5..<9]) else {
            return nil
        }
        let value = Int32(bitPattern: raw)
        switch bytes[0] {
        case 1: self = .started(slot, process: value)
        case 2: self = .failed(slot, Errno(rawValue: value))
        case 3: self = .ended(slot, status: value)
        default: return nil
        }
    }
}

extension UInt32 {
    fileprivate var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }

    fileprivate init?(bytes: ArraySlice<UInt8>) {
        guard bytes.count == 4 else { return nil }
        self = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
