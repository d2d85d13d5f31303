// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AlwaysUseLowerCamelCase
// The names are PHP's.

// MARK: Error numbers, errno(3)

/// Operation not permitted.
public let SOCKET_EPERM: Int = 1

/// No such file or directory.
public let SOCKET_ENOENT: Int = 2

/// Interrupted system call.
public let SOCKET_EINTR: Int = 4

/// Input/output error.
public let SOCKET_EIO: Int = 5

/// No such device or address.
public let SOCKET_ENXIO: Int = 6

/// Argument list too long.
public let SOCKET_E2BIG: Int = 7

/// Bad file descriptor.
public let SOCKET_EBADF: Int = 9

/// Resource temporarily unavailable.
public let SOCKET_EAGAIN: Int = 11

/// Cannot allocate memory.
public let SOCKET_ENOMEM: Int = 12

/// Permission denied.
public let SOCKET_EACCES: Int = 13

/// Bad address.
public let SOCKET_EFAULT: Int = 14

/// Block device required.
public let SOCKET_ENOTBLK: Int = 15

/// Device or resource busy.
public let SOCKET_EBUSY: Int = 16

/// File exists.
public let SOCKET_EEXIST: Int = 17

/// Invalid cross-device link.
public let SOCKET_EXDEV: Int = 18

/// No such device.
public let SOCKET_ENODEV: Int = 19

/// Not a directory.
public let SOCKET_ENOTDIR: Int = 20

/// Is a directory.
public let SOCKET_EISDIR: Int = 21

/// Invalid argument.
public let SOCKET_EINVAL: Int = 22

/// Too many open files in system.
public let SOCKET_ENFILE: Int = 23

/// Too many open files.
public let SOCKET_EMFILE: Int = 24

/// Inappropriate ioctl for device.
public let SOCKET_ENOTTY: Int = 25

/// No space left on device.
public let SOCKET_ENOSPC: Int = 28

/// Illegal seek.
public let SOCKET_ESPIPE: Int = 29

/// Read-only file system.
public let SOCKET_EROFS: Int = 30

/// Too many links.
public let SOCKET_EMLINK: Int = 31

/// Broken pipe.
public let SOCKET_EPIPE: Int = 32

/// File name too long.
public let SOCKET_ENAMETOOLONG: Int = 36

/// No locks available.
public let SOCKET_ENOLCK: Int = 37

/// Function not implemented.
public let SOCKET_ENOSYS: Int = 38

/// Directory not empty.
public let SOCKET_ENOTEMPTY: Int = 39

/// Too many levels of symbolic links.
public let SOCKET_ELOOP: Int = 40

/// Resource temporarily unavailable.
public let SOCKET_EWOULDBLOCK: Int = 11

/// No message of desired type.
public let SOCKET_ENOMSG: Int = 42

/// Identifier removed.
public let SOCKET_EIDRM: Int = 43

/// Channel number out of range.
public let SOCKET_ECHRNG: Int = 44

/// Level 2 not synchronized.
public let SOCKET_EL2NSYNC: Int = 45

/// Level 3 halted.
public let SOCKET_EL3HLT: Int = 46

/// Level 3 reset.
public let SOCKET_EL3RST: Int = 47

/// Link number out of range.
public let SOCKET_ELNRNG: Int = 48

/// Protocol driver not attached.
public let SOCKET_EUNATCH: Int = 49

/// No CSI structure available.
public let SOCKET_ENOCSI: Int = 50

/// Level 2 halted.
public let SOCKET_EL2HLT: Int = 51

/// Invalid exchange.
public let SOCKET_EBADE: Int = 52

/// Invalid request descriptor.
public let SOCKET_EBADR: Int = 53

/// Exchange full.
public let SOCKET_EXFULL: Int = 54

/// No anode.
public let SOCKET_ENOANO: Int = 55

/// Invalid request code.
public let SOCKET_EBADRQC: Int = 56

/// Invalid slot.
public let SOCKET_EBADSLT: Int = 57

/// Device not a stream.
public let SOCKET_ENOSTR: Int = 60

/// No data available.
public let SOCKET_ENODATA: Int = 61

/// Timer expired.
public let SOCKET_ETIME: Int = 62

