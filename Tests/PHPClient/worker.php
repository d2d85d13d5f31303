<?php
// SPDX-License-Identifier: Apache-2.0
// A worker for the tests: worker.php ADDRESS. A job that names a path waits until there is such a file.
declare(strict_types=1);

require __DIR__ . '/../../Clients/php/src/Talkback/Client.php';

$client = new Talkback\Client($argv[1]);
echo "ready\n";
$count = $client->work('default', function (Talkback\Job $job) {
    echo "begins $job->body\n";
    if ($job->body[0] === '/') {
        for ($end = microtime(true) + 20; !file_exists($job->body) && microtime(true) < $end; usleep(5000)) {
            clearstatcache();
        }
    }
    echo "ends $job->body\n";
}, ['reconnectFor' => 30]);
echo "took $count\n";
