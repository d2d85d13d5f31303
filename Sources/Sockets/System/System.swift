// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc
internal import SystemPackage

/// Every call that this module makes into the C library, one function each, grouped by concern in the files beside
/// this one. They take and return Swift values; no pointer and no `errno` leaves this folder.
enum System {}

extension System {
    /// Makes a call that returns -1 and sets `errno` when it fails.
    ///
    /// With `retryOnInterrupt` the call is made again as long as a signal interrupts it (`EINTR`).
    @inline(__always)
    static func valueOrErrno<Value: FixedWidthInteger>(
        retryOnInterrupt: Bool, _ call: () -> Value
    ) -> Result<Value, Errno> {
        while true {
            let value = call()
            if value != -1 { return .success(value) }
            let error = errno
            if retryOnInterrupt && error == EINTR { continue }
            return .failure(Errno(rawValue: error))
        }
    }

    /// Makes a call that returns 0, or -1 and sets `errno` when it fails.
    @inline(__always)
    static func nothingOrErrno(retryOnInterrupt: Bool = false, _ call: () -> Int32) -> Result<Void, Errno> {
        switch valueOrErrno(retryOnInterrupt: retryOnInterrupt, call) {
        case .success: .success(())
        case .failure(let errno): .failure(errno)
        }
    }

    /// The C spelling of an error number, such as `EACCES`; `nil` for one that has none.
    static func errnoName(_ errno: Errno) -> String? {
        // SAFETY: the C library returns null or a string constant that lives as long as the process.
        unsafe csockets_errno_name(errno.rawValue).map { unsafe String(cString: $0) }
    }

    /// The C library's words for one of getaddrinfo's codes.
    static func resolutionFailureText(_ code: Int32) -> String {
        // SAFETY: gai_strerror returns a string constant for every number.
        unsafe String(cString: gai_strerror(code))
    }
}