/// Out of streams resources.
public let SOCKET_ENOSR: Int = 63

/// Machine is not on the network.
public let SOCKET_ENONET: Int = 64

/// Object is remote.
public let SOCKET_EREMOTE: Int = 66

/// Link has been severed.
public let SOCKET_ENOLINK: Int = 67

/// Advertise error.
public let SOCKET_EADV: Int = 68

/// Srmount error.
public let SOCKET_ESRMNT: Int = 69

/// Communication error on send.
public let SOCKET_ECOMM: Int = 70

/// Protocol error.
public let SOCKET_EPROTO: Int = 71

/// Multihop attempted.
public let SOCKET_EMULTIHOP: Int = 72

/// Bad message.
public let SOCKET_EBADMSG: Int = 74

/// Name not unique on network.
public let SOCKET_ENOTUNIQ: Int = 76

/// File descriptor in bad state.
public let SOCKET_EBADFD: Int = 77

/// Remote address changed.
public let SOCKET_EREMCHG: Int = 78

/// Interrupted system call should be restarted.
public let SOCKET_ERESTART: Int = 85

/// Streams pipe error.
public let SOCKET_ESTRPIPE: Int = 86

/// Too many users.
public let SOCKET_EUSERS: Int = 87

/// Socket operation on non-socket.
public let SOCKET_ENOTSOCK: Int = 88

/// Destination address required.
public let SOCKET_EDESTADDRREQ: Int = 89

/// Message too long.
public let SOCKET_EMSGSIZE: Int = 90

/// Protocol wrong type for socket.
public let SOCKET_EPROTOTYPE: Int = 91

/// Protocol not available.
public let SOCKET_ENOPROTOOPT: Int = 92

/// Protocol not supported.
public let SOCKET_EPROTONOSUPPORT: Int = 93

/// Socket type not supported.
public let SOCKET_ESOCKTNOSUPPORT: Int = 94

/// Operation not supported.
public let SOCKET_EOPNOTSUPP: Int = 95

/// Protocol family not supported.
public let SOCKET_EPFNOSUPPORT: Int = 96

/// Address family not supported by protocol.
public let SOCKET_EAFNOSUPPORT: Int = 97

/// Address already in use.
public let SOCKET_EADDRINUSE: Int = 98

/// Cannot assign requested address.
public let SOCKET_EADDRNOTAVAIL: Int = 99

/// Network is down.
public let SOCKET_ENETDOWN: Int = 100

/// Network is unreachable.
public let SOCKET_ENETUNREACH: Int = 101

/// Network dropped connection on reset.
public let SOCKET_ENETRESET: Int = 102

/// Software caused connection abort.
public let SOCKET_ECONNABORTED: Int = 103

/// Connection reset by peer.
public let SOCKET_ECONNRESET: Int = 104

/// No buffer space available.
public let SOCKET_ENOBUFS: Int = 105

/// Transport endpoint is already connected.
public let SOCKET_EISCONN: Int = 106

/// Transport endpoint is not connected.
public let SOCKET_ENOTCONN: Int = 107

/// Cannot send after transport endpoint shutdown.
public let SOCKET_ESHUTDOWN: Int = 108

/// Too many references: cannot splice.
public let SOCKET_ETOOMANYREFS: Int = 109

/// Connection timed out.
public let SOCKET_ETIMEDOUT: Int = 110

/// Connection refused.
public let SOCKET_ECONNREFUSED: Int = 111

/// Host is down.
public let SOCKET_EHOSTDOWN: Int = 112

/// No route to host.
public let SOCKET_EHOSTUNREACH: Int = 113

/// Operation already in progress.
public let SOCKET_EALREADY: Int = 114

/// Operation now in progress.
public let SOCKET_EINPROGRESS: Int = 115

/// Is a named type file.
public let SOCKET_EISNAM: Int = 120

/// Remote I/O error.
public let SOCKET_EREMOTEIO: Int = 121

/// Disk quota exceeded.
public let SOCKET_EDQUOT: Int = 122

/// No medium found.
public let SOCKET_ENOMEDIUM: Int = 123

/// Wrong medium type.
public let SOCKET_EMEDIUMTYPE: Int = 124
