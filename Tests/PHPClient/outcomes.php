<?php
// SPDX-License-Identifier: Apache-2.0
// state, wait, cancel, and what a worker says of its job, on peers with a script.
declare(strict_types=1);

use Talkback\CancelledException;
use Talkback\Client;
use Talkback\InvalidArgumentException;
use Talkback\Job;
use Talkback\JobTooBigException;
use Talkback\NotFoundException;
use Talkback\OutOfMemoryException;
use Talkback\ProtocolException;
use Talkback\TimeoutException;

return function (Suite $suite) {
    $states = [
        // The reply's fields; whether it is over, its text, result and reason.
        'waiting' => ['waiting 0 5 3 0', '', false, '', null, ''],
        'waiting again' => ['waiting 1 5 3 0', 'no such file', false, '', null, 'no such file'],
        'delayed' => ['delayed 2 5 0 0', "a\r\nb", false, '', null, "a\r\nb"],
        'running' => ['running 1 5 2 42', 'page 3 of 7', false, 'page 3 of 7', null, ''],
        'done' => ['done 1 5 0 100', "\0\xff\r\n", true, '', "\0\xff\r\n", ''],
        'done with nothing' => ['done 1 5 0 100', '', true, '', '', ''],
        'failed' => ['failed 3 5 60 42', 'the worker was lost: its connection ended', true, '', null,
            'the worker was lost: its connection ended'],
        'cancelled' => ['cancelled 0 5 4294967295 0', '', true, '', null, ''],
    ];
    foreach ($states as $name => $case) {
        $suite->test("a state: $name", function () use ($case) {
            list($fields, $data, $isOver, $text, $result, $reason) = $case;
            $reply = "STATE 18 $fields " . strlen($data) . "\r\n$data\r\n";
            $peer = new Peer([['read', "state 18\r\n"], ['drip', $reply], ['read', "wait 18 9\r\n"], ['send', $reply], ['end']]);
            $client = $peer->client();
            list($word, $attempt, $attempts, $since, $percent) = explode(' ', $fields);
            foreach ([$client->state(18), $client->wait(18, 9)] as $state) {
                same([18, $word, (int) $attempt, (int) $attempts, (int) $since, (int) $percent, $data], [$state->id, $state->state,
                    $state->attempt, $state->attempts, $state->since, $state->percent, $state->data]);
                same([$isOver, $text, $result, $reason],
                    [$state->isOver(), $state->text(), $state->result(), $state->reason()]);
            }
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('nothing is known of it, and the connection goes on', function () {
        $peer = new Peer([['read', "state 1\r\n"], ['send', "NOT_FOUND\r\n"], ['read', "wait 1 5\r\n"], ['send', "NOT_FOUND\r\n"],
            ['read', "cancel 1\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]);
        $client = $peer->client();
        same([null, null, 'unknown'], [$client->state(1), $client->wait(1, 5), $client->cancel(1)]);
        $client->close();
        $peer->finish();
    });

    $suite->test('each answer to cancel', function () {
        $peer = new Peer([['read', "cancel 1\r\n"], ['drip', "CANCELLED\r\n"], ['read', "cancel 2\r\n"], ['drip', "TOO_LATE\r\n"],
            ['end']]);
        $client = $peer->client();
        same(['cancelled', 'too late'], [$client->cancel(1), $client->cancel(2)]);
        $client->close();
        $peer->finish();
    });

    $suite->test('wait waits longer than another command', function () {
        $peer = new Peer([['read', "wait 1 2\r\n"], ['end']]);
        $client = $peer->client(0.5);
        $start = microtime(true);
        $error = thrown(TimeoutException::class, function () use ($client) {
            $client->wait(1, 2);
        });
        isTrue(microtime(true) - $start > 2.4, 'it waits for both');
        same("no whole reply within 2.5 s; it has never answered, and perhaps does not speak beanstalkd's protocol", $error->reason());
        same(false, $error->isOutcomeUnknown());
        $peer->finish();
    });

    $broken = [
        'a state that there is not' => "STATE 7 asleep 1 0 0 0 0\r\n\r\n",
        'the state of another job' => "STATE 8 done 1 0 0 100 0\r\n\r\n",
        'a field too few' => "STATE 7 done 1 0 0 0\r\n",
        'a field too many' => "STATE 7 done 1 0 0 0 0 0\r\n\r\n",
        'a negative number' => "STATE 7 done 1 -1 0 0\r\n\r\n",
        'a number too large' => "STATE 7 done 1 0 99999999999999999999 0 0\r\n\r\n",
        'data without their end' => "STATE 7 done 1 0 0 100 2\r\nabcd\r\n",
        'data larger than any' => "STATE 7 done 1 0 0 100 1073741825\r\n",
        'BAD_FORMAT' => "BAD_FORMAT\r\n",
        'TIMED_OUT' => "TIMED_OUT\r\n",
    ];
    foreach ($broken as $name => $reply) {
        $suite->test("garbage for a state: $name", function () use ($reply) {
            $peer = new Peer([['read', "state 7\r\n"], ['send', $reply], ['end']]);
            $client = $peer->client();
            thrown(ProtocolException::class, function () use ($client) {
                $client->state(7);
            });
            $peer->finish();
        });
    }

    $taken = [['read', "reserve-with-timeout 0\r\n"], ['send', "RESERVED 7 1\r\nx\r\n"]];
    $known = [['read', "state 0\r\n"], ['send', "NOT_FOUND\r\n"]];
    $withJob = function (array $steps, callable $body) use ($taken) {
        $peer = new Peer(array_merge($taken, $steps, [['end']]));
        $client = $peer->client();
        $body($client->reserve('default', 0), $client);
        $client->close();
        $peer->finish();
    };

    // Each with a call and the bytes that it sends.
    $calls = [
        'progress' => ["progress 7 42 page 3\r\n", "TOUCHED\r\n", function (Job $job) {
            $job->progress(42, 'page 3');
        }],
        'finish' => ["finish 7 5\r\na\r\n\0\xff\r\n", "FINISHED\r\n", function (Job $job) {
            $job->finish("a\r\n\0\xff");
        }],
        'fail' => ["fail 7 30 4\r\nlost\r\n", "RELEASED\r\n", function (Job $job) {
            same(true, $job->fail('lost', 30));
        }],
        'fail for good' => ["fail 7 never 0\r\n\r\n", "BURIED\r\n", function (Job $job) {
            same(false, $job->fail('', null));
        }],
    ];
    foreach ($calls as $name => $case) {
        list($sent, $reply, $call) = $case;
        $suite->test("$name, byte by byte", function () use ($withJob, $known, $sent, $reply, $call) {
            $withJob(array_merge($known, [['read', $sent], ['drip', $reply]]), $call);
        });

        $suite->test("$name of a job that was cancelled", function () use ($withJob, $known, $sent, $call) {
            $withJob(array_merge($known, [['read', $sent], ['send', "CANCELLED\r\n"]]), function (Job $job) use ($call) {
                $error = thrown(CancelledException::class, function () use ($job, $call) {
                    $call($job);
                });
                same('somebody has cancelled it', $error->reason());
                same(false, $job->isOpen());
                // Nothing more is sent about it.
                thrown(NotFoundException::class, [$job, 'touch']);
            });
        });

        $suite->test("$name of a job that is not this worker's any more", function () use ($withJob, $known, $sent, $call) {
            $withJob(array_merge($known, [['read', $sent], ['send', "NOT_FOUND\r\n"]]), function (Job $job) use ($call) {
                thrown(NotFoundException::class, function () use ($job, $call) {
                    $call($job);
                });
            });
        });

        $suite->test("$name of a job of another connection", function () use ($taken, $call) {
            $peer = new Peer(array_merge($taken, [['end']]));
            $client = $peer->client();
            $job = $client->reserve('default', 0);
            $client->close();
            $error = thrown(NotFoundException::class, function () use ($job, $call) {
                $call($job);
            });
            same('the connection on which it was reserved is gone', $error->reason());
            $peer->finish();
        });

        $suite->test("$name without an answer", function () use ($taken, $known, $sent, $call) {
            $peer = new Peer(array_merge($taken, $known, [['read', $sent], ['end']]));
            $job = $peer->client(0.3)->reserve('default', 0);
            $error = thrown(TimeoutException::class, function () use ($job, $call) {
                $call($job);
            });
            same('no whole reply within 0.3 s; it may have been done', $error->reason());
            same(true, $error->isOutcomeUnknown());
            $peer->finish();
        });

        $suite->test("$name on a server that is not Talkback leaves the job reserved", function () use ($withJob, $call) {
            $steps = [['read', "state 0\r\n"], ['send', "UNKNOWN_COMMAND\r\n"], ['read', "touch 7\r\n"], ['send', "TOUCHED\r\n"]];
            $withJob($steps, function (Job $job) use ($call) {
                $error = thrown(ProtocolException::class, function () use ($job, $call) {
                    $call($job);
                });
                same('the server has no such command: it is not Talkback, or one that is too old', $error->reason());
                $job->touch();
            });
        });
    }

    foreach (['state' => [7], 'wait' => [7, 5], 'cancel' => [7], 'follow' => [7, 5]] as $call => $arguments) {
        $suite->test("$call on a server that is not Talkback, and the connection goes on", function () use ($call, $arguments) {
            $peer = new Peer([['read', "$call " . implode(' ', $arguments) . "\r\n"], ['send', "UNKNOWN_COMMAND\r\n"],
                ['read', "delete 1\r\n"], ['send', "DELETED\r\n"], ['end']]);
            $client = $peer->client();
            $error = thrown(ProtocolException::class, function () use ($client, $call, $arguments) {
                $reply = $client->$call(...$arguments);
                return $reply instanceof Generator ? iterator_to_array($reply, false) : $reply;
            });
            same("$call job 7 at $peer->address: the server has no such command: it is not Talkback, or one that is too old",
                $error->getMessage());
            $client->delete(1);
            $client->close();
            $peer->finish();
        });
    }

    $refusals = ['TOO_BIG' => JobTooBigException::class, 'OUT_OF_MEMORY' => OutOfMemoryException::class];
    foreach ($refusals as $word => $class) {
        $suite->test("a result is answered $word, and a smaller one is taken", function () use ($withJob, $known, $word, $class) {
            $steps = [['read', "finish 7 3\r\nabc\r\n"], ['send', "$word\r\n"], ['read', "finish 7 0\r\n\r\n"],
                ['send', "FINISHED\r\n"]];
            $withJob(array_merge($known, $steps), function (Job $job) use ($class) {
                thrown($class, function () use ($job) {
                    $job->finish('abc');
                });
                same(true, $job->isOpen());
                $job->finish();
                same(false, $job->isOpen());
                thrown(NotFoundException::class, [$job, 'finish']);
            });
        });
    }

    $begin = 'progress 7 100 ';
    $room = 512 - strlen("$begin\r\n");
    $texts = [
        'none' => ['', 'progress 7 100'],
        'one with line ends' => ["a\r\nb\0c", "{$begin}a  b c"],
        'one of spaces' => ['  ', "$begin  "],
        'the longest' => [str_repeat('x', $room), $begin . str_repeat('x', $room)],
        'one that is too long' => [str_repeat('x', $room + 1), $begin . str_repeat('x', $room)],
        'two bytes across the end' => [str_repeat('x', $room - 1) . 'éé', $begin . str_repeat('x', $room - 1)],
        'three bytes across the end' => [str_repeat('x', $room - 2) . '图片', $begin . str_repeat('x', $room - 2)],
        'four bytes across the end' => [str_repeat('x', $room - 3) . '🙂', $begin . str_repeat('x', $room - 3)],
        'four bytes before the end' => [str_repeat('x', $room - 4) . '🙂x', $begin . str_repeat('x', $room - 4) . '🙂'],
        'what is not UTF-8' => [str_repeat("\xbf", $room + 9), $begin . str_repeat("\xbf", $room)],
    ];
    foreach ($texts as $name => $case) {
        $suite->test("a report with a text: $name", function () use ($withJob, $known, $case) {
            isTrue(strlen($case[1]) + 2 <= 512, 'the line fits');
            $steps = array_merge($known, [['read', "$case[1]\r\n"], ['send', "TOUCHED\r\n"]]);
            $withJob($steps, function (Job $job) use ($case) {
                $job->progress(100, $case[0]);
            });
        });
    }

    $reasons = [
        'the longest' => [str_repeat('x', 4096), str_repeat('x', 4096)],
        'one that is too long' => ['first' . str_repeat('x', 4090) . 'last', 'st' . str_repeat('x', 4090) . 'last'],
        'two bytes across the beginning' => ['é' . str_repeat('x', 4095), str_repeat('x', 4095)],
        'four bytes across the beginning' => ['🙂' . str_repeat('x', 4093), str_repeat('x', 4093)],
        'four bytes at the beginning' => ['x🙂' . str_repeat('x', 4092), '🙂' . str_repeat('x', 4092)],
        'what is not UTF-8' => [str_repeat("\xbf", 4100), str_repeat("\xbf", 4096)],
    ];
    foreach ($reasons as $name => $case) {
        $suite->test("a reason: $name", function () use ($withJob, $known, $case) {
            $sent = 'fail 7 10 ' . strlen($case[1]) . "\r\n$case[1]\r\n";
            $withJob(array_merge($known, [['read', $sent], ['send', "RELEASED\r\n"]]), function (Job $job) use ($case) {
                $job->fail($case[0]);
            });
        });
    }

    $refused = [
        'more than all' => function (Job $job) { $job->progress(101); },
        'less than nothing' => function (Job $job) { $job->progress(-1); },
        'a delay before now' => function (Job $job) { $job->fail('x', -1); },
        'a delay of 33 bits' => function (Job $job) { $job->fail('x', 4294967296); },
        'a negative id' => function (Job $job, Client $client) { $client->state(-1); },
        'to wait for less than nothing' => function (Job $job, Client $client) { $client->wait(1, -1); },
        // Not only when the first one is fetched.
        'to follow for more than 31 bits' => function (Job $job, Client $client) { $client->follow(1, 2147483648); },
    ];
    foreach ($refused as $name => $call) {
        $suite->test("refused: $name", function () use ($withJob, $call) {
            $withJob([], function (Job $job, Client $client) use ($call) {
                thrown(InvalidArgumentException::class, function () use ($job, $client, $call) {
                    $call($job, $client);
                });
            });
        });
    }

    $suite->test('a report counts as a heartbeat', function () use ($withJob, $known) {
        $facts = "---\nttr: 3\n";
        $steps = [['read', "stats-job 7\r\n"], ['send', 'OK ' . strlen($facts) . "\r\n$facts\r\n"]];
        $steps = array_merge($steps, $known, [['read', "progress 7 1\r\n"], ['send', "TOUCHED\r\n"]]);
        $withJob($steps, function (Job $job) {
            $job->heartbeat();
            $begin = microtime(true);
            while (microtime(true) - $begin < 1.1) {
                usleep(20000);
            }
            $job->progress(1);
            // It would be sent otherwise, and the peer would not have it.
            $job->heartbeat();
        });
    });
};
