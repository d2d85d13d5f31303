// SPDX-License-Identifier: Apache-2.0

internal import CRunner
internal import Glibc
package import SystemPackage

/// The signals that a program asks for, in the order in which they come: the handler writes their numbers to a pipe.
///
/// They are kept from the moment that they are asked for, whatever threads there are by then, whoever takes them and
/// however much later. Other programs inherit nothing of it: a handler becomes the default action when one is executed.
package enum SignalPipe {
    /// Has signals kept in place of their default action. One thread at a time may call it.
    package static func keep(_ numbers: [Int32]) throws(Errno) {
        for number in numbers {
            guard crunner_note_signal(number) == 0 else { throw Errno(rawValue: errno) }
        }
    }

    /// Gives signals their default action again.
    package static func release(_ numbers: [Int32]) {
        for number in numbers { _ = Glibc.signal(number, SIG_DFL) }
    }

    /// Has signals wait until ``letGo()``. For the main thread while there is no other.
    package static func hold(_ numbers: [Int32]) {
        var held = sigset_t()
        // SAFETY: the set is initialised, changed, and read during the calls.
        unsafe sigemptyset(&held)
        for number in numbers { unsafe sigaddset(&held, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &held, nil)
    }

    /// Has the signals that were held, and those that come, do what they do now.
    package static func letGo() {
        var none = sigset_t()
        // SAFETY: the set is initialised, and read during the call.
        unsafe sigemptyset(&none)
        unsafe pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    /// Undoes what the program that has started this one may have left behind: signals that are blocked in the calling
    /// thread, which must be the only one, and an ignored SIGCHLD, with which nothing would be known of how commands
    /// end.
    package static func forgetInheritance() {
        letGo()
        release([SIGCHLD])
    }

    /// Waits for the next signal. One thread may call it, once signals are kept.
    package static func next() -> Int32? {
        let number = crunner_next_signal()
        return number < 0 ? nil : number
    }
}

/// The capabilities of a thread, `capabilities(7)`.
package enum Capabilities {
    /// Gives up all of the calling thread's.
    package static func drop() throws(Errno) {
        guard crunner_drop_capabilities() == 0 else { throw Errno(rawValue: errno) }
    }
}
