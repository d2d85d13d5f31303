<?php
// SPDX-License-Identifier: Apache-2.0
// What only Talkback has, on a server that has it not.
declare(strict_types=1);

use Talkback\ProtocolException;

return function (Suite $suite) {
    $suite->test('submit says so, and its body is not taken for commands', function () {
        $server = new Server();
        $client = $server->client();
        $error = thrown(ProtocolException::class, function () use ($client) {
            $client->submit("put 0 0 60 1\r\nx\r\nput 0 0 60 1\r\ny", ['key' => 'k']);
        });
        same('the server takes no tags: it is not Talkback, or one that is too old', $error->reason());
        same(false, $error->isOutcomeUnknown());
        $facts = $client->stats();
        same([0, 0, 1], [$facts['total-jobs'], $facts['cmd-put'], $facts['total-connections'] - 1], 'on the same connection');
    });

    $suite->test('so do those who wait', function () {
        $client = server()->client();
        foreach (['state' => [1], 'wait' => [1, 5], 'follow' => [1, 5], 'cancel' => [1]] as $call => $arguments) {
            $error = thrown(ProtocolException::class, function () use ($client, $call, $arguments) {
                $reply = $client->$call(...$arguments);
                return $reply instanceof Generator ? iterator_to_array($reply, false) : $reply;
            });
            same('the server has no such command: it is not Talkback, or one that is too old', $error->reason());
        }
    });

    $suite->test('the pages of Examples/php/progress say that they cannot', function () {
        $server = new Server();
        $visitor = new Visitor($site = new Site($server->address));
        $visitor->get('/');
        same(200, $visitor->status);
        $visitor->press('start', ['title' => 'Holiday', 'pages' => '4']);
        same(503, $visitor->status);
        isTrue(strpos(file_get_contents($site->log()), 'the server takes no tags') !== false, 'and the log says why');
        same(0, $server->client()->stats()['total-jobs']);
    });

    $suite->test('and a worker keeps its job', function () {
        $server = new Server();
        $client = $server->client();
        $client->put('x');
        $job = $client->reserve('default', 0);
        // The last two have data that would be commands.
        $calls = ['progress' => [5, str_repeat('x', 600)], 'finish' => ['delete 1'], 'fail' => ['delete 1']];
        foreach ($calls as $call => $arguments) {
            $error = thrown(ProtocolException::class, function () use ($job, $call, $arguments) {
                $job->$call(...$arguments);
            });
            same('the server has no such command: it is not Talkback, or one that is too old', $error->reason());
            $job->touch();
        }
        $job->delete();
    });
};
