<?php
// SPDX-License-Identifier: Apache-2.0
// What exceptions say: operation, subject and reason, each once, and what can be done about it.
declare(strict_types=1);

use Talkback\Client;
use Talkback\ConnectionException;
use Talkback\InvalidArgumentException;
use Talkback\JobTooBigException;
use Talkback\NotFoundException;
use Talkback\ProtocolException;

return function (Suite $suite) {
    $suite->test('a job that is too big: its size, the limit and the option', function () {
        $client = server()->client();
        $error = thrown(JobTooBigException::class, function () use ($client) {
            $client->put(str_repeat('x', Server::LARGEST_JOB + 1), ['tube' => 'big']);
        });
        same('the body has 20000001 bytes, and the server takes at most 20000000;'
            . ' its option --max-job-size (beanstalkd: -z) sets the limit', $error->reason());
        same(false, $error->isOutcomeUnknown());
        isTrue($client->put('small', ['tube' => 'big']) > 0, 'and the connection goes on');
    });

    $suite->test('a job that is too big for a server that does not say its limit', function () {
        $peer = new Peer([['take', strlen("put 1024 0 60 1\r\nx\r\n")], ['send', "JOB_TOO_BIG\r\n"],
            ['read', "stats\r\n"], ['send', "INTERNAL_ERROR\r\n"], ['end']]);
        $error = thrown(JobTooBigException::class, function () use ($peer) {
            $peer->client()->put('x');
        });
        isTrue(strpos($error->reason(), 'the body has 1 bytes, and the server takes fewer;') === 0, $error->reason());
        $peer->finish();
    });

    $missing = [
        'stats-tube zzz' => ['statsTube', 'zzz'], 'pause-tube zzz' => ['pause', 'zzz', 1], 'stats-job 999999' => ['statsJob', 999999],
        'kick-job 999999' => ['kickJob', 999999], 'reserve-job 999999' => ['reserveJob', 999999], 'peek job 999999' => ['peek', 999999],
        'delete job 999999' => ['delete', 999999],
    ];
    foreach ($missing as $start => $call) {
        $suite->test("nothing there: $start", function () use ($start, $call) {
            $error = thrown(NotFoundException::class, function () use ($call) {
                server()->client()->{$call[0]}(...array_slice($call, 1));
            });
            $place = server()->address;
            same(0, strpos($error->getMessage(), "$start at $place: there is no such "), $error->getMessage());
        });
    }

    $others = [
        'HTTP' => ["HTTP/1.1 400 Bad Request\r\n", 'it answered "HTTP/1.1 400 Bad Request"'],
        'HTML' => ["<!DOCTYPE HTML>\n<html>\n", 'it answered "<!DOCTYPE HTML>"'],
        'TLS' => ["\x15\x03\x03\0\x02\x02F", 'it answered "\025\003\003\000\002\002F"'],
        'one that speaks first' => ["220 mail.example ESMTP\r\n", 'it answered "220 mail.example ESMTP"'],
    ];
    foreach ($others as $name => $other) {
        $suite->test("another protocol: $name", function () use ($other) {
            foreach (['put' => ['x'], 'stats' => [], 'submit' => ['x'], 'state' => [1]] as $call => $arguments) {
                $peer = new Peer([['take', 7], ['send', $other[0]]]);
                $error = thrown(ProtocolException::class, function () use ($peer, $call, $arguments) {
                    $peer->client()->$call(...$arguments);
                });
                $text = "at $peer->address: it does not speak beanstalkd's protocol; $other[1]";
                isTrue(substr($error->getMessage(), -strlen($text)) === $text, $error->getMessage());
                same(false, $error->isOutcomeUnknown());
            }
        });
    }

    $suite->test('one that says nothing at all', function () {
        $peer = new Peer([['take', 7]]);
        $error = thrown(ConnectionException::class, [$peer->client(), 'stats']);
        same('the server closed the connection; it has never answered,'
            . " and perhaps does not speak beanstalkd's protocol", $error->reason());
    });

    $object = new class {
        public function __toString(): string
        {
            return 'text';
        }
    };
    $suite->test('what PHP makes text of is a body', function () use ($object) {
        $client = server()->client();
        foreach (['12' => 12, '1.5' => 1.5, 'text' => $object] as $body => $given) {
            same((string) $body, $client->peek($client->put($given, ['tube' => 'text']))->body);
        }
        $id = $client->put('x', ['tube' => 'text']);
        same('x', $client->peek((string) $id)->body, 'an id from a form is text');
    });

    $client = new Client('127.0.0.1:1');
    $wrong = [
        'put body: it is of the type array, not a string; json_encode() makes one of it' => ['put', ['a' => 1]],
        'put body: it is of the type NULL, not a string; json_encode() makes one of it' => ['put', null],
        'submit body: it is an object of the class stdClass, not a string' => ['submit', new stdClass()],
        "put options: they are an array, such as ['tube' => …], not \"images\"" => ['put', 'x', 'images'],
        'put tube of the type array: a tube\'s name has 1 to 200' => ['put', 'x', ['tube' => ['a']]],
        'submit key "a b": a key has 1 to 200 letters, digits and -+/;.$_(), and does not begin with -; '
            . "hash('sha256', …) makes one of any string" => ['submit', 'x', ['key' => 'a b']],
        'state job "7x": an id is a whole number, 0 or more' => ['state', '7x'],
        'state job of the type NULL: an id is a whole number' => ['state', null],
        'wait job of the type array: an id is a whole number' => ['wait', [], 1],
        'wait option seconds: "a" is not a whole number' => ['wait', 1, 'a'],
        'follow job false: an id is a whole number' => ['follow', false, 1],
        'delete job -1: an id is a whole number' => ['delete', -1],
        'peek job 1.5: an id is a whole number' => ['peek', 1.5],
        'stats-tube tube of the type array' => ['statsTube', []],
        'pause-tube option seconds: of the type NULL is not a whole number' => ['pause', 'a', null],
        'reserve option timeout: of the type array is not a whole number' => ['reserve', 'a', []],
        'work handler: it cannot be called' => ['work', 'a', 'no such function'],
        'work options: they are an array' => ['work', 'a', 'strlen', 5],
    ];
    foreach ($wrong as $start => $call) {
        $suite->test("refused: $call[0] " . json_encode($call[1]), function () use ($client, $start, $call) {
            $error = thrown(InvalidArgumentException::class, function () use ($client, $call) {
                $client->{$call[0]}(...array_slice($call, 1));
            });
            $message = $error->getMessage();
            same(0, strpos($message, $start === 'stats-tube tube of the type array' ? 'stats-tube of the type' : $start), $message);
        });
    }
    $suite->test('refused: an address that is none', function () {
        $error = thrown(InvalidArgumentException::class, function () {
            new Client(['127.0.0.1', 11300]);
        });
        same('connect to: it is of the type array, not a string', $error->getMessage());
    });
};
