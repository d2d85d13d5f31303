// SPDX-License-Identifier: Apache-2.0

internal import Sockets
internal import SystemPackage

/// Why a host was not found, in the numbers of `gethostbyname(3)`, which PHP adds to -10000.
enum HostError: Int {
    case hostNotFound = 1
    case tryAgain = 2
    case noRecovery = 3
    case noData = 4

    init(_ failure: NameResolutionFailure) {
        switch failure {
        case .tryAgain: self = .tryAgain
        case .serverFailure, .noAddressOfFamily, .unsupportedFamily: self = .noRecovery
        case .noAddress: self = .noData
        default: self = .hostNotFound
        }
    }

    var code: Int { -10000 - rawValue }

    var text: String {
        switch self {
        case .hostNotFound: "Unknown host"
        case .tryAgain: "Host name lookup failure"
        case .noRecovery: "Unknown server error"
        case .noData: "No address associated with name"
        }
    }
}

enum ErrorText {
    /// The words for an error number, or for a host's.
    static func of(_ code: Int) -> String {
        if code < -10000 { return HostError(rawValue: -10000 - code)?.text ?? "Unknown resolver error" }
        return "\(Errno(rawValue: Int32(truncatingIfNeeded: code)))"
    }
}
