<?php
// SPDX-License-Identifier: Apache-2.0
// A server that dies in between.
declare(strict_types=1);

use Talkback\ConnectionException;

return function (Suite $suite) {
    $suite->test('between two puts', function () {
        $server = new Server();
        $client = $server->client();
        $client->put('x', ['tube' => 'there']);
        $server->kill();
        $error = thrown(ConnectionException::class, function () use ($client) {
            $client->put('y', ['tube' => 'there']);
        });
        same('cannot connect: Connection refused', $error->reason());
        same(false, $error->isOutcomeUnknown());
        $server->start();
        $id = $client->put('z', ['tube' => 'there']);
        same('there', $client->statsJob($id)['tube'], 'the tube on the new connection');
        $server->kill();
        $server->start();
        $id = $client->put('z', ['tube' => 'there']);
        same('there', $client->statsJob($id)['tube'], 'and when nothing was tried meanwhile');
    });

    $suite->test('while a reserve waits', function () {
        $server = new Server();
        $client = $server->client();
        $killer = pcntl_fork();
        if ($killer === 0) {
            try {
                eventually('it waits', function () use ($server) {
                    return $server->waitingWorkers() === 1;
                });
                $server->kill();
            } finally {
                posix_kill(posix_getpid(), SIGKILL);
            }
        }
        $error = thrown(ConnectionException::class, function () use ($client) {
            $client->reserve('default', 100);
        });
        pcntl_waitpid($killer, $status);
        isTrue(strpos($error->reason(), 'the server closed the connection') === 0, $error->reason());
    });

    $suite->test('while a job is worked on', function () {
        $server = new Server();
        $client = $server->client();
        $client->put('x');
        $job = $client->reserve('default', 0);
        $server->kill();
        thrown(Talkback\NotFoundException::class, [$job, 'touch']);
        thrown(ConnectionException::class, [$job, 'delete']);
        $server->start();
        thrown(Talkback\NotFoundException::class, [$job, 'delete']);
        $client->put('y');
        same('y', $client->reserve('default', 0)->body);
    });
};
