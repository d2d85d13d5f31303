<?php
// SPDX-License-Identifier: Apache-2.0
// Signals that come while a command is under way.
declare(strict_types=1);

return function (Suite $suite) {
    $withAlarm = function (callable $onAlarm, callable $body) {
        $mode = pcntl_async_signals(true);
        pcntl_signal(SIGALRM, $onAlarm);
        pcntl_alarm(1);
        try {
            $body();
        } finally {
            pcntl_alarm(0);
            pcntl_signal(SIGALRM, SIG_DFL);
            pcntl_async_signals($mode);
        }
    };

    $suite->test('a signal does not end a reserve', function () use ($withAlarm) {
        $rings = 0;
        $withAlarm(function () use (&$rings) {
            $rings++;
        }, function () use (&$rings) {
            $start = microtime(true);
            same(null, server()->client()->reserve(tube(), 2));
            isTrue(microtime(true) - $start > 1.9, 'it waits for its whole time');
            same(1, $rings);
        });
    });

    $suite->test('a handler cannot talk into a command', function () use ($withAlarm) {
        $client = server()->client();
        $caught = null;
        $withAlarm(function () use ($client, &$caught) {
            try {
                $client->stats();
            } catch (Talkback\Exception $error) {
                $caught = $error;
            }
        }, function () use ($client, &$caught) {
            same(null, $client->reserve(tube(), 2));
            isTrue($caught !== null, 'it is refused');
            same('the client is in the middle of another command', $caught->reason());
        });
    });

    $suite->test('an exception of a handler leaves no reply behind', function () use ($withAlarm) {
        $client = server()->client();
        $withAlarm(function () {
            throw new LogicException('enough');
        }, function () use ($client) {
            thrown(LogicException::class, function () use ($client) {
                $client->reserve(tube(), 2);
            });
            same(null, $client->reserve(tube(), 0), 'the next reply');
            isTrue($client->stats() !== [], 'and the one after it');
        });
    });
};
