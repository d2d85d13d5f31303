// SPDX-License-Identifier: Apache-2.0

/// What closing a socket does with output that was not delivered yet: the value of ``SocketOption/linger``.
///
/// The corresponding C type is `struct linger`.
public struct Linger: Hashable, Sendable {
    /// How long closing waits for delivery, in whole seconds up to 65,535; `nil` if it does not wait and the system
    /// delivers in the background. After zero seconds the connection is reset and the output lost.
    public var timeout: Duration?

    /// Waits for the given time, or not.
    public init(timeout: Duration?) {
        self.timeout = timeout
    }

    /// Closing returns at once, and the system goes on delivering: how every socket starts.
    public static let background = Linger(timeout: nil)
    /// Closing throws away what was not delivered, and TCP resets the connection.
    public static let reset = Linger(timeout: .zero)
}

/// The name of one of TCP's congestion control algorithms, as `net.ipv4.tcp_available_congestion_control` lists them.
public struct CongestionControl: RawRepresentable, Hashable, Sendable {
    /// The algorithm's name, at most 15 bytes.
    public var rawValue: String

    /// An algorithm by its name.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// TCP CUBIC, RFC 9438.
    public static let cubic = CongestionControl(rawValue: "cubic")
    /// TCP Reno, RFC 5681.
    public static let reno = CongestionControl(rawValue: "reno")
    /// BBR.
    public static let bbr = CongestionControl(rawValue: "bbr")
}

/// Whether packets may be cut on the way: the value of ``SocketOption/ipv4PathMTUDiscovery`` and its IPv6 sibling.
public struct PathMTUDiscovery: RawRepresentable, Hashable, Sendable {
    /// The `IP_PMTUDISC_` constant's value.
    public var rawValue: Int32

    /// A setting by the value of its constant.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Packets may be cut (`IP_PMTUDISC_DONT`).
    public static let off = PathMTUDiscovery(rawValue: Constants.pathMTUDiscoveryDont)
    /// The route decides (`IP_PMTUDISC_WANT`).
    public static let byRoute = PathMTUDiscovery(rawValue: Constants.pathMTUDiscoveryWant)
    /// Packets are never cut; what is too large is an error (`IP_PMTUDISC_DO`).
    public static let on = PathMTUDiscovery(rawValue: Constants.pathMTUDiscoveryDo)
    /// Packets are never cut, and the known path limit is not heeded (`IP_PMTUDISC_PROBE`).
    public static let probe = PathMTUDiscovery(rawValue: Constants.pathMTUDiscoveryProbe)
}
