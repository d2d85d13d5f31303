<?php
// SPDX-License-Identifier: Apache-2.0
// Peers that are silent, late, gone, or talk nonsense.
declare(strict_types=1);

use Talkback\Client;
use Talkback\ConnectionException;
use Talkback\DeadlineSoonException;
use Talkback\DrainingException;
use Talkback\JobTooBigException;
use Talkback\OutOfMemoryException;
use Talkback\ProtocolException;
use Talkback\TimeoutException;

return function (Suite $suite) {
    $put = "put 1024 0 60 5\r\nhello\r\n";
    $hand = function (Client $client, array $options = []) {
        return function () use ($client, $options) {
            return $client->put('hello', $options);
        };
    };

    $suite->test('nobody listens', function () use ($hand) {
        // A port that was free a moment ago.
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($socket, false);
        fclose($socket);
        $error = thrown(ConnectionException::class, $hand(new Client($address)));
        same("put into tube default at $address: cannot connect: Connection refused", $error->getMessage());
        same(['put', "into tube default at $address"], [$error->operation(), $error->subject()]);
        same(false, $error->isOutcomeUnknown());
    });

    $suite->test('no such socket file', function () use ($hand) {
        $error = thrown(ConnectionException::class, $hand(new Client('unix:/nowhere/socket')));
        same('cannot connect: No such file or directory', $error->reason());
    });

    $suite->test('nobody takes the connection', function () use ($hand) {
        $listener = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
        socket_bind($listener, '127.0.0.1', 0);
        socket_listen($listener, 0);
        socket_getsockname($listener, $host, $port);
        // It has room for one or two; the rest are not answered.
        $others = [];
        for ($count = 0; $count < 4; $count++) {
            $flags = STREAM_CLIENT_CONNECT | STREAM_CLIENT_ASYNC_CONNECT;
            $others[] = stream_socket_client("tcp://$host:$port", $code, $reason, 1, $flags);
        }
        $start = microtime(true);
        $error = thrown(TimeoutException::class, $hand(new Client("$host:$port", ['connectTimeout' => 0.3])));
        $time = microtime(true) - $start;
        isTrue($time > 0.25 && $time < 5, "it takes 0.3 s: $time");
        same(false, $error->isOutcomeUnknown());
    });

    $suite->test('a silent peer', function () use ($put, $hand) {
        $peer = new Peer([['read', $put], ['end']]);
        $start = microtime(true);
        $error = thrown(TimeoutException::class, $hand($peer->client(0.3)));
        $time = microtime(true) - $start;
        isTrue($time > 0.25 && $time < 5, "it takes 0.3 s: $time");
        same('no whole reply within 0.3 s; the job may have been put; it has never answered, and perhaps does not speak'
            . " beanstalkd's protocol", $error->reason());
        same(true, $error->isOutcomeUnknown());
        $peer->finish();
    });

    $suite->test('a peer that drips has no more time than one that is silent', function () {
        // Each byte is in time, the whole is not.
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $child = pcntl_fork();
        if ($child === 0) {
            $socket = stream_socket_accept($server, 10);
            for ($end = microtime(true) + 10; microtime(true) < $end && @fwrite($socket, 'X') === 1; usleep(50000)) {
            }
            posix_kill(posix_getpid(), SIGKILL);
        }
        $client = new Client(stream_socket_get_name($server, false), ['replyTimeout' => 0.5]);
        $start = microtime(true);
        try {
            thrown(TimeoutException::class, function () use ($client) {
                $client->stats();
            });
        } finally {
            posix_kill($child, SIGKILL);
            pcntl_waitpid($child, $status);
        }
        isTrue(microtime(true) - $start < 5, 'it ends');
    });

    $suite->test('a late reply is not taken for the next', function () use ($put, $hand) {
        $peer = new Peer(
            [['read', $put], ['end'], ['send', "INSERTED 1\r\n"]],
            [['read', $put], ['send', "INSERTED 2\r\n"], ['end']]
        );
        $client = $peer->client(0.5);
        thrown(TimeoutException::class, $hand($client));
        same(2, $client->put('hello'));
        $client->close();
        $peer->finish();
    });

    $suite->test('a peer that does not read', function () {
        $peer = new Peer([['say', 'here'], ['take', 10], ['say', 'there'], ['reset']]);
        $client = $peer->client();
        $error = thrown(ConnectionException::class, function () use ($client) {
            $client->put(str_repeat('x', 50000000));
        });
        same(false, $error->isOutcomeUnknown(), 'the last byte has not left, so it');
        isTrue(strpos($error->reason(), 'the job was not put') !== false, $error->reason());
        $peer->expect('here');
        $peer->expect('there');
        $peer->finish();
    });

    $suite->test('a peer that never reads', function () {
        $server = stream_socket_server('tcp://127.0.0.1:0');
        $client = new Client(stream_socket_get_name($server, false), ['replyTimeout' => 0.3]);
        $error = thrown(TimeoutException::class, function () use ($client) {
            $client->put(str_repeat('x', 50000000));
        });
        same('the server has not taken all of it within 0.3 s; the job was not put', $error->reason());
        same(false, $error->isOutcomeUnknown());
    });

    $endings = ['closed' => [], 'reset' => [['reset']]];
    foreach ($endings as $name => $ending) {
        foreach (['' => 0, 'INSER' => 5, "INSERTED 12\r" => 12] as $part => $length) {
            $suite->test("$name after $length bytes of the reply", function () use ($put, $hand, $part, $ending) {
                $steps = $part === '' ? [['read', $put]] : [['read', $put], ['drip', $part]];
                $peer = new Peer(array_merge($steps, $ending), [['read', $put], ['send', "INSERTED 2\r\n"], ['end']]);
                $client = $peer->client();
                $error = thrown(ConnectionException::class, $hand($client));
                same('the server closed the connection; the job may have been put'
                    . ($part === '' ? "; it has never answered, and perhaps does not speak beanstalkd's protocol" : ''), $error->reason());
                same(true, $error->isOutcomeUnknown());
                same(2, $client->put('hello'), 'the next one');
                $client->close();
                $peer->finish();
            });
        }
    }

    $suite->test('a put is not sent again by itself', function () use ($put, $hand) {
        // The second connection would be read from.
        $peer = new Peer([['read', $put], ['reset']], [['end']]);
        $client = $peer->client();
        thrown(ConnectionException::class, $hand($client));
        fclose(stream_socket_client("tcp://$peer->address"));
        $peer->finish();
    });

    $suite->test('lost before the put: it was not put', function () use ($hand) {
        $peer = new Peer([['read', "use there\r\n"], ['reset']]);
        $error = thrown(ConnectionException::class, $hand($peer->client(), ['tube' => 'there']));
        same(['use', false], [$error->operation(), $error->isOutcomeUnknown()]);
        $peer->finish();
    });

    $suite->test('half a body', function () {
        $peer = new Peer([['read', "reserve-with-timeout 5\r\n"], ['drip', "RESERVED 1 10\r\nhello"]]);
        $client = $peer->client();
        thrown(ConnectionException::class, function () use ($client) {
            $client->reserve('default', 5);
        });
        $peer->finish();
    });

    $suite->test('half a body, and silence', function () {
        $peer = new Peer([['read', "reserve-with-timeout 0\r\n"], ['send', "RESERVED 1 10\r\nhello"], ['end']]);
        $client = $peer->client(0.3);
        thrown(TimeoutException::class, function () use ($client) {
            $client->reserve('default', 0);
        });
        $peer->finish();
    });

    $suite->test('a reserve waits longer than another command', function () {
        $peer = new Peer([['read', "reserve-with-timeout 2\r\n"], ['end']]);
        $client = $peer->client(0.5);
        $start = microtime(true);
        $error = thrown(TimeoutException::class, function () use ($client) {
            $client->reserve('default', 2);
        });
        isTrue(microtime(true) - $start > 2.4, 'it waits for both');
        isTrue(strpos($error->reason(), 'within 2.5 s') !== false, $error->reason());
        $peer->finish();
    });

    $garbage = [
        'HTTP/1.1 400 Bad Request' => "HTTP/1.1 400 Bad Request\r\n\r\n",
        'a word' => "HELLO\r\n",
        'an empty line' => "\r\n",
        'no number' => "INSERTED\r\n",
        'a number too many' => "INSERTED 1 2\r\n",
        'a negative number' => "INSERTED -1\r\n",
        'a number too large' => "INSERTED 99999999999999999999\r\n",
        'a space too many' => "INSERTED  1\r\n",
        'a line feed in the line' => "INSERTED 1\nX\r\n",
        'another command\'s reply' => "DELETED\r\n",
        'no end' => str_repeat('x', 5000),
        'bytes' => "\xff\0\x80\r\n",
        'BAD_FORMAT' => "BAD_FORMAT\r\n",
        'EXPECTED_CRLF' => "EXPECTED_CRLF\r\n",
    ];
    foreach ($garbage as $name => $reply) {
        $suite->test("garbage: $name", function () use ($put, $hand, $reply) {
            $peer = new Peer(
                [['read', $put], ['send', $reply], ['end']],
                [['read', $put], ['send', "INSERTED 2\r\n"], ['end']]
            );
            $client = $peer->client();
            $error = thrown(ProtocolException::class, $hand($client));
            $form = '/^put into tube default at [^ ]+: [ -~]+( …)?[ -~]*$/D';
            isTrue(preg_match($form, $error->getMessage()) === 1, 'printable: ' . $error->getMessage());
            same(2, $client->put('hello'), 'on a new connection');
            $client->close();
            $peer->finish();
        });
    }

    $data = [
        'too long' => "FOUND 5 3\r\nabcd\r\n",
        'of another job' => "FOUND 6 3\r\nabc\r\n",
        'larger than any job' => "FOUND 5 1073741825\r\n",
        'without a length' => "FOUND 5\r\n",
    ];
    foreach ($data as $name => $reply) {
        $suite->test("a body $name", function () use ($reply) {
            $peer = new Peer([['read', "peek 5\r\n"], ['send', $reply], ['end']]);
            $client = $peer->client();
            thrown(ProtocolException::class, function () use ($client) {
                $client->peek(5);
            });
            $peer->finish();
        });
    }

    $texts = ['' => 0, "id: 5\n" => 6, "---\nid\n" => 7, "---\n- a\n" => 8];
    foreach ($texts as $text => $length) {
        $suite->test("statistics that are none, of $length bytes", function () use ($text, $length) {
            $peer = new Peer([['read', "stats\r\n"], ['send', "OK " . strlen($text) . "\r\n$text\r\n"], ['end']]);
            $client = $peer->client();
            thrown(ProtocolException::class, function () use ($client) {
                $client->stats();
            });
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('what nothing had asked for', function () {
        $peer = new Peer(
            [['read', "delete 1\r\n"], ['send', "DELETED\r\nDELETED\r\n"], ['end']],
            [['read', "delete 2\r\n"], ['send', "DELETED\r\n"], ['end']]
        );
        $client = $peer->client();
        $client->delete(1);
        thrown(ProtocolException::class, function () use ($client) {
            $client->delete(2);
        });
        $client->delete(2);
        $client->close();
        $peer->finish();
    });

    $refusals = [
        'JOB_TOO_BIG' => JobTooBigException::class,
        'DRAINING' => DrainingException::class,
        'OUT_OF_MEMORY' => OutOfMemoryException::class,
        'BURIED 4' => OutOfMemoryException::class,
    ];
    foreach ($refusals as $word => $class) {
        $suite->test("$word, and the connection goes on", function () use ($put, $hand, $word, $class) {
            $steps = [['read', $put], ['send', "$word\r\n"]];
            if ($word === 'JOB_TOO_BIG') {
                // How big a job may be.
                array_push($steps, ['read', "stats\r\n"], ['send', "OK 21\r\n---\nmax-job-size: 99\n\r\n"]);
            }
            array_push($steps, ['read', $put], ['send', "INSERTED 9\r\n"], ['end']);
            $peer = new Peer($steps);
            $client = $peer->client();
            same(false, thrown($class, $hand($client))->isOutcomeUnknown());
            same(9, $client->put('hello'));
            $client->close();
            $peer->finish();
        });
    }

    $suite->test('INTERNAL_ERROR leaves it open', function () use ($put, $hand) {
        $peer = new Peer([['read', $put], ['send', "INTERNAL_ERROR\r\n"], ['end']]);
        same(true, thrown(ProtocolException::class, $hand($peer->client()))->isOutcomeUnknown());
        $peer->finish();
    });

    $suite->test('the time of a reserved job is almost over', function () {
        $client = server()->client();
        $tube = tube();
        $client->put('x', ['tube' => $tube, 'ttr' => 1]);
        $job = $client->reserve($tube, 0);
        thrown(DeadlineSoonException::class, function () use ($client, $tube) {
            $client->reserve($tube, 5);
        });
        $job->delete();
    });
};
