// SPDX-License-Identifier: Apache-2.0
// PHP's names compile beside those of Glibc, as they stand in a PHP script.

import Glibc
import PHPSockets

guard let socket = try socket_create(AF_INET, SOCK_STREAM, SOL_TCP) else { throw PHPError(.error, "no socket") }
_ = try socket_set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)
_ = try socket_bind(socket, "127.0.0.1", 0)
_ = try socket_listen(socket, SOMAXCONN)
var address = ""
_ = try socket_getsockname(socket, &address)
let family: Int = AF_INET
print(address, family, try socket_get_option(socket, SOL_SOCKET, SO_TYPE)?.int ?? -1)
