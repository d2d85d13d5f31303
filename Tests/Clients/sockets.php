<?php
// SPDX-License-Identifier: Apache-2.0
// A page and a worker with nothing but PHP's socket functions.
[$host, $port] = explode(':', $argv[1]);

function open_connection(string $host, int $port): Socket
{
    $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    if (!socket_connect($socket, $host, $port)) {
        exit(socket_strerror(socket_last_error($socket)) . "\n");
    }
    socket_set_option($socket, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 20, 'usec' => 0]);
    return $socket;
}

function ask(Socket $socket, string $request): string
{
    for ($rest = $request; $rest !== ''; $rest = substr($rest, $written)) {
        $written = socket_write($socket, $rest);
        if ($written === false) {
            exit("cannot write\n");
        }
    }
    return line($socket);
}

function line(Socket $socket): string
{
    for ($line = ''; substr($line, -2) !== "\r\n"; $line .= $byte) {
        $byte = socket_read($socket, 1);
        if ($byte === false || $byte === '') {
            exit("the line has no end: $line\n");
        }
    }
    return substr($line, 0, -2);
}

function body(Socket $socket, int $count): string
{
    for ($body = ''; strlen($body) < $count + 2; $body .= $piece) {
        $piece = socket_read($socket, $count + 2 - strlen($body));
        if ($piece === false || $piece === '') {
            exit("the body has no end\n");
        }
    }
    return substr($body, 0, -2);
}

function expect(string $expected, string $got): void
{
    if ($expected !== $got) {
        exit("expected $expected, got $got\n");
    }
}

$page = open_connection($host, (int) $port);
$worker = open_connection($host, (int) $port);
expect('USING php', ask($page, "use php\r\n"));
expect('WATCHING 2', ask($worker, "watch php\r\n"));
$task = json_encode(['resize' => '图片.jpg']);
[$word, $id] = explode(' ', ask($page, sprintf("put 0 0 60 %d\r\n%s\r\n", strlen($task), $task)));
expect('INSERTED', $word);
[$word, $job, $count] = explode(' ', ask($worker, "reserve\r\n"));
expect("RESERVED $id", "$word $job");
expect($task, body($worker, (int) $count));
expect('TOUCHED', ask($worker, "touch $job\r\n"));
expect('DELETED', ask($worker, "delete $job\r\n"));
expect('NOT_FOUND', ask($page, "delete $job\r\n"));
socket_write($page, "quit\r\n");
expect('', (string) socket_read($page, 1));
echo "done\n";
