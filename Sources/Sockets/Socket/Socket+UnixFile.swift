// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

extension Socket {
    /// Binds to a Unix address and gives its file its mode and owner before anybody can connect.
    ///
    /// `bind(2)` makes the file with the mode of the socket's own inode, less the umask, so nobody whom the mode keeps
    /// out has a moment to connect in; what the umask took away comes back afterwards.
    func bind(to name: UnixAddress, as file: ListenOptions.UnixFile) throws(SocketError) {
        let subject = SocketError.Subject.address(.unix(name))
        guard let path = name.pathBytes else { throw SocketError(.bind, .invalid(.noFile), subject: subject) }
        // The largest number means no change to chown(2), which is nothing that anybody asks for.
        guard file.owner != .max, file.group != .max else {
            throw SocketError(.changeOwner, .invalid(.outOfRange), subject: subject)
        }
        if let permissions = file.permissions {
            try checked(.changeMode, System.setMode(descriptor, permissions), subject: subject)
        }
        try bind(to: .unix(name))
        do throws(SocketError) {
            try SocketFile(path, subject).become(file)
        } catch {
            // What is no socket, or a link, has been put there by somebody else.
            if error.errno != .notSocket, error.errno != .tooManySymbolicLinkLevels { System.remove(path) }
            throw error
        }
    }
}

/// The file of a Unix socket, held open so that nobody can put another one in its place meanwhile.
private struct SocketFile: ~Copyable {
    private let handle: OwnedDescriptor
    private let path: [UInt8]
    private let subject: SocketError.Subject

    init(_ path: [UInt8], _ subject: SocketError.Subject) throws(SocketError) {
        let descriptor = try checked(.changeMode, System.openSocketFile(path), subject: subject)
        handle = OwnedDescriptor(adopting: descriptor)
        self.path = path
        self.subject = subject
    }

    func become(_ file: ListenOptions.UnixFile) throws(SocketError) {
        try handle.withDescriptor { (handle) throws(SocketError) in
            // The mode of a file that was given away is for its owner to change, or needs another capability.
            if let permissions = file.permissions {
                try checked(.changeMode, System.setFileMode(handle, path, permissions), subject: subject)
            }
            if file.owner != nil || file.group != nil {
                let result = System.setFileOwner(handle, owner: file.owner, group: file.group)
                try checked(.changeOwner, result, subject: subject)
            }
        }
    }
}
