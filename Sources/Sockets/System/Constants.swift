// SPDX-License-Identifier: Apache-2.0

internal import CSockets
internal import Glibc

/// The C constants that the rest of the module uses, each as an `Int32`.
///
/// Some reach Swift as enums, some as `Int`, and some not at all; this file is where that is put right, and where
/// another platform's values would go.
enum Constants {
    // Families, types and protocols
    static let familyUnspecified = Int32(AF_UNSPEC)
    static let familyUnix = Int32(AF_UNIX)
    static let familyIPv4 = Int32(AF_INET)
    static let familyIPv6 = Int32(AF_INET6)

    static let typeStream = Int32(SOCK_STREAM.rawValue)
    static let typeDatagram = Int32(SOCK_DGRAM.rawValue)
    static let typeSequencedPacket = Int32(SOCK_SEQPACKET.rawValue)
    static let typeRaw = Int32(SOCK_RAW.rawValue)
    static let typeFlagCloseOnExec = Int32(SOCK_CLOEXEC.rawValue)
    static let typeFlagNonBlocking = Int32(SOCK_NONBLOCK.rawValue)

    static let protocolTCP = Int32(IPPROTO_TCP)
    static let protocolUDP = Int32(IPPROTO_UDP)
    static let protocolICMP = Int32(IPPROTO_ICMP)
    static let protocolICMPv6 = Int32(IPPROTO_ICMPV6)
    static let protocolMPTCP = Int32(IPPROTO_MPTCP)

    // Message flags
    static let messageConfirm = Int32(MSG_CONFIRM)
    static let messageControlTruncated = Int32(MSG_CTRUNC)
    static let messageDoNotRoute = Int32(MSG_DONTROUTE)
    static let messageDoNotWait = Int32(MSG_DONTWAIT)
    static let messageEndOfRecord = Int32(MSG_EOR)
    static let messageErrorQueue = Int32(MSG_ERRQUEUE)
    static let messageMore = Int32(MSG_MORE)
    static let messageOutOfBand = Int32(MSG_OOB)
    static let messagePeek = Int32(MSG_PEEK)
    static let messageTruncate = Int32(MSG_TRUNC)
    static let messageWaitAll = Int32(MSG_WAITALL)
    static let messageZeroCopy = Int32(MSG_ZEROCOPY)
    static let messageNoSignal = Int32(MSG_NOSIGNAL)
    static let messageCloseOnExec = Int32(MSG_CMSG_CLOEXEC)

    // Control messages
    static let controlRights = Int32(SCM_RIGHTS)
    /// `SCM_CREDENTIALS`, which glibc hides behind `_GNU_SOURCE`; asm-generic fixes it at 2.
    static let controlCredentials: Int32 = 2

    // getaddrinfo's codes; glibc hides two of them behind `_GNU_SOURCE`.
    static let resolutionAddressFamily: Int32 = -9
    static let resolutionAgain = Int32(EAI_AGAIN)
    static let resolutionFail = Int32(EAI_FAIL)
    static let resolutionFamily = Int32(EAI_FAMILY)
    static let resolutionNoData: Int32 = -5
    static let resolutionNoName = Int32(EAI_NONAME)
    static let resolutionService = Int32(EAI_SERVICE)
    static let resolutionSocketType = Int32(EAI_SOCKTYPE)
    static let resolutionMemory = Int32(EAI_MEMORY)

    // poll's events
    static let pollReadable = Int16(POLLIN)
    static let pollPriority = Int16(POLLPRI)
    static let pollWritable = Int16(POLLOUT)
    static let pollError = Int16(POLLERR)
    static let pollHangUp = Int16(POLLHUP)
    static let pollInvalid = Int16(POLLNVAL)
    static let pollPeerHalfClosed = csockets_pollrdhup()

    // Option levels and values
    static let levelSocket = Int32(SOL_SOCKET)
    static let levelIPv4 = Int32(IPPROTO_IP)
    static let levelIPv6 = Int32(IPPROTO_IPV6)
    static let pathMTUDiscoveryDont = Int32(IP_PMTUDISC_DONT)
    static let pathMTUDiscoveryWant = Int32(IP_PMTUDISC_WANT)
    static let pathMTUDiscoveryDo = Int32(IP_PMTUDISC_DO)
    static let pathMTUDiscoveryProbe = Int32(IP_PMTUDISC_PROBE)
}
