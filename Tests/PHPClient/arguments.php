<?php
// SPDX-License-Identifier: Apache-2.0
// What is refused before anything is sent.
declare(strict_types=1);

use Talkback\Client;
use Talkback\InvalidArgumentException;

return function (Suite $suite) {
    // Nobody listens on port 1: whatever would be sent gives another exception.
    $client = new Client('127.0.0.1:1');
    $refused = [
        'an unknown option' => [
            ['prio' => 1], 'put option prio: there is no such option; there are tube, priority, delay, ttr',
        ],
        'a negative priority' => [['priority' => -1], 'put option priority: -1 is not a whole number from 0 to 4294967295'],
        'a priority of 33 bits' => [['priority' => 4294967296], 'put option priority: 4294967296 is not a whole number'],
        'a fraction' => [['delay' => 0.5], 'put option delay: 0.5 is not a whole number'],
        'a text' => [['delay' => '5'], 'put option delay: "5" is not a whole number'],
        'no time to run' => [['ttr' => 0], 'put option ttr: 0 is not a whole number from 1'],
        'an empty tube' => [['tube' => ''], 'put tube "": a tube\'s name has'],
        'a tube with a line' => [['tube' => "a\r\nquit"], 'put tube "a\r\nquit": a tube\'s name has'],
        'a tube that ends a line' => [['tube' => "a\n"], 'put tube "a\n": a tube\'s name has'],
        'a tube with a leading minus' => [['tube' => '-a'], 'put tube "-a": a tube\'s name has'],
        'a long tube' => [['tube' => str_repeat('x', 201)], 'put tube "xxx'],
        'a tube that is no text' => [['tube' => 5], 'put tube 5: a tube\'s name has'],
    ];
    foreach ($refused as $name => $case) {
        $suite->test("put refuses $name", function () use ($client, $case) {
            $error = thrown(InvalidArgumentException::class, function () use ($client, $case) {
                $client->put('x', $case[0]);
            });
            same(0, strpos($error->getMessage(), $case[1]), $error->getMessage());
            same(false, $error->isOutcomeUnknown());
        });
    }

    $calls = [
        'reserve from none' => function () use ($client) { $client->reserve([]); },
        'reserve for less than nothing' => function () use ($client) { $client->reserve('a', -1); },
        'reserve for more than 31 bits' => function () use ($client) { $client->reserve('a', 2147483648); },
        'delete of a negative id' => function () use ($client) { $client->delete(-1); },
        'kick of none' => function () use ($client) { $client->kick('a', 0); },
        'pause of a bad name' => function () use ($client) { $client->pause('a b', 1); },
        'work with an unknown option' => function () use ($client) { $client->work('a', 'strlen', ['tries' => 1]); },
        'work without attempts' => function () use ($client) { $client->work('a', 'strlen', ['attempts' => 0]); },
        'work with half a limit' => function () use ($client) { $client->work('a', 'strlen', ['maxJobs' => 0.5]); },
        'work with a switch of 1' => function () use ($client) { $client->work('a', 'strlen', ['signals' => 1]); },
        'a time of nothing' => function () { new Client('a:1', ['replyTimeout' => 0]); },
        'a time that is no number' => function () { new Client('a:1', ['replyTimeout' => NAN]); },
        'an unknown option of the client' => function () { new Client('a:1', ['timeout' => 1]); },
    ];
    foreach ($calls as $name => $call) {
        $suite->test("refused: $name", function () use ($call) {
            thrown(InvalidArgumentException::class, $call);
        });
    }

    $addresses = ['', 'localhost', 'localhost:', ':11300', '::1:11300', '[::1]', 'a:0', 'a:65536', 'a:1x', "a:1\n",
        'tcp://a:1', 'unix:', "unix:/a\0b", 'unix:/' . str_repeat('x', 107), "a\r\nb:1"];
    foreach ($addresses as $address) {
        $suite->test('no address: ' . substr(addcslashes($address, "\0..\37"), 0, 40), function () use ($address) {
            thrown(InvalidArgumentException::class, function () use ($address) {
                new Client($address);
            });
        });
    }

    $suite->test('a function name is a handler', function () {
        same(0, server()->client()->work(tube(), 'strlen', ['maxMemory' => 1]));
    });
};
