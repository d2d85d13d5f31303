<?php
// SPDX-License-Identifier: Apache-2.0
// Runs the steps of a case file in PHP and prints what each does, a line each, below the step.
//
//   php driver.php CASES FOLDER

error_reporting(E_ALL);
$__warnings = [];
set_error_handler(function (int $level, string $message) use (&$__warnings): bool {
    $__warnings[] = $message;
    return true;
});
pcntl_async_signals(true);
pcntl_signal(SIGALRM, function (): void {
}, false);
$__folder = $argv[2];

// MARK: What the cases use beside PHP's functions

/** Two ends of a TCP connection. */
function tcp(&$client, &$server): bool
{
    $listener = listener();
    $client = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    socket_connect($client, '127.0.0.1', port_of($listener));
    $server = socket_accept($listener);
    return true;
}

function listener(): Socket
{
    $listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    socket_bind($listener, '127.0.0.1', 0);
    socket_listen($listener, 16);
    return $listener;
}

/** A UDP socket with a port of its own. */
function udp(): Socket
{
    $socket = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    socket_bind($socket, '127.0.0.1', 0);
    return $socket;
}

function port_of(Socket $socket): int
{
    socket_getsockname($socket, $address, $port);
    return $port;
}

/** Writes until no more fits. */
function fill(Socket $socket): bool
{
    socket_set_nonblock($socket);
    while (socket_write($socket, str_repeat('f', 65536)) !== false) {
    }
    socket_set_block($socket);
    return true;
}

function path(string $name): string
{
    global $__folder;
    return "$__folder/$name";
}

function abstract_name(string $name): string
{
    return "\0" . path($name);
}

function bytes(string $text, int $count): string
{
    return str_repeat($text, $count);
}

function size(string|array $value): int
{
    return is_string($value) ? strlen($value) : count($value);
}

/** Closes so that the peer sees a reset. */
function abort(Socket $socket): bool
{
    socket_set_option($socket, SOL_SOCKET, SO_LINGER, ['l_onoff' => 1, 'l_linger' => 0]);
    socket_close($socket);
    return true;
}

/** A signal in a tenth of a second. */
function signal_soon(): bool
{
    proc_close(proc_open('(sleep 0.1; kill -ALRM ' . getmypid() . ') >/dev/null 2>&1 &', [], $pipes));
    return true;
}

function pause(): bool
{
    usleep(20_000);
    return true;
}

function same(mixed $one, mixed $other): bool
{
    return $one === $other;
}

function at_least(mixed $value, int $least): bool
{
    return is_int($value) && $value >= $least;
}

function between(mixed $value, int $least, int $most): bool
{
    return is_int($value) && $value >= $least && $value <= $most;
}

// MARK: Showing

function shown(mixed $value, string $name = ''): string
{
    global $__folder;
    return match (true) {
        $value === null => 'null',
        is_bool($value) => $value ? 'true' : 'false',
        is_int($value) && in_array($name, ['port', 'p'], true) && $value >= 1024 => 'PORT',
        is_int($value) && $name === 'pid' && $value === getmypid() => 'PID',
        is_int($value) && ($name === 'uid' || $name === 'gid') => 'ID',
        is_int($value) => (string) $value,
        is_string($value) => json_encode(
            str_replace($__folder, 'FOLDER', $value), JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE),
        is_array($value) => '[' . implode(', ', array_map(
            fn ($key, $element) => (array_is_list($value) ? '' : "$key: ") . shown($element, (string) $key),
            array_keys($value), $value)) . ']',
        $value instanceof Socket => 'Socket',
        is_resource($value) => 'stream',
        default => get_debug_type($value),
    };
}

/** The cases' own variables, as they are shown. */
function variables(array $all): array
{
    $shown = [];
    foreach ($all as $name => $value) {
        if (!str_starts_with($name, '_') && !in_array($name, ['GLOBALS', 'argv', 'argc'], true)) {
            $shown[$name] = shown($value, $name);
        }
    }
    return $shown;
}

// MARK: Running

foreach (file($argv[1], FILE_IGNORE_NEW_LINES) as $__line) {
    if (str_starts_with($__line, '## ')) {
        foreach (array_keys(variables(get_defined_vars())) as $__name) {
            unset($$__name);
        }
        socket_clear_error();
        echo "$__line\n";
    }
    if ($__line === '' || str_contains('#>', $__line[0]) || preg_match('/^(php|here)>/', $__line)) {
        continue;
    }
    echo "$__line\n";
    if (str_starts_with($__line, 'here: ')) {
        echo "> not run\n";
        continue;
    }
    $__before = variables(get_defined_vars());
    $__warnings = [];
    try {
        $__result = eval("return $__line;");
        preg_match('/^\$(\w+) = |^(port)_of/', $__line, $__match);
        $__text = shown($__result, end($__match) ?: '');
    } catch (Error $__error) {
        $__result = null;
        $__text = get_class($__error) . ': ' . $__error->getMessage();
    }
    foreach (variables(get_defined_vars()) as $__name => $__shown) {
        if (!str_starts_with($__line, "\$$__name =") && ($__before[$__name] ?? 'null') !== $__shown) {
            $__text .= "; \$$__name = $__shown";
        }
    }
    foreach ($__warnings as $__warning) {
        $__text .= "; W: $__warning";
    }
    if ($__result === false) {
        $__text .= '; g ' . socket_last_error();
        if (preg_match('/\(\$(\w+)/', $__line, $__match) && (${$__match[1]} ?? null) instanceof Socket) {
            $__text .= ', s ' . socket_last_error(${$__match[1]});
        }
    }
    echo '> ' . str_replace($__folder, 'FOLDER', $__text) . "\n";
}
