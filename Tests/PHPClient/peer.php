<?php
// SPDX-License-Identifier: Apache-2.0
// A server that follows the script on its standard input: see Peer.php.
declare(strict_types=1);

$deadline = microtime(true) + 30;
set_error_handler(function (int $level, string $message) {
    throw new ErrorException($message);
});

/** Waits until the other side has read all that was sent, which the kernel tells. */
function waitUntilRead($socket): void
{
    global $deadline;
    socket_getsockname($socket, $host, $here);
    socket_getpeername($socket, $host, $there);
    $pattern = sprintf('/: 0100007F:%04X 0100007F:%04X [0-9A-F]+ [0-9A-F]+:([0-9A-F]+) /', $there, $here);
    do {
        $isThere = preg_match($pattern, file_get_contents('/proc/net/tcp'), $match) === 1;
        if (!$isThere || microtime(true) > $deadline) {
            throw new Exception('the other side does not read');
        }
    } while (hexdec($match[1]) > 0);
}

function send($socket, string $bytes): void
{
    for (; $bytes !== ''; $bytes = (string) substr($bytes, $count)) {
        $count = socket_write($socket, $bytes);
    }
}

function take($socket, int $count): string
{
    for ($bytes = ''; strlen($bytes) < $count; $bytes .= $piece) {
        $piece = socket_read($socket, min(65536, $count - strlen($bytes)));
        if ($piece === '') {
            throw new Exception('the stream ends after ' . json_encode($bytes));
        }
    }
    return $bytes;
}

function follow($socket, array $step): void
{
    $bytes = is_string($step[1] ?? 0) ? base64_decode($step[1]) : '';
    switch (base64_decode($step[0])) {
        case 'read':
            $got = take($socket, strlen($bytes));
            if ($got !== $bytes) {
                throw new Exception('expected ' . json_encode($bytes) . ', got ' . json_encode($got));
            }
            break;
        case 'take':
            take($socket, $step[1]);
            break;
        case 'send':
            send($socket, $bytes);
            break;
        case 'cut':
            send($socket, substr($bytes, 0, $step[2]));
            waitUntilRead($socket);
            send($socket, substr($bytes, $step[2]));
            break;
        case 'drip':
            foreach (str_split($bytes) as $byte) {
                send($socket, $byte);
                waitUntilRead($socket);
            }
            break;
        case 'end':
            $rest = socket_read($socket, 1);
            if ($rest !== '') {
                throw new Exception('expected the end, got ' . json_encode($rest));
            }
            break;
        case 'say':
            echo "$bytes\n";
            break;
        case 'reset':
            socket_set_option($socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
            break;
        default:
            throw new Exception('there is no step ' . json_encode($step));
    }
}

try {
    $connections = json_decode(stream_get_contents(STDIN), true);
    $listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    socket_bind($listener, '127.0.0.1', 0);
    socket_listen($listener);
    socket_getsockname($listener, $host, $port);
    $limit = ['sec' => 20, 'usec' => 0];
    socket_set_option($listener, SOL_SOCKET, SO_RCVTIMEO, $limit);
    echo "$host:$port\n";
    foreach ($connections as $steps) {
        $socket = socket_accept($listener);
        socket_set_option($socket, SOL_TCP, TCP_NODELAY, 1);
        socket_set_option($socket, SOL_SOCKET, SO_RCVTIMEO, $limit);
        socket_set_option($socket, SOL_SOCKET, SO_SNDTIMEO, $limit);
        foreach ($steps as $step) {
            follow($socket, $step);
        }
        socket_close($socket);
    }
    echo "done\n";
} catch (Throwable $error) {
    echo 'the script fails: ', $error->getMessage(), "\n";
    exit(1);
}
