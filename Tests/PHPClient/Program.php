<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/** A program that a test has started; it is killed when the object goes. */
final class Program
{
    private $process;
    private $pipes = [];
    private $status;
    private $rest = '';
    private $group;

    /** @param string $command for the shell */
    public function __construct(string $command, string $input = '')
    {
        // Without exec the shell would get the signals.
        $this->process = proc_open("exec $command", [['pipe', 'r'], ['pipe', 'w'], STDERR], $this->pipes);
        if ($this->process === false) {
            throw new Failure("cannot start $command");
        }
        fwrite($this->pipes[0], $input);
        fclose($this->pipes[0]);
        stream_set_blocking($this->pipes[1], false);
    }

    public function __destruct()
    {
        $this->end();
    }

    /** A program whose processes are in a group of their own, and end with it; it ends by SIGINT. */
    public static function group(string $command): self
    {
        $program = new self("setsid $command");
        $program->group = proc_get_status($program->process)['pid'];
        return $program;
    }

    /** Kills it if it runs. */
    public function end(): void
    {
        if ($this->process === null) {
            return;
        }
        if ($this->group !== null) {
            posix_kill(-$this->group, SIGINT);
            try {
                $this->wait();
                return;
            } catch (Failure $late) {
                posix_kill(-$this->group, SIGKILL);
            }
        }
        proc_terminate($this->process, 9);
        $this->wait();
    }

    public static function php(string $script, array $arguments = [], string $input = ''): self
    {
        $words = array_merge([PHP_BINARY, __DIR__ . "/$script"], $arguments);
        return new self(implode(' ', array_map('escapeshellarg', $words)), $input);
    }

    /** The next line of its output, within 15 seconds. */
    public function line(): string
    {
        $end = microtime(true) + 15;
        while (($length = strpos($this->rest, "\n")) === false) {
            $read = [$this->pipes[1]];
            $none = null;
            $left = $end - microtime(true);
            if ($left <= 0 || stream_select($read, $none, $none, (int) ceil($left)) === 0) {
                throw new Failure("no line from the program, only " . shown($this->rest));
            }
            $piece = (string) fread($this->pipes[1], 8192);
            if ($piece === '' && feof($this->pipes[1])) {
                throw new Failure('the program has ended with ' . $this->wait() . ' after ' . shown($this->rest));
            }
            $this->rest .= $piece;
        }
        $line = substr($this->rest, 0, $length);
        $this->rest = substr($this->rest, $length + 1);
        return $line;
    }

    public function signal(int $signal): void
    {
        proc_terminate($this->process, $signal);
    }

    public function isRunning(): bool
    {
        if ($this->status === null) {
            $status = proc_get_status($this->process);
            if ($status['running']) {
                return true;
            }
            $this->status = $status['signaled'] ? 128 + $status['termsig'] : $status['exitcode'];
        }
        return false;
    }

    /** Its exit status, or 128 and the signal; within 15 seconds. */
    public function wait(): int
    {
        eventually('the end of the program', function () {
            return !$this->isRunning();
        });
        proc_close($this->process);
        $this->process = null;
        return $this->status;
    }
}
