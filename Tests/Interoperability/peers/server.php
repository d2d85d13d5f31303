<?php
// SPDX-License-Identifier: Apache-2.0
// A server in the tutorial's style: it takes one client, reads until the client half-closes, and answers.
// Usage: php server.php PREFIX; it prints its port.

[, $prefix] = $argv;
$listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
if ($listener === false || !socket_bind($listener, '127.0.0.1', 0) || !socket_listen($listener, 4)) {
    exit(1);
}
socket_getsockname($listener, $address, $port);
echo "$port\n";
$client = socket_accept($listener);
$request = '';
while (($piece = socket_read($client, 8192)) !== false && $piece !== '') {
    $request .= $piece;
}
socket_write($client, $prefix . $request);
socket_close($client);
socket_close($listener);
exit($piece === '' ? 0 : 1);
