<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/** Runs tests and counts them. */
final class Suite
{
    private $passed = 0;
    private $failed = 0;

    public function test(string $name, callable $body): void
    {
        try {
            $body();
            $this->passed++;
        } catch (Throwable $error) {
            $this->failed++;
            $place = basename($error->getFile()) . ':' . $error->getLine();
            fwrite(STDERR, "fails: $name\n    " . get_class($error) . ": {$error->getMessage()} ($place)\n");
            fwrite(STDERR, preg_replace('/^/m', '    ', $error->getTraceAsString()) . "\n");
        }
    }

    public function close(): bool
    {
        echo "$this->passed passed, $this->failed failed\n";
        return $this->failed === 0 && $this->passed > 0;
    }
}

final class Failure extends Exception
{
}

function same($expected, $actual, string $what = 'value'): void
{
    if ($expected !== $actual) {
        throw new Failure("$what: expected " . shown($expected) . ', got ' . shown($actual));
    }
}

function isTrue(bool $claim, string $what): void
{
    if (!$claim) {
        throw new Failure("not so: $what");
    }
}

/** Calls, and returns the exception of exactly this class. */
function thrown(string $class, callable $call): Throwable
{
    try {
        $result = $call();
    } catch (Throwable $error) {
        if (get_class($error) === $class) {
            return $error;
        }
        throw $error;
    }
    throw new Failure("no $class, but " . shown($result));
}

/** Asks again and again until it is so, for at most 15 seconds. */
function eventually(string $what, callable $claim): void
{
    for ($end = microtime(true) + 15; !$claim(); usleep(5000)) {
        if (microtime(true) > $end) {
            throw new Failure("did not come to be: $what");
        }
    }
}

function shown($value): string
{
    $text = var_export($value, true);
    return strlen($text) > 300 ? substr($text, 0, 300) . ' …' : $text;
}
