<?php
// SPDX-License-Identifier: Apache-2.0
// The worker's loop in a process of its own: signals, and servers that come back.
declare(strict_types=1);

return function (Suite $suite) {
    foreach (['SIGTERM' => 15, 'SIGINT' => 2] as $name => $signal) {
        $suite->test("$name ends a worker that waits", function () use ($signal) {
            $server = new Server();
            $worker = Program::php('worker.php', [$server->address]);
            same('ready', $worker->line());
            eventually('it waits', function () use ($server) {
                return $server->waitingWorkers() === 1;
            });
            $start = microtime(true);
            $worker->signal($signal);
            same('took 0', $worker->line());
            same(0, $worker->wait());
            isTrue(microtime(true) - $start < 10, 'at once, and not after its 60 s');
        });
    }

    $suite->test('SIGTERM lets a job be finished, and no other begun', function () {
        $server = new Server();
        $client = $server->client();
        $go = tempnam(sys_get_temp_dir(), 'go');
        unlink($go);
        try {
            $client->put($go);
            $client->put('the next');
            $worker = Program::php('worker.php', [$server->address]);
            same('ready', $worker->line());
            same("begins $go", $worker->line());
            $worker->signal(15);
            $worker->signal(15);
            touch($go);
            same("ends $go", $worker->line());
            same('took 1', $worker->line());
            same(0, $worker->wait());
            same('the next', $client->peekReady()->body);
            same(1, $client->stats()['current-jobs-ready']);
        } finally {
            @unlink($go);
        }
    });

    $suite->test('a worker that is killed loses nothing', function () {
        $server = new Server();
        $client = $server->client();
        $id = $client->put('/nowhere');
        $worker = Program::php('worker.php', [$server->address]);
        same('ready', $worker->line());
        same('begins /nowhere', $worker->line());
        $worker->signal(9);
        same(128 + 9, $worker->wait());
        eventually('it is ready again', function () use ($client, $id) {
            return $client->statsJob($id)['state'] === 'ready';
        });
    });

    $suite->test('a worker outlives its server', function () {
        $server = new Server();
        $worker = Program::php('worker.php', [$server->address]);
        same('ready', $worker->line());
        for ($time = 1; $time <= 2; $time++) {
            eventually('it waits', function () use ($server) {
                return $server->waitingWorkers() === 1;
            });
            $server->client()->put("job $time");
            same("begins job $time", $worker->line());
            same("ends job $time", $worker->line());
            eventually('it has deleted it', function () use ($server) {
                return $server->waitingWorkers() === 1;
            });
            $server->kill();
            $server->start();
        }
        eventually('it waits', function () use ($server) {
            return $server->waitingWorkers() === 1;
        });
        $worker->signal(15);
        same('took 2', $worker->line());
    });

    $suite->test('SIGTERM ends a worker whose server is gone', function () {
        $server = new Server();
        $worker = Program::php('worker.php', [$server->address]);
        same('ready', $worker->line());
        eventually('it waits', function () use ($server) {
            return $server->waitingWorkers() === 1;
        });
        $server->kill();
        $worker->signal(15);
        same('took 0', $worker->line());
        same(0, $worker->wait());
    });
};
