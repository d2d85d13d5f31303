// SPDX-License-Identifier: Apache-2.0

internal import SystemPackage

/// A network interface: the index by which the kernel knows it, and its name.
public struct NetworkInterface: Hashable, Sendable {
    /// The index, 1 or more. It is what scopes and multicast options take.
    public let index: UInt32
    /// The name, such as `lo` or `eth0`.
    public let name: String

    /// The interface of the given name.
    ///
    /// - Throws: `SocketError` with `ENODEV` if there is none.
    ///
    /// The corresponding C function is `if_nametoindex`.
    public init(name: String) throws(SocketError) {
        guard !name.utf8.contains(0) else {
            throw SocketError(.interface, .invalid(.zeroByte), subject: .text(name))
        }
        switch System.interfaceIndex(name) {
        case .success(let index): self.init(index: index, uncheckedName: name)
        case .failure(let errno): throw SocketError(.interface, .system(errno), subject: .text(name))
        }
    }

    /// The interface of the given index.
    ///
    /// - Throws: `SocketError` with `ENXIO` if there is none.
    ///
    /// The corresponding C function is `if_indextoname`.
    public init(index: UInt32) throws(SocketError) {
        switch System.interfaceName(index) {
        case .success(let name): self.init(index: index, uncheckedName: name)
        case .failure(let errno): throw SocketError(.interface, .system(errno), subject: .text("\(index)"))
        }
    }

    init(index: UInt32, uncheckedName: String) {
        self.index = index
        self.name = uncheckedName
    }

    /// Every network interface of this machine.
    ///
    /// The corresponding C function is `if_nameindex`.
    public static func all() throws(SocketError) -> [NetworkInterface] {
        switch System.interfaces() {
        case .success(let interfaces): interfaces
        case .failure(let errno): throw SocketError(.interface, .system(errno))
        }
    }
}
