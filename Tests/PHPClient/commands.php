<?php
// SPDX-License-Identifier: Apache-2.0
// Every command, on a server.
declare(strict_types=1);

use Talkback\DrainingException;
use Talkback\JobTooBigException;
use Talkback\NotFoundException;

return function (Suite $suite) {
    $suite->test('a job with all its options', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('x', ['tube' => $tube, 'priority' => 7, 'delay' => 100, 'ttr' => 50]);
        $facts = $client->statsJob($id);
        same([$id, $tube, 'delayed', 7, 100, 50], [
            $facts['id'], $facts['tube'], $facts['state'], $facts['pri'], $facts['delay'], $facts['ttr'],
        ]);
        same($id, $client->peekDelayed($tube)->id);
        same(null, $client->peekReady($tube));
        $client->kickJob($id);
        same($id, $client->peekReady($tube)->id);
        $client->peekReady($tube)->delete();
        same(null, $client->reserve($tube, 0));
    });

    $suite->test('the most urgent and the oldest first', function () {
        $client = server()->client();
        $tube = tube();
        foreach ([5, 1, 5, 4294967295, 0] as $priority) {
            $client->put((string) $priority, ['tube' => $tube, 'priority' => $priority]);
        }
        $order = [];
        while (($job = $client->reserve($tube, 0)) !== null) {
            $order[] = $job->body;
            $job->delete();
        }
        same(['0', '1', '5', '5', '4294967295'], $order);
    });

    $suite->test('release, bury and kick keep the priority', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('x', ['tube' => $tube, 'priority' => 3]);
        $client->reserve($tube, 0)->release(['delay' => 0]);
        same(3, $client->statsJob($id)['pri']);
        $job = $client->reserve($tube, 0);
        same(2, $job->attempt());
        $job->bury();
        same(['buried', 3], [$client->statsJob($id)['state'], $client->statsJob($id)['pri']]);
        same($id, $client->peekBuried($tube)->id);
        same(1, $client->kick($tube, 10));
        $client->reserve($tube, 0)->release(['delay' => 50, 'priority' => 9]);
        $facts = $client->statsJob($id);
        same(['delayed', 9], [$facts['state'], $facts['pri']]);
        $job = $client->reserveJob($id);
        $job->bury(['priority' => 2]);
        same(2, $client->statsJob($id)['pri']);
        $client->delete($id);
    });

    $suite->test('a settled job is settled', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('x', ['tube' => $tube]);
        $job = $client->reserve($tube, 0);
        $job->release();
        foreach (['touch', 'heartbeat', 'release', 'bury'] as $call) {
            thrown(NotFoundException::class, [$job, $call]);
        }
        $job->delete();
        thrown(NotFoundException::class, [$job, 'delete']);
        thrown(NotFoundException::class, [$job, 'stats']);
    });

    $suite->test('a job that is only looked at', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('x', ['tube' => $tube]);
        $job = $client->peek($id);
        thrown(NotFoundException::class, [$job, 'touch']);
        $job->delete();
        thrown(NotFoundException::class, function () use ($client, $id) {
            $client->peek($id);
        });
    });

    $suite->test('another worker\'s job', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('x', ['tube' => $tube]);
        $job = server()->client();
        $mine = $job->reserve($tube, 0);
        $calls = [
            function () use ($client, $id) { $client->delete($id); },
            function () use ($client, $id) { $client->reserveJob($id); },
            function () use ($client, $id) { $client->kickJob($id); },
        ];
        foreach ($calls as $call) {
            $error = thrown(NotFoundException::class, $call);
            $reason = "job $id at " . server()->address . ': there is no such job';
            isTrue(strpos($error->getMessage(), $reason) !== false, $error->getMessage());
        }
        $mine->delete();
    });

    $suite->test('a touch starts the time anew', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('x', ['tube' => $tube, 'ttr' => 3]);
        $job = $client->reserve($tube, 0);
        eventually('less time', function () use ($job) {
            return $job->stats()['time-left'] < 2;
        });
        $job->touch();
        isTrue($job->stats()['time-left'] >= 2, 'the whole time again');
        $job->delete();
    });

    $suite->test('heartbeats touch only now and then', function () {
        $server = new Server();
        $client = $server->client();
        $client->put('x', ['ttr' => 3]);
        $job = $client->reserve('default', 0);
        $calls = 0;
        for ($end = microtime(true) + 4.5; microtime(true) < $end; usleep(1000)) {
            $job->heartbeat();
            $calls++;
        }
        $touches = $client->stats()['cmd-touch'];
        isTrue($touches >= 3 && $touches <= 5 && $calls > 100, "$touches touches for $calls calls");
        same([0, 'reserved'], [$job->stats()['timeouts'], $job->stats()['state']]);
        $job->delete();
    });

    $suite->test('several tubes, and others later', function () {
        $client = server()->client();
        list($first, $second, $third) = [tube(), tube(), tube()];
        foreach ([$first, $second, $third] as $tube) {
            $client->put($tube, ['tube' => $tube]);
        }
        $take = function ($tubes) use ($client) {
            $job = $client->reserve($tubes, 0);
            if ($job !== null) {
                $job->delete();
            }
            return $job === null ? null : $job->body;
        };
        same($second, $take($second));
        same($first, $take([$first, $second, $first]));
        same(null, $take([$first, $second]));
        same($third, $take([$second, $third]));
        same(null, $take('default'));
    });

    $suite->test('tubes and their pauses', function () {
        $client = server()->client();
        $tube = '0123';
        $client->put('x', ['tube' => $tube]);
        isTrue(in_array($tube, $client->tubes(), true), 'it is in the list');
        $facts = $client->statsTube($tube);
        same([$tube, 1], [$facts['name'], $facts['current-jobs-ready']]);
        $client->pause($tube, 100);
        same(100, $client->statsTube($tube)['pause']);
        same(null, $client->reserve($tube, 0));
        $client->pause($tube, 0);
        $client->reserve($tube, 0)->delete();
        $nobody = tube();
        foreach (['pause', 'statsTube'] as $call) {
            $error = thrown(NotFoundException::class, function () use ($client, $call, $nobody) {
                $call === 'pause' ? $client->pause($nobody, 1) : $client->statsTube($nobody);
            });
            same('there is no such tube', $error->reason());
        }
    });

    $suite->test('statistics have their types', function () {
        $facts = server()->client()->stats();
        same(Server::LARGEST_JOB, $facts['max-job-size']);
        same(false, $facts['draining']);
        foreach (['version', 'id', 'hostname', 'os', 'platform'] as $text) {
            isTrue(is_string($facts[$text]) && $facts[$text] === trim($facts[$text], '"'), "$text is a text");
        }
        isTrue(is_float($facts['rusage-utime']), 'a fraction is a float');
    });

    $suite->test('a job that is too big', function () {
        $client = server()->client();
        thrown(JobTooBigException::class, function () use ($client) {
            $client->put(str_repeat('x', Server::LARGEST_JOB + 1));
        });
        isTrue($client->stats()['total-connections'] > 0, 'the connection goes on');
    });

    $suite->test('a server that is being drained', function () {
        $server = new Server();
        $client = $server->client();
        $client->put('before');
        $server->drain();
        eventually('it drains', function () use ($client) {
            return $client->stats()['draining'];
        });
        thrown(DrainingException::class, function () use ($client) {
            $client->put('x');
        });
        same('before', $client->reserve('default', 0)->body);
    });
};
