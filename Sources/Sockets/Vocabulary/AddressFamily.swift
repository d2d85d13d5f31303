// SPDX-License-Identifier: Apache-2.0

/// The family of addresses that a socket uses: the first argument of `socket(2)`.
///
/// Any number can be a family; the ones that this library gives a name to are the static members.
public struct AddressFamily: RawRepresentable, Hashable, Sendable {
    /// The `AF_` constant's value.
    public var rawValue: Int32

    /// A family by its `AF_` constant's value.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// No family in particular (`AF_UNSPEC`): any, when names are resolved.
    public static let unspecified = AddressFamily(rawValue: Constants.familyUnspecified)
    /// Unix domain sockets, which connect processes of one machine (`AF_UNIX`), `unix(7)`.
    public static let unix = AddressFamily(rawValue: Constants.familyUnix)
    /// IPv4 (`AF_INET`), `ip(7)`.
    public static let ipv4 = AddressFamily(rawValue: Constants.familyIPv4)
    /// IPv6 (`AF_INET6`), `ipv6(7)`.
    public static let ipv6 = AddressFamily(rawValue: Constants.familyIPv6)
}

extension AddressFamily: CustomStringConvertible {
    /// The C constant's name, or the number of a family without a name here.
    public var description: String {
        switch self {
        case .unspecified: "AF_UNSPEC"
        case .unix: "AF_UNIX"
        case .ipv4: "AF_INET"
        case .ipv6: "AF_INET6"
        default: "AF(\(rawValue))"
        }
    }
}
