<?php
// SPDX-License-Identifier: Apache-2.0
// What submit sends, what it refuses, and what it makes of each reply.
declare(strict_types=1);

use Talkback\Client;
use Talkback\InvalidArgumentException;
use Talkback\OutOfMemoryException;
use Talkback\ProtocolException;

return function (Suite $suite) {
    $known = [['read', "state 0\r\n"], ['send', "NOT_FOUND\r\n"]];
    $key = str_repeat('k', 200);
    $lines = [
        'nothing but the body' => [[], 'put 1024 0 60 1 keep:3600'],
        'the options of put' => [['priority' => 0, 'delay' => 5, 'ttr' => 9], 'put 0 5 9 1 keep:3600'],
        'no outcome to be kept' => [['keep' => null], 'put 1024 0 60 1'],
        'an outcome for no time' => [['keep' => 0], 'put 1024 0 60 1 keep:0'],
        'a key' => [['key' => 'a/B-1'], 'put 1024 0 60 1 idp:a/B-1 keep:3600'],
        'a key for a while' => [['key' => 'a', 'keyFor' => 60], 'put 1024 0 60 1 idp:a:60 keep:3600'],
        'one delay' => [['backoff' => 5], 'put 1024 0 60 1 keep:3600 backoff:5'],
        'two delays' => [['backoff' => [5, 600]], 'put 1024 0 60 1 keep:3600 backoff:5:600'],
        'a list of one delay' => [['backoff' => [5]], 'put 1024 0 60 1 keep:3600 backoff:5'],
        'a lease' => [['leaseOfConnection' => true], 'put 1024 0 60 1 keep:3600 lease:connection'],
        'all at their largest' => [
            ['priority' => 4294967295, 'delay' => 4294967295, 'ttr' => 4294967295, 'keep' => 4294967295, 'key' => $key,
                'keyFor' => 4294967295, 'attempts' => 4294967295, 'backoff' => [4294967295, 4294967295],
                'leaseOfConnection' => true],
            "put 4294967295 4294967295 4294967295 1 idp:$key:4294967295 keep:4294967295 attempts:4294967295"
                . ' backoff:4294967295:4294967295 lease:connection',
        ],
    ];
    $past = ['keep' => null, 'tried' => 2, 'counts' => [9, 8, 7, 6, 5], 'buried' => true];
    $lines['a past'] = [$past, 'put 1024 0 60 1 tried:2 counts:9:8:7:6:5 state:buried'];
    foreach ($lines as $name => $case) {
        list($options, $line) = $case;
        $suite->test("submit with $name", function () use ($known, $options, $line) {
            isTrue(strlen("$line\r\n") <= 512, 'the line is as long as it may be');
            $peer = new Peer(array_merge($known, [['read', "$line\r\nx\r\n"], ['send', "INSERTED 7\r\n"], ['end']]));
            $client = $peer->client();
            $submission = $client->submit('x', $options);
            same([7, true, null], [$submission->id, $submission->isNew, $submission->state]);
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('submit with a reason, which comes before the body', function () use ($known) {
        $reason = "a\r\n\0\xff";
        $put = "put 1024 0 60 6 reason:5\r\n{$reason}x\r\n";
        $peer = new Peer(array_merge($known, [['read', $put], ['send', "INSERTED 7\r\n"], ['end']]));
        $client = $peer->client();
        same(7, $client->submit('x', ['keep' => null, 'reason' => $reason])->id);
        $client->close();
        $peer->finish();
    });

    $tags = 'idp:a/B-1:60 keep:9 attempts:3 backoff:5:600 lease:connection tried:2 counts:9:8:7:6:5 later:tag';
    $options = [
        'tube' => 't', 'priority' => 4, 'delay' => 0, 'ttr' => 6, 'keep' => 9, 'buried' => true, 'reason' => "\r\n\xff",
        'key' => 'a/B-1', 'keyFor' => 60, 'attempts' => 3, 'backoff' => [5, 600], 'leaseOfConnection' => true,
        'tried' => 2, 'counts' => [9, 8, 7, 6, 5],
    ];
    $plain = ['tube' => 'a.b(c)', 'priority' => 0, 'delay' => 4, 'ttr' => 1, 'keep' => null, 'buried' => false,
        'tried' => 0, 'reason' => ''];
    $descriptions = [
        "DESCRIBED 7 t buried 1 2 4 5 6 3 $tags\r\n\r\n\xff\r\n" => ['buried', 1, 2, $options],
        "DESCRIBED 7 a.b(c) delayed 10 3 0 9 1 0\r\n\r\n" => ['delayed', 10, 3, $plain],
    ];
    foreach ($descriptions as $reply => $expected) {
        $suite->test("a job that is $expected[0] is described, cut at every byte", function () use ($reply, $expected) {
            $steps = [];
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                array_push($steps, ['read', "describe-job 7\r\n"], ['cut', $reply, $cut]);
            }
            $peer = new Peer(array_merge($steps, [['end']]));
            $client = $peer->client();
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                $job = $client->describe(7);
                same(7, $job->id);
                list($state, $age, $timeLeft, $options) = $expected;
                same([$state, $age, $timeLeft], [$job->state, $job->age, $job->timeLeft]);
                ksort($options);
                $found = $job->options;
                ksort($found);
                same($options, $found);
            }
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('a job that is not there, and a server that describes none', function () {
        $peer = new Peer([['read', "describe-job 7\r\n"], ['send', "NOT_FOUND\r\n"], ['read', "describe-job 7\r\n"],
            ['send', "UNKNOWN_COMMAND\r\n"], ['end']]);
        $client = $peer->client();
        same(null, $client->describe(7));
        thrown(ProtocolException::class, function () use ($client) {
            $client->describe(7);
        });
        $client->close();
        $peer->finish();
    });

    $suite->test('the tube is chosen, and the server asked once', function () use ($known) {
        $put = "put 1024 0 60 1 keep:3600\r\nx\r\n";
        $steps = array_merge($known, [['read', "use there\r\n"], ['send', "USING there\r\n"], ['read', $put],
            ['send', "INSERTED 1\r\n"], ['read', $put], ['send', "INSERTED 2\r\n"], ['end']]);
        // On another connection there may be another server.
        $peer = new Peer($steps, $steps);
        $client = $peer->client();
        for ($connection = 1; $connection <= 2; $connection++) {
            same(1, $client->submit('x', ['tube' => 'there'])->id);
            same(2, $client->submit('x', ['tube' => 'there'])->id);
            $client->close();
        }
        $peer->finish();
    });

    foreach (['READY', 'RESERVED', 'DELAYED', 'BURIED', 'DELETED'] as $word) {
        $suite->test("a job that is there and $word, cut at every byte", function () use ($known, $word) {
            $put = "put 1024 0 60 1 idp:k keep:3600\r\nx\r\n";
            $reply = "INSERTED 12 $word\r\n";
            $steps = $known;
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                array_push($steps, ['read', $put], ['cut', $reply, $cut]);
            }
            $steps[] = ['end'];
            $peer = new Peer($steps);
            $client = $peer->client();
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                $submission = $client->submit('x', ['key' => 'k']);
                same([12, false, strtolower($word)], [$submission->id, $submission->isNew, $submission->state]);
            }
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('BURIED, and the connection goes on', function () use ($known) {
        $put = "put 1024 0 60 1 keep:3600\r\nx\r\n";
        $steps = [['read', $put], ['send', "BURIED 4\r\n"], ['read', $put], ['send', "INSERTED 5\r\n"], ['end']];
        $peer = new Peer(array_merge($known, $steps));
        $client = $peer->client();
        thrown(OutOfMemoryException::class, function () use ($client) {
            $client->submit('x');
        });
        same(5, $client->submit('x')->id);
        $client->close();
        $peer->finish();
    });

    $garbage = ['BAD_FORMAT', 'INSERTED 7 SOMEHOW', 'INSERTED 7 READY 1', 'INSERTED 7 ', 'INSERTED READY'];
    foreach ($garbage as $reply) {
        $suite->test("submit is answered $reply", function () use ($known, $reply) {
            $put = "put 1024 0 60 1 keep:3600\r\nx\r\n";
            $peer = new Peer(
                array_merge($known, [['read', $put], ['send', "$reply\r\n"], ['end']]),
                array_merge($known, [['read', $put], ['send', "INSERTED 5\r\n"], ['end']])
            );
            $client = $peer->client();
            thrown(ProtocolException::class, function () use ($client) {
                $client->submit('x');
            });
            same(5, $client->submit('x')->id, 'on a new connection');
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('a server without tags sees no body, and the connection goes on', function () {
        $peer = new Peer([['read', "state 0\r\n"], ['send', "UNKNOWN_COMMAND\r\n"], ['read', "put 1024 0 60 1\r\nx\r\n"],
            ['send', "INSERTED 3\r\n"], ['end']]);
        $client = $peer->client();
        $error = thrown(ProtocolException::class, function () use ($client) {
            $client->submit("a\r\ndelete 5");
        });
        same("put into tube default at $peer->address: the server takes no tags: it is not Talkback, or one that is too old",
            $error->getMessage());
        same(false, $error->isOutcomeUnknown());
        same(3, $client->put('x'));
        $client->close();
        $peer->finish();
    });

    $suite->test('lost while the server is asked: it was not put', function () {
        $peer = new Peer([['read', "state 0\r\n"], ['reset']]);
        $client = $peer->client();
        $error = thrown(Talkback\ConnectionException::class, function () use ($client) {
            $client->submit('x');
        });
        same(['state', false], [$error->operation(), $error->isOutcomeUnknown()]);
        $peer->finish();
    });

    $suite->test('lost after it: the job may have been put', function () use ($known) {
        $peer = new Peer(array_merge($known, [['read', "put 1024 0 60 1 keep:3600\r\nx\r\n"], ['reset']]));
        $client = $peer->client();
        $error = thrown(Talkback\ConnectionException::class, function () use ($client) {
            $client->submit('x');
        });
        same('the server closed the connection; the job may have been put', $error->reason());
        same(true, $error->isOutcomeUnknown());
        $peer->finish();
    });

    // Nobody listens on port 1: whatever would be sent gives another exception.
    $client = new Client('127.0.0.1:1');
    $refused = [
        'an unknown option' => [['keeps' => 1], 'submit option keeps: there is no such option; there are tube, priority,'],
        'a bad tube' => [['tube' => 'a b'], 'submit tube "a b": a tube\'s name has'],
        'no time to run' => [['ttr' => 0], 'submit option ttr: 0 is not a whole number from 1'],
        'an empty key' => [['key' => ''], 'submit key "": a key has'],
        'a key with a colon' => [['key' => 'a:60'], 'submit key "a:60": a key has'],
        'a key with a space' => [['key' => 'a keep:0'], 'submit key "a keep:0": a key has'],
        'a key with a line' => [['key' => "a\r\nquit"], 'submit key "a\r\nquit": a key has'],
        'a key that ends a line' => [['key' => "a\n"], 'submit key "a\n": a key has'],
        'a key with a leading minus' => [['key' => '-a'], 'submit key "-a": a key has'],
        'a long key' => [['key' => str_repeat('x', 201)], 'submit key "xxx'],
        'a key that is no text' => [['key' => 5], 'submit key 5: a key has'],
        'a time without a key' => [['keyFor' => 5], 'submit option keyFor: there is no key'],
        'a fraction to keep' => [['keep' => 0.5], 'submit option keep: 0.5 is not a whole number'],
        'less than nothing to keep' => [['keep' => -1], 'submit option keep: -1 is not a whole number'],
        'a keep of 33 bits' => [['keep' => 4294967296], 'submit option keep: 4294967296 is not a whole number'],
        'no attempts' => [['attempts' => 0], 'submit option attempts: 0 is not a whole number from 1'],
        'no delays' => [['backoff' => []], 'submit option backoff: it is not a number of seconds, or two'],
        'three delays' => [['backoff' => [1, 2, 3]], 'submit option backoff: it is not a number of seconds, or two'],
        'a delay that is a text' => [['backoff' => '1:2'], 'submit option backoff: "1:2" is not a whole number'],
        'four counts' => [['counts' => [1, 2, 3, 4]], 'submit option counts: it is not a list of five numbers'],
        'a negative count' => [['counts' => [1, 2, 3, 4, -1]], 'submit option counts: -1 is not a whole number'],
        'less than no tries' => [['tried' => -1], 'submit option tried: -1 is not a whole number'],
        'a burial of 1' => [['buried' => 1], 'submit option buried: it is not true or false'],
        'a long reason' => [['reason' => str_repeat('x', 4097)], 'submit option reason: it is not a text of 4096 bytes'],
        'a lease of 1' => [['leaseOfConnection' => 1], 'submit option leaseOfConnection: it is not true or false'],
    ];
    foreach ($refused as $name => $case) {
        $suite->test("submit refuses $name", function () use ($client, $case) {
            $error = thrown(InvalidArgumentException::class, function () use ($client, $case) {
                $client->submit('x', $case[0]);
            });
            same(0, strpos($error->getMessage(), $case[1]), $error->getMessage());
        });
    }
};
