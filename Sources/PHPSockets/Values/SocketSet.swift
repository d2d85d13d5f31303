// SPDX-License-Identifier: Apache-2.0

/// What ``socket_select(_:_:_:_:_:)`` takes and changes: an array, a dictionary whose keys stay, or `nil`.
public protocol PHPSocketSet {
    /// The sockets; `nil` for no set.
    var phpSockets: [PHPSocket]? { get }
    /// Leaves only the sockets for which `isKept` is true, in their order and under their keys.
    mutating func keep(_ isKept: (PHPSocket) -> Bool)
}

extension [PHPSocket]: PHPSocketSet {
    /// The array.
    public var phpSockets: [PHPSocket]? { self }

    /// Removes the others.
    public mutating func keep(_ isKept: (PHPSocket) -> Bool) {
        self = filter(isKept)
    }
}

extension Dictionary: PHPSocketSet where Value == PHPSocket {
    /// The values.
    public var phpSockets: [PHPSocket]? { Array(values) }

    /// Removes the others, with their keys.
    public mutating func keep(_ isKept: (PHPSocket) -> Bool) {
        self = filter { isKept($0.value) }
    }
}

extension Optional: PHPSocketSet where Wrapped: PHPSocketSet {
    /// The set's sockets, if there is a set.
    public var phpSockets: [PHPSocket]? { self?.phpSockets }

    /// Removes the others, if there is a set.
    public mutating func keep(_ isKept: (PHPSocket) -> Bool) {
        self?.keep(isKept)
    }
}
