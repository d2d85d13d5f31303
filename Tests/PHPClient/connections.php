<?php
// SPDX-License-Identifier: Apache-2.0
// How a server is reached, and what belongs to a connection.
declare(strict_types=1);

use Talkback\NotFoundException;

return function (Suite $suite) {
    $suite->test('IPv6', function () {
        $server = new Server('::1');
        same(1, $server->client()->put('x'));
    });

    $suite->test('a name', function () {
        $client = new Talkback\Client(str_replace('127.0.0.1', 'localhost', server()->address));
        isTrue($client->stats() !== [], 'it answers');
    });

    $suite->test('a socket file', function () {
        $folder = sys_get_temp_dir() . '/talkback-' . bin2hex(random_bytes(6));
        mkdir($folder, 0700);
        try {
            $server = new Server("unix:$folder/socket");
            $client = $server->client();
            $id = $client->put(str_repeat('x', 3000000));
            same(3000000, strlen($client->reserve('default', 0)->body));
            $client->delete($id);
        } finally {
            unset($server);
            array_map('unlink', glob("$folder/*"));
            rmdir($folder);
        }
    });

    $suite->test('it connects when it must', function () {
        $server = new Server();
        $watch = $server->client();
        $before = $watch->stats()['total-connections'];
        $client = $server->client();
        same($before, $watch->stats()['total-connections']);
        $client->put('x');
        $client->put('x');
        same($before + 1, $watch->stats()['total-connections'], 'one for both');
    });

    $suite->test('a job of a connection that was closed', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('x', ['tube' => $tube]);
        $job = $client->reserve($tube, 0);
        $client->close();
        for ($time = 1; $time <= 2; $time++) {
            foreach (['touch', 'heartbeat', 'release', 'bury'] as $call) {
                $error = thrown(NotFoundException::class, [$job, $call]);
                same('the connection on which it was reserved is gone', $error->reason());
            }
            // The second time there is a connection, but another one.
            $client->stats();
        }
        // Ready again by then, for the close has been seen before this comes.
        eventually('it is ready', function () use ($job) {
            return $job->stats()['state'] === 'ready';
        });
        $job->delete();
        same(null, $client->peekReady($tube));
    });

    $suite->test('a forked process gets a connection of its own', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('x', ['tube' => $tube]);
        $job = $client->reserve($tube, 0);
        $child = pcntl_fork();
        if ($child === 0) {
            // Nothing of the tests is to end with this process.
            try {
                $client->put('of the child', ['tube' => "$tube-child"]);
                $job->touch();
            } catch (NotFoundException $notItsOwn) {
                $client->put('nor its job', ['tube' => "$tube-child"]);
            } finally {
                posix_kill(posix_getpid(), SIGKILL);
            }
        }
        pcntl_waitpid($child, $status);
        $job->touch();
        $job->delete();
        same('of the child', $client->reserve("$tube-child", 0)->body);
        same('nor its job', $client->reserve("$tube-child", 0)->body);
    });
};
