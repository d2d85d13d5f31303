<?php
// SPDX-License-Identifier: Apache-2.0
// The worker's loop, in this process.
declare(strict_types=1);

use Talkback\ConnectionException;
use Talkback\Job;

return function (Suite $suite) {
    $record = function (array &$log) {
        return function (Job $job, Throwable $error, string $outcome) use (&$log) {
            $log[] = [$job->body, $error->getMessage(), $outcome];
        };
    };

    $suite->test('what returns is deleted', function () {
        $client = server()->client();
        $tube = tube();
        foreach (['a', 'b', 'c'] as $body) {
            $client->put($body, ['tube' => $tube]);
        }
        $done = [];
        $count = $client->work($tube, function (Job $job) use (&$done, $client, $tube) {
            $done[] = $job->body;
            same(1, $job->attempt());
            $client->put('from the handler', ['tube' => "$tube-next"]);
        }, ['maxJobs' => 2]);
        same([2, ['a', 'b']], [$count, $done]);
        same('c', $client->reserve($tube, 0)->body, 'the one that is left');
        same(2, $client->statsTube("$tube-next")['current-jobs-ready']);
    });

    $suite->test('what throws is tried again, then buried', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('a', ['tube' => $tube, 'priority' => 5]);
        $log = [];
        $count = $client->work($tube, function (Job $job) {
            throw new RuntimeException('attempt ' . $job->attempt());
        }, ['maxJobs' => 3, 'attempts' => 3, 'backoff' => 0, 'onFailure' => $record($log)]);
        same(3, $count);
        same([['a', 'attempt 1', 'released'], ['a', 'attempt 2', 'released'], ['a', 'attempt 3', 'buried']], $log);
        same(['buried', 5], [$client->statsJob($id)['state'], $client->statsJob($id)['pri']]);
    });

    $suite->test('a worker that dies of its job gets it no more than so often', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('a', ['tube' => $tube, 'priority' => 5]);
        $lines = function (string $how) use ($tube) {
            $worker = Program::php('dying.php', [server()->address, $tube, $how]);
            $line = $worker->line();
            $worker->wait();
            return $line;
        };
        // One attempt that says why, and one that does not.
        same(['handles', 'handles'], [$lines('throw'), $lines('exit')]);
        $buried = 'buried: work on job ' . $id . ' at ' . server()->address . ': the worker was lost';
        same($buried, $lines('exit'));
        same(['buried', 5], [$client->statsJob($id)['state'], $client->statsJob($id)['pri']]);
        // Kicked, it is tried again.
        $client->kickJob($id);
        same('handles', $lines('exit'));
        eventually('it is buried again', function () use ($client, $id, $lines) {
            if ($client->statsJob($id)['state'] === 'ready') {
                $lines('exit');
            }
            return $client->statsJob($id)['state'] === 'buried';
        });
        same(true, $client->statsJob($id)['reserves'] <= 6);
        $client->delete($id);
    });

    $suite->test('a job that its handler releases again and again', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('a', ['tube' => $tube]);
        $log = [];
        $calls = 0;
        $client->work($tube, function (Job $job) use (&$calls) {
            $calls++;
            $job->release();
        }, ['maxJobs' => 3, 'attempts' => 2, 'onFailure' => $record($log)]);
        same([2, 1], [$calls, count($log)]);
        isTrue(strpos($log[0][1], ': released with no attempts left') !== false, $log[0][1]);
        same(['buried', 'buried'], [$log[0][2], $client->statsJob($id)['state']]);
    });

    $suite->test('failures that are permanent or temporary', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $ids = [];
        foreach (['permanent', 'temporary'] as $body) {
            $ids[$body] = $client->put($body, ['tube' => $tube]);
        }
        $handler = function (Job $job) {
            throw $job->body === 'permanent' ? new Talkback\PermanentFailure('not a photo')
                : new class('come back later') extends Talkback\TemporaryFailure {
                };
        };
        $log = [];
        $client->work($tube, $handler, ['maxJobs' => 2, 'onFailure' => $record($log)]);
        same([['permanent', 'not a photo', 'buried'], ['temporary', 'come back later', 'released']], $log);
        same('buried', $client->statsJob($ids['permanent'])['state']);
        same(['delayed', 10], [$client->statsJob($ids['temporary'])['state'], $client->statsJob($ids['temporary'])['delay']]);

        // What is told without onFailure.
        $file = tempnam(sys_get_temp_dir(), 'log');
        $former = ini_set('error_log', $file);
        try {
            $client->kickJob($ids['permanent']);
            $client->work($tube, $handler, ['maxJobs' => 1]);
            isTrue(strpos(file_get_contents($file), "buried: Talkback\\PermanentFailure: not a photo\n") !== false, 'it is logged');
            file_put_contents($file, '');
            $client->kickJob($ids['temporary']);
            $client->work($tube, $handler, ['maxJobs' => 1]);
            same(['', 'delayed'], [file_get_contents($file), $client->statsJob($ids['temporary'])['state']]);
            $client->kickJob($ids['temporary']);
            $client->work($tube, $handler, ['maxJobs' => 1, 'attempts' => 1]);
            same('buried', $client->statsJob($ids['temporary'])['state']);
            isTrue(strpos(file_get_contents($file), 'buried: ') !== false, 'for good it is an error all the same');
            file_put_contents($file, '');
            $client->put('x', ['tube' => $tube]);
            $client->work($tube, function () {
                throw new RuntimeException("\x1b[2Jline\nline \xb4\xf3 \x9b");
            }, ['maxJobs' => 1]);
            isTrue(strpos(file_get_contents($file), "RuntimeException: [2Jline\\nline \u{FFFD}") !== false, 'no controls');
        } finally {
            ini_set('error_log', (string) $former);
            unlink($file);
        }
    });

    $suite->test('each attempt waits longer, up to the limit', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('a', ['tube' => $tube]);
        $delays = [];
        for ($attempt = 1; $attempt <= 4; $attempt++) {
            $client->work($tube, function (Job $job) {
                throw new Error('no');
            }, ['maxJobs' => 1, 'backoff' => 100, 'backoffLimit' => 300, 'onFailure' => function () {
            }]);
            $delays[] = $client->statsJob($id)['delay'];
            $client->kickJob($id);
        }
        same([100, 200, 300, 300], $delays);
        $client->delete($id);
    });

    $suite->test('a handler that settles the job itself', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $ids = [];
        foreach (['delete', 'bury', 'release', 'delete and throw'] as $body) {
            $ids[$body] = $client->put($body, ['tube' => $tube]);
        }
        $log = [];
        $client->work($tube, function (Job $job) {
            switch ($job->body) {
                case 'bury':
                    $job->bury();
                    break;
                case 'release':
                    $job->release(['delay' => 100]);
                    break;
                case 'delete':
                    $job->delete();
                    break;
                default:
                    $job->delete();
                    throw new Exception('after it');
            }
        }, ['maxJobs' => 4, 'onFailure' => $record($log)]);
        same([['delete and throw', 'after it', 'settled']], $log);
        same('buried', $client->statsJob($ids['bury'])['state']);
        same('delayed', $client->statsJob($ids['release'])['state']);
        same(2, count(array_filter($ids, function (int $id) use ($client) {
            try {
                return $client->statsJob($id) !== [];
            } catch (Talkback\NotFoundException $gone) {
                return false;
            }
        })));
    });

    $suite->test('a handler that takes too long loses the job', function () use ($record) {
        $client = server()->client();
        $other = server()->client();
        $tube = tube();
        $client->put('a', ['tube' => $tube, 'ttr' => 1]);
        $log = [];
        $client->work($tube, function () use ($client, $other, $tube) {
            for ($tries = 1; ($job = $other->reserve($tube, 2)) === null && $tries < 10; $tries++) {
                // beanstalkd 1.12 now and then forgets the time of a connection that is silent.
                $client->stats();
            }
            same('a', $job->body);
        }, ['maxJobs' => 1, 'onFailure' => $record($log)]);
        same('lost', $log[0][2]);
        isTrue(strpos($log[0][1], 'another worker has reserved it') !== false, $log[0][1]);
    });

    $suite->test('heartbeats keep it', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $client->put('a', ['tube' => $tube, 'ttr' => 2]);
        $log = [];
        $client->work($tube, function (Job $job) {
            for ($end = microtime(true) + 3.5; microtime(true) < $end; usleep(20000)) {
                $job->heartbeat();
            }
            same(0, $job->stats()['timeouts']);
        }, ['maxJobs' => 1, 'onFailure' => $record($log)]);
        same([], $log);
        same(null, $client->peekReady($tube));
    });

    $suite->test('SIGALRM keeps it, while the handler computes and while it uses the client', function () use ($record) {
        $server = new Server();
        $client = $server->client();
        $former = pcntl_signal_get_handler(SIGTERM);
        $client->put('computes', ['ttr' => 3]);
        $client->put('asks', ['ttr' => 3]);
        $client->put('waits', ['ttr' => 6]);
        $log = [];
        $touches = [];
        $client->work('default', function (Job $job) use ($client, &$touches) {
            $before = $client->stats()['cmd-touch'];
            for ($end = microtime(true) + 4.2; microtime(true) < $end;) {
                if ($job->body === 'asks') {
                    same(1024, $client->statsJob($job->id)['pri']);
                } elseif ($job->body === 'waits') {
                    // The alarm comes in the middle of it.
                    same(null, $client->reserve('nothing', 3));
                } else {
                    hash('sha256', 'x');
                }
            }
            same(0, $job->stats()['timeouts']);
            $touches[] = $client->stats()['cmd-touch'] - $before;
        }, ['maxJobs' => 3, 'autoTouch' => true, 'onFailure' => $record($log)]);
        same([], $log);
        isTrue(min($touches) >= 2 && max($touches) <= 6, 'touches: ' . implode(', ', $touches));
        same(0, pcntl_alarm(0), 'no alarm is left');
        same(SIG_DFL, pcntl_signal_get_handler(SIGALRM));
        same($former, pcntl_signal_get_handler(SIGTERM));
    });

    $suite->test('a job that SIGALRM could not keep says so at the heartbeat', function () use ($record) {
        $client = server()->client();
        $tube = tube();
        $id = $client->put('a', ['tube' => $tube, 'ttr' => 3]);
        $log = [];
        $client->work($tube, function (Job $job) use ($client) {
            $client->close();
            for ($end = microtime(true) + 1.5; microtime(true) < $end;) {
                hash('sha256', 'x');
            }
            $job->heartbeat();
        }, ['maxJobs' => 1, 'autoTouch' => true, 'onFailure' => $record($log)]);
        same(1, count($log));
        same('lost', $log[0][2]);
        isTrue(strpos($log[0][1], 'the connection on which it was reserved is gone') !== false, $log[0][1]);
        $client->delete($id);
    });

    $suite->test('it ends after its seconds', function () {
        $start = microtime(true);
        same(0, server()->client()->work(tube(), 'strlen', ['maxSeconds' => 1]));
        $time = microtime(true) - $start;
        isTrue($time > 0.9 && $time < 4, "1 s: $time");
    });

    $suite->test('it ends with its memory', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('a', ['tube' => $tube]);
        $client->put('b', ['tube' => $tube]);
        $kept = '';
        $most = memory_get_usage(true) + 8000000;
        same(1, $client->work($tube, function () use (&$kept) {
            $kept = str_repeat('x', 9000000);
        }, ['maxMemory' => $most]));
    });

    $suite->test('a server that is gone for good', function () {
        $server = new Server();
        $client = $server->client();
        $server->kill();
        thrown(ConnectionException::class, function () use ($client) {
            $client->work('a', 'strlen', ['reconnectFor' => 0]);
        });
        $start = microtime(true);
        thrown(ConnectionException::class, function () use ($client) {
            $client->work('a', 'strlen', ['reconnectFor' => 1]);
        });
        $time = microtime(true) - $start;
        isTrue($time > 0.5 && $time < 5, "it tries for a second: $time");
    });

    $suite->test('the client and its handlers go when nobody has them', function () {
        $server = new Server();
        $watch = $server->client();
        $client = $server->client();
        $client->put('a', ['ttr' => 100]);
        $client->work('default', function () {
        }, ['maxJobs' => 1, 'autoTouch' => true]);
        same(2, $watch->stats()['current-connections']);
        unset($client);
        eventually('its connection is closed', function () use ($watch) {
            return $watch->stats()['current-connections'] === 1;
        });
    });
};
