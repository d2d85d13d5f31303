<?php
// SPDX-License-Identifier: Apache-2.0
// The page of page.php with nothing but PHP's socket functions: create, connect, write, read, close.
declare(strict_types=1);

require __DIR__ . '/form.php';

const LONGEST_REPLY = 224;
const LONGEST_TIME = 5;

/** The socket's last error, or that of the last call without a socket. */
function problem(string $call, $socket = null): RuntimeException
{
    $code = $socket === null ? socket_last_error() : socket_last_error($socket);
    // A time limit of SO_RCVTIMEO or SO_SNDTIMEO ends a call with one of these.
    $reason = $code === SOCKET_EAGAIN || $code === SOCKET_EINPROGRESS ? 'no answer in time' : socket_strerror($code);
    return new RuntimeException("$call: $reason");
}

/** Each call has its time limit; all of them together have this one, in seconds of microtime. */
function check_time(float $deadline): void
{
    if (microtime(true) > $deadline) {
        throw new RuntimeException('no answer in time');
    }
}

/** Writes all of it: socket_write may take only a part. */
function write_all($socket, string $bytes, float $deadline): void
{
    for ($sent = 0; $sent < strlen($bytes); $sent += $count) {
        check_time($deadline);
        $count = @socket_write($socket, substr($bytes, $sent));
        if ($count === false) {
            throw problem('socket_write', $socket);
        }
    }
}

/** Reads up to the end of a line: socket_read may give a part of it. */
function read_line($socket, float $deadline): string
{
    for ($line = ''; substr($line, -2) !== "\r\n"; $line .= $byte) {
        if (strlen($line) >= LONGEST_REPLY) {
            throw new RuntimeException('the reply has no end');
        }
        check_time($deadline);
        // A byte at a time takes nothing of what follows the line.
        $byte = @socket_read($socket, 1);
        if ($byte === false) {
            throw problem('socket_read', $socket);
        }
        if ($byte === '') {
            throw new RuntimeException('the server closed the connection');
        }
    }
    return substr($line, 0, -2);
}

/** Hands in a job and returns its number. After an exception, $is_sent tells whether it may have been handed in. */
function put(string $address, string $tube, string $task, ?bool &$is_sent): int
{
    $is_sent = false;
    if (preg_match('/^([^:]+):(\d{1,5})$/D', $address, $match) !== 1) {
        throw new RuntimeException("connect to $address: it is not host:port");
    }
    [, $host, $port] = $match;
    $socket = @socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    if ($socket === false) {
        throw problem('socket_create');
    }
    try {
        $deadline = microtime(true) + LONGEST_TIME;
        // For each call, connecting included.
        $limit = ['sec' => LONGEST_TIME, 'usec' => 0];
        foreach ([SO_RCVTIMEO, SO_SNDTIMEO] as $option) {
            if (!@socket_set_option($socket, SOL_SOCKET, $option, $limit)) {
                throw problem('socket_set_option', $socket);
            }
        }
        if (!@socket_connect($socket, $host, (int) $port)) {
            throw problem("socket_connect $host:$port", $socket);
        }
        write_all($socket, "use $tube\r\n", $deadline);
        $reply = read_line($socket, $deadline);
        if ($reply !== "USING $tube") {
            throw new RuntimeException("use $tube: the server answered $reply");
        }
        // Priority 1024, no delay, and a worker has 120 seconds for it. strlen counts bytes, as the server does.
        write_all($socket, sprintf("put 1024 0 120 %d\r\n%s\r\n", strlen($task), $task), $deadline);
        $is_sent = true;
        $reply = read_line($socket, $deadline);
        if (preg_match('/^INSERTED (\d+)$/D', $reply, $match) !== 1) {
            // These say no; of anything else nobody knows what it means.
            $is_sent = !in_array($reply, ['JOB_TOO_BIG', 'DRAINING', 'OUT_OF_MEMORY'], true);
            throw new RuntimeException("put: the server answered $reply");
        }
        return (int) $match[1];
    } finally {
        socket_close($socket);
    }
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    show_page();
    exit;
}
[$title, $text, $problem] = read_form();
if ($problem !== null) {
    show_page($title, $text, $problem, 422);
    exit;
}

try {
    $name = keep_text($text);
} catch (RuntimeException $error) {
    error_log($error->getMessage());
    show_page($title, $text, 'Your text could not be kept. Please try again later.', 500);
    exit;
}
try {
    $task = json_encode(['report' => $name, 'title' => $title]);
    $job = put(getenv('TALKBACK_ADDRESS') ?: '127.0.0.1:11300', 'report', $task, $is_sent);
} catch (RuntimeException $error) {
    error_log($error->getMessage());
    if ($is_sent) {
        // The task may come all the same, and then needs its text.
        show_page($title, $text, 'Your text may have been handed in, or not: there was no answer.', 503);
    } else {
        forget_text($name);
        show_page($title, $text, 'Your text was not handed in. Please try again later.', 503);
    }
    exit;
}
go_to_report($job, $name);
