<?php
// SPDX-License-Identifier: Apache-2.0
// A client in the tutorial's style: it sends a text, never half-closes, and reads until the server closes.
// Usage: php client.php HOST PORT TEXT

[, $host, $port, $text] = $argv;
$socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
if ($socket === false || socket_connect($socket, $host, (int) $port) === false) {
    exit(1);
}
for ($rest = $text; $rest !== ''; $rest = substr($rest, $sent)) {
    $sent = socket_write($socket, $rest);
    if ($sent === false) {
        exit(1);
    }
}
while (($piece = socket_read($socket, 8192)) !== false && $piece !== '') {
    echo $piece;
}
socket_close($socket);
exit($piece === '' ? 0 : 1);
