<?php
// SPDX-License-Identifier: Apache-2.0

/** A process that a test has started. It is ended, by its own id, when the object goes. */
final class Program
{
    /** @var resource */
    private $process;
    /** @var array<int, resource> */
    private array $pipes = [];

    /** @param list<string> $command */
    public function __construct(array $command)
    {
        $files = [0 => ['pipe', 'r'], 1 => ['pipe', 'w'], 2 => ['pipe', 'w']];
        $process = proc_open($command, $files, $this->pipes);
        if ($process === false) {
            throw new RuntimeException("cannot start $command[0]");
        }
        $this->process = $process;
    }

    public function __destruct()
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process, 9);
            proc_close($this->process);
        }
    }

    /** The next line of output, without its line feed. */
    public function line(): string
    {
        return rtrim((string) fgets($this->pipes[1]), "\n");
    }

    /** The port in a server's first line. */
    public function port(): int
    {
        return (int) preg_replace('/.*:/', '', $this->line());
    }

    public function isRunning(): bool
    {
        return proc_get_status($this->process)['running'];
    }

    /** The most memory that the process has had so far, in bytes. */
    public function peakMemory(): int
    {
        $status = file_get_contents('/proc/' . proc_get_status($this->process)['pid'] . '/status');
        preg_match('/^VmHWM:\s*(\d+) kB$/m', $status, $match);
        return 1024 * (int) $match[1];
    }

    /** Asks the process to end, and waits for it. */
    public function end(): Outcome
    {
        proc_terminate($this->process, 15);
        return $this->outcome();
    }

    /** Waits until the process ends by itself. */
    public function outcome(): Outcome
    {
        $output = stream_get_contents($this->pipes[1]);
        $errors = stream_get_contents($this->pipes[2]);
        return new Outcome(proc_close($this->process), $output, $errors);
    }
}

final class Outcome
{
    public function __construct(public int $status, public string $output, public string $errors)
    {
    }
}
