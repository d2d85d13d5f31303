<?php
// SPDX-License-Identifier: Apache-2.0
// Tries Clients/php on a server, and on peers that misbehave.
//
//     SERVER='talkback serve --memory' php run.php
//
// SERVER is a command line that takes beanstalkd's flags.
declare(strict_types=1);

error_reporting(E_ALL);
ini_set('display_errors', 'stderr');
// A warning that gets out of the client is a failure.
set_error_handler(function (int $level, string $message, string $file, int $line) {
    throw new ErrorException($message, 0, $level, $file, $line);
});

require __DIR__ . '/../../Clients/php/src/Talkback/Client.php';
require __DIR__ . '/Suite.php';
require __DIR__ . '/Program.php';
require __DIR__ . '/Server.php';
require __DIR__ . '/Peer.php';
require __DIR__ . '/Site.php';
require __DIR__ . '/Visitor.php';

if ((string) getenv('SERVER') === '') {
    fwrite(STDERR, "run.php: the environment variable SERVER is not set; it is the server's command line\n");
    exit(2);
}
foreach (['pcntl', 'posix', 'sockets'] as $extension) {
    if (!extension_loaded($extension)) {
        fwrite(STDERR, "run.php: this php has no $extension extension, which the tests need\n");
        exit(2);
    }
}

// So that the servers are ended when this program is.
pcntl_async_signals(true);
foreach ([SIGTERM, SIGINT] as $signal) {
    pcntl_signal($signal, function () {
        exit(1);
    });
}

$concerns = ['arguments', 'messages', 'framing', 'faults', 'commands', 'connections', 'deaths', 'signals', 'work', 'workers', 'tags',
    'outcomes', 'follow'];
// By its name, not by what it answers: a Talkback that has lost them fails.
$isPlain = basename(explode(' ', getenv('SERVER'))[0]) === 'beanstalkd';
$suite = new Suite();
foreach (array_merge($concerns, $isPlain ? ['plain'] : ['lives', 'progress']) as $concern) {
    (require __DIR__ . "/$concern.php")($suite);
}
exit($suite->close() ? 0 : 1);
