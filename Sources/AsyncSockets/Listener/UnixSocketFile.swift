// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import SystemPackage

/// The file of a Unix domain listener, which nobody removes but who made it.
///
/// A server that ends without removing its file leaves a name to which nothing can be bound and on which nobody
/// answers. Such a file is replaced; one on which somebody answers never is. Whoever binds holds a lock on the folder
/// meanwhile, so that no other server that looks at the same time mistakes a socket that is bound, and about to listen,
/// for one that was left behind. Without the lock nothing is replaced.
struct UnixSocketFile: Sendable {
    private let path: [UInt8]
    private let identity: FileIdentity

    /// A socket that listens, and its file.
    struct Listening: ~Copyable {
        let file: UnixSocketFile?
        let socket: Socket
    }

    /// Makes a socket that listens on a path, in place of a stale one if there is one.
    static func listen(
        on address: SocketAddress, path: [UInt8], _ options: ListenOptions
    ) throws(SocketError) -> Listening {
        let folder = FolderLock(parentOf: path)
        defer { folder?.release() }
        let socket: Socket
        do throws(SocketError) {
            socket = try Socket.listen(on: address, options: options, mode: .nonBlocking)
        } catch {
            guard error.errno == .addressInUse, folder != nil, isStale(address) else { throw error }
            guard FileSystem.removeSocket(path) else { throw error }
            socket = try Socket.listen(on: address, options: options, mode: .nonBlocking)
        }
        let file = FileSystem.identity(path).map { UnixSocketFile(path: path, identity: $0) }
        return Listening(file: file, socket: socket)
    }

    /// Whether there is a socket, and nobody who answers.
    private static func isStale(_ address: SocketAddress) -> Bool {
        do throws(SocketError) {
            let socket = try Socket(.unix, .stream, mode: .nonBlocking)
            // Somebody answers even when the backlog is full.
            _ = try socket.startConnect(to: address)
            return false
        } catch {
            return error.errno == .connectionRefused
        }
    }

    /// Removes the file, unless it is another one by now. The listener still answers meanwhile, so nobody replaces it
    /// between the look and the removal.
    func remove() {
        if FileSystem.identity(path) == identity { _ = FileSystem.removeSocket(path) }
    }
}
