<?php
// SPDX-License-Identifier: Apache-2.0
// Runs the programs in Examples/ against PHP. Usage: php run.php FOLDER-OF-THE-PROGRAMS

error_reporting(E_ALL);
set_error_handler(function (int $level, string $message, string $file, int $line): bool {
    if ((error_reporting() & $level) !== 0) {
        throw new ErrorException($message, 0, $level, $file, $line);
    }
    return true;
});
require __DIR__ . '/Program.php';
$programs = $argv[1];

function swift(string $name, string ...$arguments): Program
{
    global $programs;
    return new Program(["$programs/$name", ...$arguments]);
}

function php(string $name, string ...$arguments): Program
{
    return new Program([PHP_BINARY, __DIR__ . "/peers/$name.php", ...$arguments]);
}

function same(mixed $expected, mixed $actual): void
{
    if ($expected !== $actual) {
        $show = fn (mixed $value): string => substr(var_export($value, true), 0, 300);
        throw new RuntimeException("expected {$show($expected)}, got {$show($actual)}");
    }
}

/** The beginning of a text, as a test's name shows it. */
function shown(string $text): string
{
    $text = strlen($text) > 30 ? substr($text, 0, 30) . '… ' . strlen($text) . ' bytes' : $text;
    return json_encode($text, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE);
}

/** What a PHP client gets that half-closes after its request. */
function answer(int $port, string $request): string
{
    $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    socket_set_option($socket, SOL_SOCKET, SO_RCVTIMEO, ['sec' => 20, 'usec' => 0]);
    socket_connect($socket, '127.0.0.1', $port);
    for ($rest = $request; $rest !== ''; $rest = substr($rest, $sent)) {
        $sent = socket_write($socket, $rest, 1 << 20);
    }
    socket_shutdown($socket, 1);
    $answer = '';
    while (($piece = socket_read($socket, 65536)) !== '') {
        $answer .= $piece;
    }
    return $answer;
}

$tests = [];

// MARK: PHP's clients, our servers

foreach (["hello \n", "one\ntwo\nthree\n", "0\n"] as $request) {
    $tests['data-server answers a client that waits without half-closing: ' . shown($request)] =
        function () use ($request): void {
            $server = swift('data-server', '127.0.0.1', '0');
            $client = php('client', '127.0.0.1', (string) $server->port(), $request)->outcome();
            same('数据是 ' . $request, $client->output);
            same(0, $client->status);
            same(0, $server->end()->status);
        };
}
foreach (["hello", "", "0", "one\ntwo", str_repeat('好', 100_000)] as $request) {
    $tests['data-server answers a client that half-closes: ' . shown($request)] =
        function () use ($request): void {
            $server = swift('data-server', '127.0.0.1', '0');
            same('数据是 ' . $request, answer($server->port(), $request));
        };
}
$tests['greeting-server hears five clients and ends'] = function (): void {
    $server = swift('greeting-server', '127.0.0.1', '0');
    $port = $server->port();
    for ($number = 1; $number <= 5; $number++) {
        $client = php('client', '127.0.0.1', (string) $port, "Ho\r\nfirst blood $number\r\n")->outcome();
        same("测试成功!\n", $client->output);
    }
    $server = $server->outcome();
    same(0, $server->status);
    same(5, substr_count($server->output, "测试成功了\n收到的信息:Ho\r\nfirst blood "));
};
$reversed = [
    'hello' => "olleh\n",
    '你好é' => "é好你\n",
    '0' => "0\n",
    " \t\n\r\0\x0Bab\x0B\0\r\n\t " => "ba\n",
    '👨‍👩‍👧‍👦 🇨🇳a' => "a🇨🇳 👨‍👩‍👧‍👦\n",
    str_repeat('字', 400) => str_repeat('字', 341) . "\n",
    str_repeat('x', 2000) => str_repeat('x', 1024) . "\n",
];
foreach ($reversed as $request => $expected) {
    $tests['reverse-server reverses ' . shown((string) $request)] =
        function () use ($request, $expected): void {
            $server = swift('reverse-server', '127.0.0.1', '0');
            same($expected, answer($server->port(), (string) $request));
        };
}

// MARK: PHP's servers, our clients

