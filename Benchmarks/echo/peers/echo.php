<?php
// SPDX-License-Identifier: Apache-2.0
// The tutorial's way, without its bugs: one process, one loop over socket_select.

$listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
socket_set_option($listener, SOL_SOCKET, SO_REUSEADDR, 1);
socket_bind($listener, '127.0.0.1', (int) $argv[1]) || exit(1);
socket_listen($listener, 4096);
$clients = [];
while (true) {
    $read = $clients;
    $read[] = $listener;
    $write = $except = null;
    if (!socket_select($read, $write, $except, null)) {
        continue;
    }
    foreach ($read as $socket) {
        if ($socket === $listener) {
            $client = socket_accept($listener);
            socket_set_option($client, SOL_TCP, TCP_NODELAY, 1);
            $clients[spl_object_id($client)] = $client;
            continue;
        }
        $bytes = @socket_read($socket, 1024);
        if ($bytes === false || $bytes === '') {
            unset($clients[spl_object_id($socket)]);
            socket_close($socket);
            continue;
        }
        for ($sent = 0; $sent < strlen($bytes); $sent += $count) {
            $count = @socket_write($socket, substr($bytes, $sent));
            if ($count === false) {
                break;
            }
        }
    }
}
