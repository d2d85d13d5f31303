<?php
// SPDX-License-Identifier: Apache-2.0
// Following a job, on peers with a script.
declare(strict_types=1);

use Talkback\Client;
use Talkback\ConnectionException;
use Talkback\Exception;
use Talkback\ProtocolException;
use Talkback\State;
use Talkback\TimeoutException;

return function (Suite $suite) {
    $shown = function (State $state) {
        return [$state->state, $state->attempt, $state->percent, $state->data];
    };
    $waiting = "STATE 7 waiting 0 0 2 0 0\r\n\r\n";
    $running = "STATE 7 running 1 0 2 42 11\r\npage 3 of 7\r\n";
    $done = "STATE 7 done 1 0 0 100 10\r\nholiday.gz\r\n";
    $all = [['waiting', 0, 0, ''], ['running', 1, 42, 'page 3 of 7'], ['done', 1, 100, 'holiday.gz']];

    $suite->test('a job to its end, cut at every byte', function () use ($shown, $waiting, $running, $done, $all) {
        $stream = $waiting . $running . $done;
        $steps = [];
        for ($cut = 1; $cut < strlen($stream); $cut++) {
            array_push($steps, ['read', "follow 7 30\r\n"], ['cut', $stream, $cut]);
        }
        $steps[] = ['end'];
        $peer = new Peer($steps);
        $client = $peer->client();
        for ($cut = 1; $cut < strlen($stream); $cut++) {
            same($all, array_map($shown, iterator_to_array($client->follow(7, 30), false)));
        }
        $client->close();
        $peer->finish();
    });

    $suite->test('each report when it comes', function () use ($shown, $waiting, $running, $done, $all) {
        // Each but the first is sent when the test has connected once more, having seen the one before it.
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $client = new Client(stream_socket_get_name($server, false));
        $states = $client->follow(7, 30);
        $child = pcntl_fork();
        if ($child === 0) {
            $follower = stream_socket_accept($server, 10);
            fread($follower, 100);
            foreach ([$waiting, $running, $done] as $reply) {
                fwrite($follower, $reply);
                fclose(stream_socket_accept($server, 10));
            }
            posix_kill(posix_getpid(), SIGKILL);
        }
        try {
            $seen = [];
            foreach ($states as $state) {
                $seen[] = $shown($state);
                fclose(stream_socket_client('tcp://' . stream_socket_get_name($server, false)));
            }
            same($all, $seen);
        } finally {
            posix_kill($child, SIGKILL);
            pcntl_waitpid($child, $status);
        }
    });

    $ends = [
        'the seconds are over' => [$waiting . "TIMED_OUT\r\n", [$all[0]]],
        'the job is unknown' => ["NOT_FOUND\r\n", []],
        'it was over' => [$done, [$all[2]]],
        'it has failed' => ["STATE 7 failed 3 0 9 0 4\r\na\r\nb\r\n", [['failed', 3, 0, "a\r\nb"]]],
        'it was cancelled' => [$waiting . "STATE 7 cancelled 0 0 0 0 0\r\n\r\n", [$all[0], ['cancelled', 0, 0, '']]],
    ];
    foreach ($ends as $name => $case) {
        list($replies, $expected) = $case;
        $suite->test("$name, and the connection goes on", function () use ($shown, $replies, $expected) {
            $peer = new Peer([['read', "follow 7 5\r\n"], ['send', $replies],
                ['read', "delete 1\r\n"], ['send', "DELETED\r\n"], ['end']]);
            $client = $peer->client();
            same($expected, array_map($shown, iterator_to_array($client->follow(7, 5), false)));
            $client->delete(1);
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('one that is left midway is not heard any more', function () use ($shown, $waiting, $running, $done, $all) {
        $peer = new Peer(
            [['read', "follow 7 5\r\n"], ['send', $waiting . $running], ['end'], ['send', $done]],
            [['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]
        );
        $client = $peer->client();
        foreach ($client->follow(7, 5) as $state) {
            same($all[0], $shown($state));
            break;
        }
        same(null, $client->state(8));
        $client->close();
        $peer->finish();
    });

    $suite->test('one that is left at its end keeps the connection', function () use ($done) {
        $peer = new Peer([['read', "follow 7 5\r\n"], ['send', $done], ['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]);
        $client = $peer->client();
        foreach ($client->follow(7, 5) as $state) {
            // Also while the generator is still there.
            same(true, $state->isOver());
            same(null, $client->state(8));
            break;
        }
        $client->close();
        $peer->finish();
    });

    $suite->test('a server that is restarted: it goes on, and nothing is told twice', function () use ($shown, $waiting, $running, $done, $all) {
        $peer = new Peer(
            [['read', "follow 7 30\r\n"], ['send', $waiting . $running]],
            [['take', strlen("follow 7 30\r\n")]],
            [['take', strlen("follow 7 30\r\n")], ['send', $running . $done], ['end']]
        );
        $client = $peer->client();
        same($all, array_map($shown, iterator_to_array($client->follow(7, 30), false)));
        $client->close();
        $peer->finish();
    });

    $suite->test('a server that was restarted without the job', function () use ($waiting) {
        $peer = new Peer(
            [['read', "follow 7 30\r\n"], ['send', $waiting]],
            [['take', strlen("follow 7 30\r\n")], ['send', "NOT_FOUND\r\n"], ['end']]
        );
        $client = $peer->client();
        $error = thrown(Talkback\NotFoundException::class, function () use ($client) {
            iterator_to_array($client->follow(7, 30), false);
        });
        same('there is no such job, and no outcome is kept any more', $error->reason());
        $client->close();
        $peer->finish();
    });

    $suite->test('a server that does not come back: it says what happened, when the seconds are over', function () use ($waiting) {
        $peer = new Peer([['read', "follow 7 1\r\n"], ['send', $waiting]]);
        $client = $peer->client();
        $start = microtime(true);
        $error = thrown(ConnectionException::class, function () use ($client) {
            iterator_to_array($client->follow(7, 1), false);
        });
        isTrue(microtime(true) - $start < 5, 'in time');
        same(1, preg_match('/^the server closed the connection; after \d s: cannot connect: Connection refused$/', $error->reason()), $error->reason());
        $peer->finish();
    });

    $suite->test('a wait goes on as well', function () use ($done) {
        $peer = new Peer(
            [['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['read', "wait 7 30\r\n"]],
            [['take', strlen("wait 7 30\r\n")], ['send', $done], ['end']]
        );
        $client = $peer->client();
        same(null, $client->state(8));
        same('done', $client->wait(7, 30)->state);
        $client->close();
        $peer->finish();
    });

    $suite->test('one that nobody fetches sends nothing', function () {
        $peer = new Peer([['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]);
        $client = $peer->client();
        $states = $client->follow(7, 5);
        same(null, $client->state(8));
        unset($states);
        $client->close();
        $peer->finish();
    });

    $suite->test('no other command in between', function () use ($waiting, $done) {
        $peer = new Peer([['read', "follow 7 5\r\n"], ['send', $waiting . $done], ['end']]);
        $client = $peer->client();
        $count = 0;
        foreach ($client->follow(7, 5) as $state) {
            if (++$count === 1) {
                foreach (['cancel', 'state', 'delete'] as $call) {
                    $error = thrown(Exception::class, function () use ($client, $call) {
                        $client->$call(7);
                    });
                    same('the client is in the middle of another command', $error->reason());
                }
            }
        }
        same(2, $count, 'and it goes on');
        $client->close();
        $peer->finish();
    });

    $suite->test('an exception in between leaves no reply behind', function () use ($waiting) {
        $peer = new Peer(
            [['read', "follow 7 5\r\n"], ['send', $waiting], ['end']],
            [['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]
        );
        $client = $peer->client();
        thrown(LogicException::class, function () use ($client) {
            foreach ($client->follow(7, 5) as $state) {
                throw new LogicException('enough');
            }
        });
        same(null, $client->state(8));
        $client->close();
        $peer->finish();
    });

    $suite->test('a peer that falls silent has the seconds and the time for a reply', function () use ($waiting) {
        $peer = new Peer([['read', "follow 7 2\r\n"], ['send', $waiting], ['end']]);
        $client = $peer->client(0.5);
        $start = microtime(true);
        $error = thrown(TimeoutException::class, function () use ($client) {
            iterator_to_array($client->follow(7, 2), false);
        });
        $time = microtime(true) - $start;
        isTrue($time > 2.2 && $time < 7, "it waits for both: $time");
        same('no whole reply within 2.5 s', $error->reason());
        same(false, $error->isOutcomeUnknown());
        $peer->finish();
    });

    $suite->test('the first reply has the time of any other', function () {
        $peer = new Peer([['read', "follow 7 100\r\n"], ['end']]);
        $client = $peer->client(0.3);
        $error = thrown(TimeoutException::class, function () use ($client) {
            iterator_to_array($client->follow(7, 100), false);
        });
        same("no whole reply within 0.3 s; it has never answered, and perhaps does not speak beanstalkd's protocol", $error->reason());
        $peer->finish();
    });

    $suite->test('who fetches late gets all of it', function () use ($shown, $waiting, $running, $done, $all) {
        $peer = new Peer([['read', "follow 7 0\r\n"], ['send', $waiting . $running], ['say', 'sent'], ['send', $done], ['end']]);
        $client = $peer->client(0.3);
        $seen = [];
        foreach ($client->follow(7, 0) as $state) {
            $seen[] = $shown($state);
            for ($end = microtime(true) + 0.5; microtime(true) < $end; usleep(50000)) {
            }
        }
        same($all, $seen);
        $peer->expect('sent');
        $client->close();
        $peer->finish();
    });

    $broken = [
        'the connection ends' => ['', ConnectionException::class],
        'it ends in the data' => ["STATE 7 done 1 0 0 100 10\r\nholi", ConnectionException::class],
        'a state that there is not' => ["STATE 7 asleep 1 0 0 0 0\r\n\r\n", ProtocolException::class],
        'another job' => ["STATE 8 done 1 0 0 100 0\r\n\r\n", ProtocolException::class],
        'a field too few' => ["STATE 7 done 1 0 0 0\r\n", ProtocolException::class],
        'data without its end' => ["STATE 7 done 1 0 0 100 2\r\nabcd\r\n", ProtocolException::class],
        'data larger than any' => ["STATE 7 done 1 0 0 100 1073741825\r\n", ProtocolException::class],
        'another command\'s reply' => ["TOUCHED\r\n", ProtocolException::class],
    ];
    foreach ($broken as $name => $case) {
        list($reply, $class) = $case;
        $suite->test("followed, and then: $name", function () use ($waiting, $reply, $class) {
            // With time left, a connection that is lost is made anew.
            $seconds = $class === ConnectionException::class ? 0 : 5;
            $steps = [['read', "follow 7 $seconds\r\n"], ['send', $waiting . $reply]];
            if ($class === ProtocolException::class) {
                $steps[] = ['end'];
            }
            $peer = new Peer($steps, [['read', "state 8\r\n"], ['send', "NOT_FOUND\r\n"], ['end']]);
            $client = $peer->client();
            $count = 0;
            $error = thrown($class, function () use ($client, &$count, $seconds) {
                foreach ($client->follow(7, $seconds) as $state) {
                    $count++;
                }
            });
            same([1, 'follow', "job 7 at $peer->address"], [$count, $error->operation(), $error->subject()]);
            same(null, $client->state(8), 'on a new connection');
            $client->close();
            $peer->finish();
        });
    }
};