$tests['data-client is answered by a server that reads until the end of the stream'] = function (): void {
    $server = php('server', '数据是 ');
    $port = $server->port();
    $client = swift('data-client', '127.0.0.1', (string) $port)->outcome();
    same("try to connect to 127.0.0.1:$port...\n发送成功！\n接受内容为：数据是 hello \n\n", $client->output);
    same(0, $client->status);
    same(0, $server->outcome()->status);
};
$tests['greeting-client is answered by a server that reads until the end of the stream'] = function (): void {
    $server = php('server', '收到的信息:');
    $client = swift('greeting-client', '127.0.0.1', (string) $server->port())->outcome();
    same(true, str_contains($client->output, "接受的内容为:收到的信息:Ho\r\nfirst blood\r\n\n关闭SOCKET...\n关闭OK\n"));
    same(0, $client->status);
};
$tests['reverse-client is answered by a server that reads until the end of the stream'] = function (): void {
    $server = php('server', '');
    same("a text\n", swift('reverse-client', '127.0.0.1', (string) $server->port(), "a text\n")->outcome()->output);
};

// MARK: Hostile clients

$servers = ['data-server' => '数据是 a', 'greeting-server' => "测试成功!\n", 'reverse-server' => "a\n"];
foreach ($servers as $name => $expected) {
    // The greeting server may end only after more clients than any test has.
    $options = $name === 'greeting-server' ? ['--connections', '0'] : [];
    $start = fn (string ...$more): Program => swift($name, '127.0.0.1', '0', ...$options, ...$more);

    foreach (['silent', 'trickle'] as $mode) {
        $tests["$name gives up a $mode client and serves the others meanwhile"] =
            function () use ($start, $expected, $mode, $name): void {
                $server = $start('--timeout', '1.5');
                $port = $server->port();
                $hostile = php('hostile', $mode, '127.0.0.1', (string) $port);
                same('ready', $hostile->line());
                same($expected, answer($port, 'a'));
                same('closed', $hostile->line());
                same($expected, answer($port, 'a'));
                same(0, $server->end()->status);
            };
    }
    foreach (['close', 'reset'] as $mode) {
        $tests["$name bears clients that $mode at once"] = function () use ($start, $expected, $mode): void {
            $server = $start();
            $port = $server->port();
            same('ready', php('hostile', $mode, '127.0.0.1', (string) $port)->line());
            same($expected, answer($port, 'a'));
            same(0, $server->end()->status);
        };
    }
    $tests["$name serves 100 at once beside 100 silent ones"] = function () use ($start, $expected): void {
        $server = $start();
        $port = $server->port();
        $silent = $clients = [];
        for ($count = 0; $count < 100; $count++) {
            $silent[] = $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
            socket_connect($socket, '127.0.0.1', $port);
        }
        for ($count = 0; $count < 100; $count++) {
            $clients[] = $socket = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
            socket_connect($socket, '127.0.0.1', $port);
            socket_write($socket, 'a');
            socket_shutdown($socket, 1);
        }
        foreach ($clients as $socket) {
            $answer = '';
            while (($piece = socket_read($socket, 8192)) !== '') {
                $answer .= $piece;
            }
            same($expected, $answer);
        }
        same(0, $server->end()->status);
    };
}
$tests['data-server answers 64 MiB with an error line, and its memory stays small'] = function (): void {
    $server = swift('data-server', '127.0.0.1', '0');
    $port = $server->port();
    $answer = answer($port, str_repeat('a', 64 << 20));
    same("错误: 请求超过 8388608 字节 (the request is too long)\n", $answer);
    same('数据是 a', answer($port, 'a'));
    same(true, $server->peakMemory() < 48 << 20);
};
$tests['data-server serves others while clients never read their answers'] = function (): void {
    $server = swift('data-server', '127.0.0.1', '0', '--timeout', '2');
    $port = $server->port();
    $deaf = [];
    for ($count = 0; $count < 5; $count++) {
        $deaf[] = $client = php('hostile', 'deaf', '127.0.0.1', (string) $port);
        same('ready', $client->line());
    }
    same('数据是 a', answer($port, 'a'));
    same(0, $server->end()->status);
};

$failed = 0;
foreach ($tests as $name => $test) {
    $begin = microtime(true);
    try {
        $test();
        printf("ok   %5.2f s  %s\n", microtime(true) - $begin, $name);
    } catch (Throwable $error) {
        $failed++;
        printf("FAIL %5.2f s  %s\n     %s\n", microtime(true) - $begin, $name, $error->getMessage());
    }
}
printf("%d passed, %d failed\n", count($tests) - $failed, $failed);
exit($failed === 0 ? 0 : 1);
