<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/** The server that SERVER names, on a port of its own. */
final class Server
{
    public const LARGEST_JOB = 20000000;
    public $address;
    private $flags;
    private $program;

    public function __construct(string $host = '127.0.0.1')
    {
        if (strncmp($host, 'unix:', 5) === 0) {
            $this->address = $host;
            $this->flags = '-l ' . escapeshellarg($host);
        } else {
            $name = strpos($host, ':') === false ? $host : "[$host]";
            $free = stream_socket_server("tcp://$name:0");
            $port = substr(strrchr(stream_socket_get_name($free, false), ':'), 1);
            fclose($free);
            $this->address = "$name:$port";
            $this->flags = "-l $host -p $port";
        }
        $this->start();
    }

    public function start(): void
    {
        $log = tempnam(sys_get_temp_dir(), 'server');
        $this->program = new Program(getenv('SERVER') . " $this->flags -z " . self::LARGEST_JOB . " 2>$log");
        try {
            eventually('the server listens', function () use ($log) {
                isTrue($this->program->isRunning(), 'the server runs: ' . file_get_contents($log));
                try {
                    return $this->client()->stats() !== [];
                } catch (Talkback\ConnectionException $notYet) {
                    return false;
                }
            });
        } finally {
            unlink($log);
        }
    }

    public function client(array $options = []): Talkback\Client
    {
        return new Talkback\Client($this->address, $options);
    }

    /** Ends it without a word. */
    public function kill(): void
    {
        $this->program->signal(9);
        $this->program->wait();
    }

    public function drain(): void
    {
        $this->program->signal(10);
    }

    public function waitingWorkers(): int
    {
        return $this->client()->stats()['current-waiting'];
    }
}

/** One for all tests that leave it as it was. */
function server(): Server
{
    static $server = null;
    return $server = $server ?? new Server();
}

/** A tube that no other test uses. */
function tube(): string
{
    static $count = 0;
    return 'tube-' . ++$count;
}
