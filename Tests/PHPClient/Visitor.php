<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/** A browser as a site sees it: it keeps its cookie, and knows the forms of the last page. */
final class Visitor
{
    public $status;
    public $head;
    public $body;
    private $site;
    private $cookie = '';

    public function __construct(Site $site)
    {
        $this->site = $site;
    }

    public function get(string $path): void
    {
        $this->take($this->ask('GET', $path));
    }

    /** Sends a form of the last page, with its hidden fields. */
    public function press(string $action, array $fields, string $path = '/'): void
    {
        foreach (['token', 'form', 'job'] as $hidden) {
            if (preg_match("/name=\"$hidden\" value=\"([0-9a-f]+)\"/", (string) $this->body, $match) === 1) {
                $fields += [$hidden => $match[1]];
            }
        }
        $this->take($this->ask('POST', $path, http_build_query(['action' => $action] + $fields)));
    }

    /** Starts a job and returns its number, having been sent to its page. */
    public function start(array $fields = []): int
    {
        $this->get('/');
        $this->press('start', $fields + ['title' => 'Holiday', 'pages' => '4']);
        return $this->sent();
    }

    /** The number of the job to whose page the last form has led; the visitor is there now. */
    public function sent(): int
    {
        same(303, $this->status, $this->body);
        isTrue(preg_match('/^Location: \?job=(\d+)\r$/m', $this->head, $match) === 1, $this->head);
        $this->get("/?job=$match[1]");
        same(200, $this->status);
        return (int) $match[1];
    }

    public function events(int $job): Events
    {
        return new Events($this->ask('GET', "/events.php?job=$job"));
    }

    private function ask(string $method, string $path, string $form = '')
    {
        $stream = stream_socket_client("tcp://{$this->site->address}", $code, $reason, 10);
        stream_set_timeout($stream, 15);
        fwrite($stream, "$method $path HTTP/1.0\r\nHost: {$this->site->address}\r\nCookie: $this->cookie\r\n"
            . "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " . strlen($form) . "\r\n\r\n$form");
        return $stream;
    }

    private function take($stream): void
    {
        $reply = stream_get_contents($stream);
        isTrue(!stream_get_meta_data($stream)['timed_out'], 'the page comes in time');
        list($this->head, $this->body) = explode("\r\n\r\n", $reply, 2);
        $this->head .= "\r\n";
        $this->status = (int) substr($this->head, 9, 3);
        if (preg_match('/^Set-Cookie: ([^;\r]+)/m', $this->head, $match) === 1) {
            $this->cookie = $match[1];
        }
    }
}

/** Server-sent events as they come. */
final class Events
{
    public $head;
    private $stream;

    public function __construct($stream)
    {
        $this->stream = $stream;
        $this->head = '';
        do {
            $line = $this->line();
            $this->head .= "$line\n";
        } while ($line !== '');
    }

    /** What the next event with data says; of one with a name, the name. */
    public function next()
    {
        for ($name = null; ; ) {
            $line = $this->line();
            if (strncmp($line, 'event: ', 7) === 0) {
                $name = substr($line, 7);
            } elseif (strncmp($line, 'data: ', 6) === 0) {
                same('', $this->line(), 'the end of the event');
                return $name ?? json_decode(substr($line, 6), true);
            } elseif ($line !== '' && strncmp($line, ':', 1) !== 0 && strncmp($line, 'retry: ', 7) !== 0) {
                throw new Failure('no line of an event: ' . shown($line));
            }
        }
    }

    /** Nothing more comes, and the stream ends. */
    public function end(): void
    {
        same('', trim(stream_get_contents($this->stream)), 'the rest');
        isTrue(feof($this->stream), 'the stream has ended');
    }

    public function leave(): void
    {
        fclose($this->stream);
    }

    private function line(): string
    {
        $line = fgets($this->stream);
        isTrue($line !== false, 'a line comes in time, before the end');
        return rtrim($line, "\r\n");
    }
}
