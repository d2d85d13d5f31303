<?php
// SPDX-License-Identifier: Apache-2.0
// A worker that ends with its first job, which may be tried twice: dying.php ADDRESS TUBE (exit | throw).
declare(strict_types=1);

require __DIR__ . '/../../Clients/php/src/Talkback/Client.php';

(new Talkback\Client($argv[1]))->work($argv[2], function () use ($argv) {
    echo "handles\n";
    if ($argv[3] === 'exit') {
        exit(3);
    }
    throw new RuntimeException('no');
}, ['attempts' => 2, 'backoff' => 0, 'maxJobs' => 1, 'onFailure' => function ($job, Throwable $error, string $outcome) {
    echo "$outcome: {$error->getMessage()}\n";
}]);
