// SPDX-License-Identifier: Apache-2.0

/// Why `getaddrinfo(3)` found no address: one of its `EAI_` codes.
public struct NameResolutionFailure: RawRepresentable, Hashable, Sendable {
    /// The `EAI_` constant's value.
    public var rawValue: Int32

    /// A failure by its `EAI_` constant's value.
    public init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// The name has no address of the wanted family (`EAI_ADDRFAMILY`).
    public static let noAddressOfFamily = NameResolutionFailure(rawValue: Constants.resolutionAddressFamily)
    /// The name server cannot answer now; later it may (`EAI_AGAIN`).
    public static let tryAgain = NameResolutionFailure(rawValue: Constants.resolutionAgain)
    /// The name server failed for good (`EAI_FAIL`).
    public static let serverFailure = NameResolutionFailure(rawValue: Constants.resolutionFail)
    /// The address family is not supported (`EAI_FAMILY`).
    public static let unsupportedFamily = NameResolutionFailure(rawValue: Constants.resolutionFamily)
    /// The name exists but has no address (`EAI_NODATA`).
    public static let noAddress = NameResolutionFailure(rawValue: Constants.resolutionNoData)
    /// The name or the service is not known (`EAI_NONAME`).
    public static let unknownName = NameResolutionFailure(rawValue: Constants.resolutionNoName)
    /// The service is not known for the socket's type (`EAI_SERVICE`).
    public static let unknownService = NameResolutionFailure(rawValue: Constants.resolutionService)
    /// The socket type is not supported (`EAI_SOCKTYPE`).
    public static let unsupportedType = NameResolutionFailure(rawValue: Constants.resolutionSocketType)
    /// There is no memory for the answer (`EAI_MEMORY`).
    public static let outOfMemory = NameResolutionFailure(rawValue: Constants.resolutionMemory)
}

extension NameResolutionFailure: CustomStringConvertible {
    /// The C library's words for the code, and its C name where it has one here.
    public var description: String {
        let name: String? =
            switch self {
            case .noAddressOfFamily: "EAI_ADDRFAMILY"
            case .tryAgain: "EAI_AGAIN"
            case .serverFailure: "EAI_FAIL"
            case .unsupportedFamily: "EAI_FAMILY"
            case .noAddress: "EAI_NODATA"
            case .unknownName: "EAI_NONAME"
            case .unknownService: "EAI_SERVICE"
            case .unsupportedType: "EAI_SOCKTYPE"
            case .outOfMemory: "EAI_MEMORY"
            default: nil
            }
        let words = System.resolutionFailureText(rawValue)
        return if let name { "\(words) (\(name))" } else { words }
    }
}
