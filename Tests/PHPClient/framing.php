<?php
// SPDX-License-Identifier: Apache-2.0
// Replies in pieces, bodies of any bytes.
declare(strict_types=1);

use Talkback\Client;
use Talkback\NotFoundException;

return function (Suite $suite) {
    $body = "a\r\nINSERTED 9\r\n\0\xff";
    $facts = "---\nid: 5\ntube: 123\nstate: ready\npri: 1024\ntime-left: -1\n";
    $exchanges = [
        'put' => ["put 1024 0 60 1\r\nx\r\n", "INSERTED 12345\r\n", function (Client $client) {
            same(12345, $client->put('x'));
        }],
        'reserve' => ["reserve-with-timeout 0\r\n", 'RESERVED 7 ' . strlen($body) . "\r\n$body\r\n",
            function (Client $client) use ($body) {
                $job = $client->reserve('default', 0);
                same([7, $body], [$job->id, $job->body]);
            }],
        'an empty body' => ["peek 8\r\n", "FOUND 8 0\r\n\r\n", function (Client $client) {
            same('', $client->peek(8)->body);
        }],
        'stats-job' => ["stats-job 5\r\n", 'OK ' . strlen($facts) . "\r\n$facts\r\n", function (Client $client) {
            $expected = ['id' => 5, 'tube' => '123', 'state' => 'ready', 'pri' => 1024, 'time-left' => -1];
            same($expected, $client->statsJob(5));
        }],
        'a refusal' => ["delete 1\r\n", "NOT_FOUND\r\n", function (Client $client) {
            thrown(NotFoundException::class, function () use ($client) {
                $client->delete(1);
            });
        }],
        'no job' => ["reserve-with-timeout 0\r\n", "TIMED_OUT\r\n", function (Client $client) {
            same(null, $client->reserve('default', 0));
        }],
    ];
    foreach ($exchanges as $name => $exchange) {
        list($request, $reply, $check) = $exchange;
        $suite->test("$name, cut at every byte", function () use ($request, $reply, $check) {
            $steps = [];
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                array_push($steps, ['read', $request], ['cut', $reply, $cut]);
            }
            $steps[] = ['end'];
            $peer = new Peer($steps);
            $client = $peer->client();
            for ($cut = 1; $cut < strlen($reply); $cut++) {
                $check($client);
            }
            $client->close();
            $peer->finish();
        });
        $suite->test("$name, byte by byte", function () use ($request, $reply, $check) {
            $peer = new Peer([['read', $request], ['drip', $reply], ['end']]);
            $client = $peer->client();
            $check($client);
            $client->close();
            $peer->finish();
        });
    }

    $bodies = [
        'empty' => '',
        'every byte' => implode('', array_map('chr', range(0, 255))),
        'a command' => "\r\nquit\r\n",
        'characters of several bytes' => '图片.jpg é',
        '65536 bytes' => str_repeat("\r\n", 32768),
        '10 MB' => str_repeat(implode('', array_map('chr', range(0, 255))), 40000),
        'the largest' => str_repeat('x', Server::LARGEST_JOB),
    ];
    foreach ($bodies as $name => $body) {
        $suite->test("a body there and back: $name", function () use ($body) {
            $client = server()->client();
            $tube = tube();
            $id = $client->put($body, ['tube' => $tube]);
            $job = $client->reserve($tube, 0);
            same($id, $job->id);
            isTrue($body === $job->body, 'the body comes back');
            isTrue($body === $client->peek($id)->body, 'and is seen');
            $job->delete();
        });
    }

    $suite->test('a peer that reads late gets all of it', function () {
        $body = random_bytes(3000000);
        $peer = new Peer([['take', 30], ['say', 'begun'], ['take', 3000000 + strlen("put 1024 0 60 3000000\r\n\r\n") - 30],
            ['send', "INSERTED 1\r\n"], ['end']]);
        $client = $peer->client();
        same(1, $client->put($body));
        $peer->expect('begun');
        $client->close();
        $peer->finish();
    });
};
