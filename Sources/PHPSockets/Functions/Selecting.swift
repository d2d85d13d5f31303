// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

internal import Sockets
internal import SystemPackage

/// Waits until one of some sockets can be read from or written to.
///
/// - Parameters:
///   - read: Sockets to read or accept from. Becomes those that are ready, in their order and under their keys; `nil`
///     stays `nil`.
///   - write: Sockets to write to, or that are connecting.
///   - except: Sockets to watch for urgent bytes.
///   - seconds: How long to wait: 0 only looks, `nil` waits for ever.
///   - microseconds: How long in addition.
/// - Returns: How many are ready, one that can be read and written counting twice; 0 when the time is over; `nil`, with
///   a warning, when the time is negative or a signal interrupts the call. Then the sets stay as they are.
/// - Throws: ``PHPError`` if there is no socket in any set, or a closed one in one.
public func socket_select(
    _ read: inout some PHPSocketSet, _ write: inout some PHPSocketSet, _ except: inout some PHPSocketSet,
    _ seconds: Int?, _ microseconds: Int = 0
) throws(PHPError) -> Int? {
    let reading = try descriptors(of: read, 1, "read")
    let writing = try descriptors(of: write, 2, "write")
    let exceptional = try descriptors(of: except, 3, "except")
    guard !reading.isEmpty || !writing.isEmpty || !exceptional.isEmpty else {
        throw PHPError(.valueError, "socket_select(): At least one array argument must be passed")
    }
    do throws(SocketError) {
        let ready = try Socket.select(
            reading: reading, writing: writing, exceptional: exceptional,
            timeout: try timeout(seconds, microseconds), retryOnInterrupt: false)
        return keep(ready.readable, in: &read) + keep(ready.writable, in: &write) + keep(ready.exceptional, in: &except)
    } catch {
        error.report("socket_select", "Unable to select")
        return nil
    }
}

private func descriptors(
    of sockets: some PHPSocketSet, _ number: Int, _ name: String
) throws(PHPError) -> [FileDescriptor] {
    var descriptors: [FileDescriptor] = []
    for socket in sockets.phpSockets ?? [] {
        guard let descriptor = socket.descriptor else {
            throw PHPError(.typeError, "socket_select(): Argument #\(number) ($\(name)) contains a closed socket")
        }
        descriptors.append(descriptor)
    }
    return descriptors
}

private func timeout(_ seconds: Int?, _ microseconds: Int) throws(SocketError) -> Duration? {
    guard let seconds else { return nil }
    guard seconds >= 0, microseconds >= 0 else { throw SocketError(.select, .system(.invalidArgument)) }
    return .seconds(seconds) + .microseconds(microseconds)
}

/// - Returns: How many descriptors are ready. A socket that is twice in a set has one.
private func keep(_ ready: [FileDescriptor], in sockets: inout some PHPSocketSet) -> Int {
    let ready = Set(ready)
    sockets.keep { socket in socket.descriptor.map(ready.contains) ?? false }
    return ready.count
}
