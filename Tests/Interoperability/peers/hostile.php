<?php
// SPDX-License-Identifier: Apache-2.0
// Clients that no server should suffer from.
// Usage: php hostile.php MODE HOST PORT; it prints "ready" once it does what it does, and "closed" when the server has
// closed the connection.

[, $mode, $host, $port] = $argv;

function connected(string $host, int $port): Socket
{
    $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    if ($socket === false || socket_connect($socket, $host, $port) === false) {
        exit(1);
    }
    return $socket;
}

$socket = connected($host, (int) $port);
switch ($mode) {
    case 'silent':
        echo "ready\n";
        while (($piece = @socket_read($socket, 8192)) !== false && $piece !== '') {
        }
        echo "closed\n";
        break;
    case 'trickle':
        // A byte now and then, so that no time-out for silence ever passes.
        socket_set_option($socket, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 0, 'usec' => 100_000]);
        echo "ready\n";
        for ($count = 0; $count < 300; $count++) {
            if (@socket_write($socket, 'a') === false) {
                break;
            }
            $piece = @socket_read($socket, 1);
            if ($piece === '' || ($piece === false && socket_last_error($socket) === SOCKET_ECONNRESET)) {
                break;
            }
        }
        echo $count < 300 ? "closed\n" : "never closed\n";
        break;
    case 'close':
        for ($count = 0; $count < 100; $count++) {
            socket_close($socket);
            $socket = connected($host, (int) $port);
        }
        echo "ready\n";
        break;
    case 'reset':
        for ($count = 0; $count < 100; $count++) {
            socket_set_option($socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
            socket_write($socket, 'half a request');
            socket_close($socket);
            $socket = connected($host, (int) $port);
        }
        echo "ready\n";
        break;
    case 'deaf':
        // Asks for as much as it can, and never reads the answer.
        for ($sent = 0; $sent < 8 << 20; $sent += $count) {
            $count = socket_write($socket, str_repeat('a', min(65536, (8 << 20) - $sent)));
            if ($count === false) {
                exit(1);
            }
        }
        socket_shutdown($socket, 1);
        echo "ready\n";
        fgets(STDIN);
        break;
}
