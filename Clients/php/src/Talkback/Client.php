<?php
// SPDX-License-Identifier: Apache-2.0

declare(strict_types=1);

// One file, so that a page can take it with a bare require.
namespace Talkback;

/** What everything here throws. The message says the operation, its subject and the reason. */
class Exception extends \RuntimeException
{
    private $operation;
    private $subject;
    private $reason;
    private $outcomeUnknown;

    public function __construct(
        string $operation,
        string $subject,
        string $reason,
        bool $outcomeUnknown = false,
        ?\Throwable $previous = null
    ) {
        // "stats-tube images", not "stats-tube tube images".
        $named = strrchr($operation, '-');
        $isNamed = $named !== false && strncmp($subject, substr($named, 1) . ' ', strlen($named)) === 0;
        $shown = $isNamed ? substr($subject, strlen($named)) : $subject;
        parent::__construct("$operation $shown: $reason", 0, $previous);
        $this->operation = $operation;
        $this->subject = $subject;
        $this->reason = $reason;
        $this->outcomeUnknown = $outcomeUnknown;
    }

    /** What was tried: "put", "delete", "connect". */
    public function operation(): string
    {
        return $this->operation;
    }

    /** On what: "job 5 at 127.0.0.1:11300". */
    public function subject(): string
    {
        return $this->subject;
    }

    /** Why it failed: "Connection refused". */
    public function reason(): string
    {
        return $this->reason;
    }

    /**
     * Whether the server may have done it all the same: the whole command was sent, and no answer came that says.
     * A job whose put fails like this may have been put; putting it again may put it twice.
     */
    public function isOutcomeUnknown(): bool
    {
        return $this->outcomeUnknown;
    }
}

/** An argument that cannot be right. Nothing was sent. */
final class InvalidArgumentException extends Exception
{
}

/** There is no connection, or it was lost. The next command makes a new one. */
class ConnectionException extends Exception
{
}

/** No connection, or no whole answer, in time. The connection is closed, so that a late answer finds nobody. */
final class TimeoutException extends ConnectionException
{
}

/** There is no such job or tube, or the job is not one with which this can be done here. */
final class NotFoundException extends Exception
{
}

/** Somebody has cancelled the job. It is not this worker's any more; what it has done for it is for nothing. */
final class CancelledException extends Exception
{
}

/** The server takes no job, or no result, of this size. */
final class JobTooBigException extends Exception
{
}

/** The server takes no more jobs: it is being drained. */
final class DrainingException extends Exception
{
}

/** The server has no memory, or no space on its disk. */
final class OutOfMemoryException extends Exception
{
}

/** The time to run of a job that this client has reserved ends within a second, so there is no waiting for another. */
final class DeadlineSoonException extends Exception
{
}

/** The server said what the protocol does not allow here, or does not have the command, as only Talkback has it. */
final class ProtocolException extends Exception
{
}

/**
 * For a handler of Client::work() to throw, itself or one of its own that extends it: no further attempt would help, so the job is
 * buried at once. What a command of "talkback work" says with status 65.
 */
class PermanentFailure extends \RuntimeException
{
}

/**
 * For a handler of Client::work() to throw, itself or one of its own that extends it: what the job needs is not there yet. It is tried
 * again later, as after any other exception, but error_log is told only if that was the last attempt. What a command of
 * "talkback work" says with status 75.
 */
class TemporaryFailure extends \RuntimeException
{
}

/**
 * A connection to a server, made when it is first needed and again when it was lost between two commands.
 *
 * Not for two uses at a time: a signal handler that calls it in the middle of another call gets an exception.
 */
final class Client
{
    /** The options of put(). */
    private const PLACE = ['tube' => 'default', 'priority' => 1024, 'delay' => 0, 'ttr' => 60];

    private $session;

    /**
     * Connects to nothing yet.
     *
     * @param string $address host:port, [::1]:port or unix:/path
     * @param array $options connectTimeout: seconds to connect in, 3 unless it is given (looking a name up is not
     *     counted); replyTimeout: seconds from the start of a command until its reply is complete, 10 unless it is given
     * @throws InvalidArgumentException
     */
    public function __construct($address = '127.0.0.1:11300', $options = [])
    {
        $address = Check::text('connect', 'to', $address);
        $options = Check::options('connect', $options, ['connectTimeout' => 3, 'replyTimeout' => 10]);
        foreach ($options as $name => $seconds) {
            Check::seconds('connect', $name, $seconds);
        }
        if ((int) ini_get('mbstring.func_overload') & 2) {
            $reason = 'mbstring.func_overload makes strlen count characters';
            throw new InvalidArgumentException('connect', "to $address", $reason);
        }
        $this->session = new Session($address, (float) $options['connectTimeout'], (float) $options['replyTimeout']);
    }

    private function __clone()
    {
    }

    /**
     * Hands in a job.
     *
     * @param string $body any bytes; an array becomes a body by json_encode()
     * @param array $options tube: "default" unless it is given; priority: 0, the most urgent, to 4294967295, 1024 unless
     *     it is given; delay: seconds until it is ready, 0; ttr: seconds that a worker has for it, 60
     * @return int the job's id
     * @throws Exception isOutcomeUnknown() says whether the job may have been put
     */
    public function put($body, $options = []): int
    {
        $body = Check::text('put', 'body', $body);
        $options = Check::options('put', $options, self::PLACE);
        $tube = Check::tube('put', $options['tube']);
        $line = self::placing('put', $options, strlen($body));
        $reply = $this->session->ask($line, "into tube $tube", ['INSERTED #', 'BURIED #'], 'NOT_FOUND', $tube, $body);
        return $this->inserted($reply, $tube);
    }

    /**
     * Hands in a job whose outcome will be asked for, with state(), wait() or follow(). Talkback only.
     *
     * @param string $body any bytes
     * @param array $options those of put(), and
     *     keep: seconds after its end for which the outcome can be asked for; 3600 unless it is given. null: only who
     *         waits when it ends is told.
     *     key: 1 to 200 letters, digits and -+/;.$_(), the first not a -; hash('sha256', $any) always is one. While there
     *         is a job with this key in the tube, nothing is added, and that one is answered.
     *     keyFor: seconds after its end for which the key still counts, 0.
     *     attempts: how often it is given to a worker at most, 1 or more; then it has failed. null, no limit.
     *     backoff: seconds from a failed attempt to the next, for workers that say fail(); or [first, most], each then
     *         twice as long as the one before. null: as the worker says.
     *     leaseOfConnection: whether it is its worker's for as long as the worker's connection is there, whatever its
     *         ttr; false
     *     and of a job that was elsewhere before, as describe() has them; the key of a job that has ended does not count then:
     *     tried: how often workers got it since it was put or kicked; null, it is new
     *     counts: how often all that has happened to it: [reserves, timeouts, releases, buries, kicks]; null, never
     *     buried: whether it is put aside; false
     *     reason: why the last attempt has failed, any bytes, 4096 at most; ""
     * @throws ProtocolException also when the server is not Talkback; nothing was put then
     * @throws Exception isOutcomeUnknown() says whether the job may have been put
     */
    public function submit($body, $options = []): Submission
    {
        $body = Check::text('submit', 'body', $body);
        $options = Check::options('submit', $options, self::PLACE + [
            'keep' => 3600, 'key' => null, 'keyFor' => 0, 'attempts' => null, 'backoff' => null,
            'leaseOfConnection' => false, 'tried' => null, 'counts' => null, 'buried' => false, 'reason' => '',
        ]);
        $tube = Check::tube('submit', $options['tube']);
        $past = self::past($options);
        // The reason comes first, and the body behind it.
        $body = $options['reason'] . $body;
        $line = self::placing('submit', $options, strlen($body)) . self::tags($options) . $past;
        $expected = ['INSERTED #', 'BURIED #'];
        foreach (['READY', 'RESERVED', 'DELAYED', 'BURIED', 'DELETED'] as $state) {
            $expected[] = "INSERTED # $state";
        }
        $reply = $this->session->askTalkback($line, "into tube $tube", $expected, 'NOT_FOUND', $body, 0, $tube);
        $state = explode(' ', $reply->line)[2] ?? null;
        return new Submission($this->inserted($reply, $tube), $state === null ? null : strtolower($state));
    }

    private static function placing(string $operation, array $options, int $length): string
    {
        return sprintf(
            'put %d %d %d %d',
            Check::number($operation, 'priority', $options['priority']),
            Check::number($operation, 'delay', $options['delay']),
            // The server would make 1 of 0.
            Check::number($operation, 'ttr', $options['ttr'], 1),
            $length
        );
    }

    private static function tags(array $options): string
    {
        $tags = '';
        $keyFor = Check::number('submit', 'keyFor', $options['keyFor']);
        if ($options['key'] !== null) {
            $tags .= ' idp:' . Check::key('submit', $options['key']) . ($keyFor > 0 ? ":$keyFor" : '');
        } elseif ($keyFor > 0) {
            throw Check::refusal('submit', 'keyFor', 'there is no key');
        }
        if ($options['keep'] !== null) {
            $tags .= ' keep:' . Check::number('submit', 'keep', $options['keep']);
        }
        if ($options['attempts'] !== null) {
            $tags .= ' attempts:' . Check::number('submit', 'attempts', $options['attempts'], 1);
        }
        if ($options['backoff'] !== null) {
            $backoff = is_array($options['backoff']) ? array_values($options['backoff']) : [$options['backoff']];
            if (count($backoff) < 1 || count($backoff) > 2) {
                throw Check::refusal('submit', 'backoff', 'it is not a number of seconds, or two');
            }
            foreach ($backoff as $seconds) {
                Check::number('submit', 'backoff', $seconds);
            }
            $tags .= ' backoff:' . implode(':', $backoff);
        }
        $isLeased = Check::flag('submit', 'leaseOfConnection', $options['leaseOfConnection']);
        return $tags . ($isLeased ? ' lease:connection' : '');
    }

    /** The tags of a job that was elsewhere before. */
    private static function past(array $options): string
    {
        $tried = $options['tried'];
        $tags = $tried === null ? '' : ' tried:' . Check::number('submit', 'tried', $tried);
        if ($options['counts'] !== null) {
            $counts = is_array($options['counts']) ? array_values($options['counts']) : [];
            if (count($counts) !== 5) {
                throw Check::refusal('submit', 'counts', 'it is not a list of five numbers');
            }
            foreach ($counts as $count) {
                Check::number('submit', 'counts', $count);
            }
            $tags .= ' counts:' . implode(':', $counts);
        }
        $tags .= Check::flag('submit', 'buried', $options['buried']) ? ' state:buried' : '';
        if (!is_string($options['reason']) || strlen($options['reason']) > 4096) {
            throw Check::refusal('submit', 'reason', 'it is not a text of 4096 bytes at most');
        }
        return $tags . ($options['reason'] === '' ? '' : ' reason:' . strlen($options['reason']));
    }

    private function inserted(Reply $reply, string $tube): int
    {
        if ($reply->word === 'BURIED') {
            $subject = "job {$reply->numbers[0]} into tube $tube";
            throw $this->session->error(OutOfMemoryException::class, 'put', $subject, Session::BURIED_INSTEAD);
        }
        return $reply->numbers[0];
    }

    /**
     * What has become of a job, now. Talkback only.
     *
     * @return State|null null when there is no such job and no outcome is kept
     * @throws Exception
     */
    public function state($id): ?State
    {
        $id = Check::id('state', $id);
        return $this->asked("state $id", $id, 0);
    }

    /**
     * Everything about a job but its body: how it was submitted, and what has happened to it. Talkback only.
     *
     * submit($body, $description->options) makes the same job again, here or on another server, with another id.
     *
     * @return Description|null null when there is no such job
     * @throws Exception
     */
    public function describe($id): ?Description
    {
        $id = Check::id('describe-job', $id);
        try {
            $reply = $this->session->askTalkback("describe-job $id", "job $id", Description::replies($id), 'NOT_FOUND');
        } catch (NotFoundException $unknown) {
            return null;
        }
        return new Description($reply);
    }

    /**
     * Waits until a job has ended. Talkback only.
     *
     * When the connection is lost meanwhile, it is made anew: see follow().
     *
     * @param int $seconds to wait at most; after them the state is what it is then
     * @return State|null null when there is no such job and no outcome is kept
     * @throws Exception
     */
    public function wait($id, $seconds): ?State
    {
        $id = Check::id('wait', $id);
        $seconds = Check::count('wait', 'seconds', $seconds, 0, 2147483647);
        $end = Connection::now() + $seconds;
        $outage = new Outage();
        while (true) {
            $connection = $this->session->number();
            $asked = Connection::now();
            $left = (int) max(0, ceil($end - $asked));
            try {
                return $this->asked("wait $id $left", $id, $left);
            } catch (ConnectionException $error) {
                if ($this->session->wasConnectedSince($connection) && Connection::now() - $asked > 1) {
                    // The server was there in between: this is another outage.
                    $outage = new Outage();
                }
                $outage->pause($error, $end, $this->session->wasConnectedSince($connection));
            }
        }
    }

    private function asked(string $line, int $id, int $wait): ?State
    {
        try {
            $expected = State::replies($id);
            $reply = $this->session->askTalkback($line, "job $id", $expected, Session::NO_OUTCOME, null, $wait);
        } catch (NotFoundException $unknown) {
            return null;
        }
        return new State($id, $reply);
    }

    /**
     * The state of a job now, and again whenever it changes or the worker reports; the last one is its end, unless the
     * seconds are over before. None at all when there is no such job and no outcome is kept. Talkback only.
     *
     * Asked when the first one is fetched. Until the last one is, this client takes no other command; one that is left
     * before closes the connection, and with it gives up the jobs that this client has reserved.
     *
     * When the connection is lost after the first state, because the server is being restarted for instance, it is made
     * anew, for 10 seconds at most and as long as $seconds are not over, and the job is followed further.
     *
     * @return \Generator|State[]
     * @throws NotFoundException when a server that was restarted knows nothing of the job any more
     * @throws ConnectionException when the server does not come back; it says what happened first
     * @throws Exception
     */
    public function follow($id, $seconds): \Generator
    {
        $id = Check::id('follow', $id);
        return $this->followed($id, Check::count('follow', 'seconds', $seconds, 0, 2147483647));
    }

    private function followed(int $id, int $seconds): \Generator
    {
        $end = Connection::now() + $seconds;
        $outage = new Outage();
        $last = null;
        while (true) {
            $wasLost = false;
            $isTold = false;
            try {
                foreach ($this->session->follow($id, (int) max(0, ceil($end - Connection::now()))) as $state) {
                    $outage = new Outage();
                    $isTold = true;
                    // After a restart the first is often the one that was told before.
                    if ($last === null || !$state->isAs($last)) {
                        $last = $state;
                        yield $state;
                    }
                }
            } catch (ConnectionException $error) {
                $outage->pause($error, $end, $last !== null);
                $wasLost = true;
            }
            if (!$wasLost) {
                if ($last !== null && !$isTold) {
                    $reason = Session::NO_OUTCOME . ' any more';
                    throw $this->session->error(NotFoundException::class, 'follow', "job $id", $reason);
                }
                return;
            }
        }
    }

    /**
     * Says that nobody needs a job any more. One that waits will never run; the worker of one that runs is told when it
     * reports. Talkback only.
     *
     * @return string "cancelled", also when it was before; "too late" when it is done or has failed; "unknown" when there
     *     is no such job and no outcome is kept
     * @throws Exception
     */
    public function cancel($id): string
    {
        $id = Check::id('cancel', $id);
        try {
            $reply = $this->session->askTalkback("cancel $id", "job $id", ['CANCELLED', 'TOO_LATE'], Session::NO_OUTCOME);
        } catch (NotFoundException $unknown) {
            return 'unknown';
        }
        return $reply->word === 'CANCELLED' ? 'cancelled' : 'too late';
    }

    /**
     * Waits for a job and takes it. It is this client's until it is deleted, released or buried, until its time to run is
     * over, or until the connection ends.
     *
     * @param string|string[] $tubes
     * @param int|null $timeout seconds to wait; null waits until there is one
     * @return Job|null null when none came in time
     * @throws DeadlineSoonException
     * @throws Exception
     */
    public function reserve($tubes = 'default', $timeout = null): ?Job
    {
        $tubes = Check::tubes('reserve', $tubes);
        if ($timeout !== null) {
            $timeout = Check::count('reserve', 'timeout', $timeout, 0, 2147483647);
        }
        do {
            // In parts, for a server that has gone without a word is noticed only by a reply that is missing.
            $reply = $this->session->reserve($tubes, $timeout === null ? 60 : $timeout);
        } while ($reply === null && $timeout === null);
        return $reply === null ? null : new Job($this->session, $reply->numbers[0], $reply->data, true);
    }

    /**
     * Takes the job with this id, whatever its tube, and also when it is buried or delayed.
     *
     * @throws NotFoundException also when it is reserved
     * @throws Exception
     */
    public function reserveJob($id): Job
    {
        $id = Check::id('reserve-job', $id);
        $notFound = 'there is no such job, or it is reserved';
        $reply = $this->session->ask("reserve-job $id", "job $id", ["RESERVED $id #"], $notFound);
        return new Job($this->session, $id, $reply->data, true);
    }

    /**
     * A job that is looked at and not taken. It can be deleted.
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function peek($id): Job
    {
        $id = Check::id('peek', $id);
        $reply = $this->session->ask("peek $id", "job $id", ["FOUND $id #"], 'there is no such job');
        return new Job($this->session, $id, $reply->data, false);
    }

    /**
     * The job that comes next in a tube, not taken; null if none is ready.
     *
     * @throws Exception
     */
    public function peekReady($tube = 'default'): ?Job
    {
        return $this->first('peek-ready', $tube);
    }

    /**
     * The delayed job of a tube that is ready soonest; null if there is none.
     *
     * @throws Exception
     */
    public function peekDelayed($tube = 'default'): ?Job
    {
        return $this->first('peek-delayed', $tube);
    }

    /**
     * The job of a tube that was buried first; null if there is none.
     *
     * @throws Exception
     */
    public function peekBuried($tube = 'default'): ?Job
    {
        return $this->first('peek-buried', $tube);
    }

    private function first(string $command, $tube): ?Job
    {
        Check::tube($command, $tube);
        try {
            $reply = $this->session->ask($command, "in tube $tube", ['FOUND # #'], 'there is none', $tube);
        } catch (NotFoundException $none) {
            return null;
        }
        return new Job($this->session, $reply->numbers[0], $reply->data, false);
    }

    /**
     * Deletes a job that this client has reserved, or that nobody has.
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function delete($id): void
    {
        $this->session->delete(Check::id('delete', $id));
    }

    /**
     * Makes buried jobs of a tube ready, or delayed ones if none is buried.
     *
     * @param int $bound at most so many
     * @return int how many
     * @throws Exception
     */
    public function kick($tube, $bound): int
    {
        Check::tube('kick', $tube);
        $bound = Check::count('kick', 'bound', $bound, 1);
        return $this->session->ask("kick $bound", "tube $tube", ['KICKED #'], 'NOT_FOUND', $tube)->numbers[0];
    }

    /**
     * Makes a buried or delayed job ready.
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function kickJob($id): void
    {
        $id = Check::id('kick-job', $id);
        $this->session->ask("kick-job $id", "job $id", ['KICKED'], 'there is no such job that is buried or delayed');
    }

    /**
     * Lets nobody reserve from a tube for a while.
     *
     * @param int $seconds 0 ends the pause
     * @throws NotFoundException
     * @throws Exception
     */
    public function pause($tube, $seconds): void
    {
        Check::tube('pause-tube', $tube);
        $seconds = Check::count('pause-tube', 'seconds', $seconds);
        $this->session->ask("pause-tube $tube $seconds", "tube $tube", ['PAUSED'], 'there is no such tube');
    }

    /**
     * The names of all tubes.
     *
     * @return string[]
     * @throws Exception
     */
    public function tubes(): array
    {
        $reply = $this->session->ask('list-tubes', 'of the server', ['OK #']);
        $names = [];
        foreach ($this->session->lines('list-tubes', $reply->data) as $line) {
            if (strncmp($line, '- ', 2) !== 0) {
                $reason = 'the list has the line ' . Check::printable($line);
                throw $this->session->error(ProtocolException::class, 'list-tubes', 'of the server', $reason);
            }
            $names[] = trim(substr($line, 2), '"');
        }
        return $names;
    }

    /**
     * What the server says of itself, under its own keys; numbers are ints.
     *
     * @throws Exception
     */
    public function stats(): array
    {
        $texts = ['version', 'id', 'hostname', 'os', 'platform'];
        return $this->session->facts('stats', 'of the server', 'NOT_FOUND', $texts);
    }

    /**
     * What the server says of a tube.
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function statsTube($tube): array
    {
        Check::tube('stats-tube', $tube);
        return $this->session->facts("stats-tube $tube", "tube $tube", 'there is no such tube', ['name']);
    }

    /**
     * What the server says of a job: "state", "tube", "pri", "ttr", "time-left", "reserves" …
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function statsJob($id): array
    {
        return $this->session->jobFacts(Check::id('stats-job', $id));
    }

    /**
     * Takes one job after another and hands each to $handler. When it returns, the job is deleted; when it throws, the job
     * is released with a delay that doubles with each attempt, or buried after the last; see PermanentFailure and
     * TemporaryFailure. A handler may also delete, release, bury, finish or fail the job itself. A job that was reserved more
     * often than it may be tried, as its workers have died of it, is buried before the handler is called. A job may be run twice: whoever loses the connection, or takes longer
     * than the time to run without a heartbeat, loses the job to the next worker.
     *
     * @param string|string[] $tubes
     * @param callable $handler gets the Job
     * @param array $options
     *     attempts: how often a job is tried, 5 unless it is given; each time that it is reserved counts, whatever came of it.
     *         A job that was submitted with a number of attempts is tried as often as that.
     *     backoff, backoffLimit: seconds of the first delay, 10, and of the longest, 3600.
     *     maxJobs, maxSeconds, maxMemory (bytes): after these no further job is taken; null, no limit.
     *     reconnectFor: seconds to try to reach a server that has gone, 60; 0 throws at once.
     *     signals: whether SIGTERM and SIGINT finish the job in hand and end the loop, if pcntl is there; true.
     *     autoTouch: whether SIGALRM touches the job while the handler runs; false. Needs pcntl and a ttr of 3 s or more.
     *         It also ends the handler's sleep() early, and does not come through while PHP is inside one long call.
     *     onFailure: callable(Job, \Throwable, string) that is told what became of a job that was not simply deleted:
     *         "released", "buried", "cancelled", "settled" (by the handler itself) or "lost"; unless it is given,
     *         error_log is, but of a TemporaryFailure only when the job is buried.
     * @return int how many jobs it has taken
     * @throws Exception
     */
    public function work($tubes, $handler, $options = []): int
    {
        $tubes = Check::tubes('work', $tubes);
        $options = Worker::options($options);
        if (!is_callable($handler)) {
            throw new InvalidArgumentException('work', 'handler', 'it cannot be called');
        }
        return (new Worker($this->session, $tubes, $handler, $options))->run();
    }

    /** Closes the connection; what this client has reserved is ready again. The next command connects anew. */
    public function close(): void
    {
        $this->session->close();
    }
}

/** What Client::submit() has handed in. */
final class Submission
{
    /** @var int for reading only */
    public $id;
    /** @var bool whether it was added; if not, a job with its key was there, and this is its id */
    public $isNew;
    /** @var string|null how that one is: "ready", "reserved", "delayed", "buried", or "deleted" when it has ended */
    public $state;

    /** @internal */
    public function __construct(int $id, ?string $state)
    {
        $this->id = $id;
        $this->isNew = $state === null;
        $this->state = $state;
    }
}

/** Everything about a job but its body. */
final class Description
{
    /** @var int for reading only, as all of them */
    public $id;
    /** @var string "ready", "reserved", "delayed" or "buried" */
    public $state;
    /** @var int seconds since it was put */
    public $age;
    /** @var int seconds until a delayed job is ready, or a reserved one is given to others */
    public $timeLeft;
    /** @var array those of Client::submit(); of a reserved job "tried" and the reserves count this attempt too */
    public $options;

    /** @internal */
    public function __construct(Reply $reply)
    {
        $words = explode(' ', $reply->line);
        $this->id = (int) $words[1];
        $this->state = $words[3];
        list($this->age, $this->timeLeft, $priority, , $timeToRun) = $reply->numbers;
        $this->options = [
            'tube' => $words[2],
            'priority' => $priority,
            // The server leaves fractions out, and a job must not be ready before its time.
            'delay' => $this->state === 'delayed' ? min($this->timeLeft + 1, 4294967295) : 0,
            'ttr' => $timeToRun,
            'keep' => null,
            'tried' => 0,
            'buried' => $this->state === 'buried',
            'reason' => $reply->data,
        ];
        foreach (array_slice($words, 10) as $tag) {
            $this->read(explode(':', $tag));
        }
    }

    /** A tag that is not known is one of a later server. */
    private function read(array $tag): void
    {
        $numbers = array_map('intval', array_slice($tag, 1));
        switch ($tag[0]) {
            case 'idp':
                $this->options['key'] = $tag[1];
                $this->options['keyFor'] = (int) ($tag[2] ?? 0);
                break;
            case 'keep':
            case 'attempts':
            case 'tried':
                $this->options[$tag[0]] = $numbers[0];
                break;
            case 'backoff':
            case 'counts':
                $this->options[$tag[0]] = $numbers;
                break;
            case 'lease':
                $this->options['leaseOfConnection'] = $tag[1] === 'connection';
                break;
        }
    }

    /** @internal The lines that say it. */
    public static function replies(int $id): array
    {
        $lines = [];
        foreach (['ready', 'reserved', 'delayed', 'buried'] as $state) {
            $lines[] = "DESCRIBED $id @ $state # # # # # #*";
        }
        return $lines;
    }
}

/** What has become of a job. */
final class State
{
    private const ENDS = ['done', 'failed', 'cancelled'];

    /** @var int for reading only, as all of them */
    public $id;
    /** @var string "waiting", "delayed", "running", or an end: "done", "failed", "cancelled" */
    public $state;
    /** @var int which attempt it is, or how many there were */
    public $attempt;
    /** @var int how many there may be; 0 if it was not submitted with a number of them */
    public $attempts;
    /** @var int seconds since it is in this state, as far as the server knows */
    public $since;
    /** @var int 0 to 100 */
    public $percent;
    /** @var string what text(), result() or reason() gives */
    public $data;

    /** @internal */
    public function __construct(int $id, Reply $reply)
    {
        $this->id = $id;
        $this->state = explode(' ', $reply->line)[2];
        list($this->attempt, $this->attempts, $this->since, $this->percent) = $reply->numbers;
        $this->data = $reply->data;
    }

    /** @internal The lines that say it. */
    public static function replies(int $id): array
    {
        $lines = [];
        foreach (array_merge(['waiting', 'delayed', 'running'], self::ENDS) as $state) {
            $lines[] = "STATE $id $state # # # # #";
        }
        return $lines;
    }

    /** Whether it has come to its end. A job that has failed can be kicked all the same. */
    public function isOver(): bool
    {
        return in_array($this->state, self::ENDS, true);
    }

    /** @internal Whether it says nothing new. */
    public function isAs(State $other): bool
    {
        return [$this->state, $this->attempt, $this->percent, $this->data]
            === [$other->state, $other->attempt, $other->percent, $other->data];
    }

    /** What the worker has reported last, while it runs; else nothing. */
    public function text(): string
    {
        return $this->state === 'running' ? $this->data : '';
    }

    /** What came out, any bytes; null unless it is done. */
    public function result(): ?string
    {
        return $this->state === 'done' ? $this->data : null;
    }

    /**
     * Why it has failed, or, while it waits for its next attempt, why the last one has; nothing if none has. Any bytes: what the
     * task wrote to standard error, in whatever encoding. shown() is for showing it.
     */
    public function reason(): string
    {
        return in_array($this->state, ['failed', 'waiting', 'delayed'], true) ? $this->data : '';
    }

    /**
     * The text or the reason, whichever there is, as a page or a terminal can show it: what is not UTF-8 is replaced, control
     * characters but tabs and line feeds are left out. Not escaped: a page still needs htmlspecialchars.
     */
    public function shown(): string
    {
        return Text::shown($this->text() . $this->reason());
    }
}

/** A job of the server. */
final class Job
{
    /** @var int for reading only */
    public $id;
    /** @var string for reading only */
    public $body;
    private $session;
    private $reservedOn;
    private $renewed;
    private $facts;

    /** @internal */
    public function __construct(Session $session, int $id, string $body, bool $reserved)
    {
        $this->session = $session;
        $this->id = $id;
        $this->body = $body;
        $this->reservedOn = $reserved ? $session->number() : null;
        $this->renewed = Connection::now();
    }

    /**
     * It is done. Also after the connection was lost: then it is ready again, and still deleted if nobody has taken it.
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function delete(): void
    {
        $this->session->delete($this->id);
        $this->reservedOn = null;
    }

    /**
     * Gives it back.
     *
     * @param array $options delay: seconds until it is ready, 0 unless it is given; priority: its present one
     * @throws NotFoundException if it is not reserved any more
     * @throws OutOfMemoryException if it was buried instead, also because its attempts are used up
     * @throws Exception
     */
    public function release($options = []): void
    {
        $options = Check::options('release', $options, ['delay' => 0, 'priority' => null]);
        $delay = Check::number('release', 'delay', $options['delay']);
        $this->settle('release', $options['priority'], " $delay", 'RELEASED');
    }

    /**
     * Puts it aside until it is kicked.
     *
     * @param array $options priority: its present one unless it is given
     * @throws NotFoundException if it is not reserved any more
     * @throws Exception
     */
    public function bury($options = []): void
    {
        $options = Check::options('bury', $options, ['priority' => null]);
        $this->settle('bury', $options['priority'], '', 'BURIED');
    }

    /**
     * Starts its time to run anew.
     *
     * @throws NotFoundException if it is not reserved any more
     * @throws Exception
     */
    public function touch(): void
    {
        $this->mustBeReserved('touch');
        $now = Connection::now();
        $this->session->ask("touch $this->id", "job $this->id", ['TOUCHED'], Session::NOT_RESERVED);
        $this->renewed = $now;
    }

    /**
     * Touches it if a third of its time to run has passed since that began. Cheap: a handler calls it as often as it likes.
     *
     * @throws NotFoundException if the job is not this worker's any more: stop working on it
     * @throws Exception
     */
    public function heartbeat(): void
    {
        $this->mustBeReserved('touch');
        if (Connection::now() - $this->renewed >= $this->fact('ttr') / 3) {
            $this->touch();
        }
    }

    /**
     * Tells those who follow the job how far it is, and starts its time to run anew. Talkback only.
     *
     * @param int $percent 0 to 100
     * @param string $text one line; whatever would end it becomes a space, and what is too long for it is cut
     * @throws CancelledException if somebody has cancelled it: stop working on it
     * @throws NotFoundException if it is not reserved any more
     * @throws Exception
     */
    public function progress($percent, $text = ''): void
    {
        $this->mustBeReserved('progress');
        $text = Check::text('progress', 'text', $text);
        $line = "progress $this->id " . Check::count('progress', 'percent', $percent, 0, 100);
        if ($text !== '') {
            $text = strtr($text, "\r\n\0", '   ');
            $line .= ' ' . Text::head($text, Session::LONGEST_PROGRESS - strlen("$line \r\n"));
        }
        $now = Connection::now();
        $this->tell($line, ['TOUCHED']);
        $this->renewed = $now;
    }

    /**
     * It is done, and this came out. Talkback only.
     *
     * @param string $result any bytes, 1 MiB at most
     * @throws CancelledException if somebody has cancelled it
     * @throws NotFoundException if it is not reserved any more
     * @throws JobTooBigException it is still reserved, as after the next
     * @throws OutOfMemoryException
     * @throws Exception
     */
    public function finish($result = ''): void
    {
        $result = Check::text('finish', 'result', $result);
        $this->mustBeReserved('finish');
        $this->tell("finish $this->id " . strlen($result), ['FINISHED'], $result);
        $this->reservedOn = null;
    }

    /**
     * This attempt has failed. Talkback only.
     *
     * @param string $reason of one that is longer than 4096 bytes the last ones are kept
     * @param int|null $delay seconds until it is tried again, unless it was submitted with a backoff; null: never
     * @param int|null $attempts but not more often than this in all, unless it was submitted with a number of attempts
     * @return bool whether it will be tried again
     * @throws CancelledException if somebody has cancelled it
     * @throws NotFoundException if it is not reserved any more
     * @throws Exception
     */
    public function fail($reason, $delay = 10, $attempts = null): bool
    {
        $reason = Check::text('fail', 'reason', $reason);
        $this->mustBeReserved('fail');
        $delay = $delay === null ? 'never' : Check::count('fail', 'delay', $delay);
        if ($delay !== 'never' && $attempts !== null) {
            $delay .= ':' . max(1, Check::count('fail', 'attempts', $attempts));
        }
        $reason = Text::tail($reason, Session::LONGEST_REASON);
        $reply = $this->tell("fail $this->id $delay " . strlen($reason), ['RELEASED', 'BURIED'], $reason);
        $this->reservedOn = null;
        return $reply->word === 'RELEASED';
    }

    private function tell(string $line, array $expected, ?string $data = null): Reply
    {
        $expected[] = 'CANCELLED';
        $reply = $this->session->askTalkback($line, "job $this->id", $expected, Session::NOT_RESERVED, $data);
        if ($reply->word === 'CANCELLED') {
            $this->reservedOn = null;
            $operation = explode(' ', $line)[0];
            $reason = 'somebody has cancelled it';
            throw $this->session->error(CancelledException::class, $operation, "job $this->id", $reason);
        }
        return $reply;
    }

    /**
     * Which attempt this is, 1 for the first. Asks the server once.
     *
     * @throws Exception
     */
    public function attempt(): int
    {
        return $this->fact('reserves');
    }

    /**
     * What the server says of it now; see Client::statsJob().
     *
     * @throws NotFoundException
     * @throws Exception
     */
    public function stats(): array
    {
        return $this->session->jobFacts($this->id);
    }

    /** @internal Whether it is still to be deleted, released or buried by the one that reserved it. */
    public function isOpen(): bool
    {
        return $this->reservedOn !== null;
    }

    /** @internal What does not change while it is reserved. */
    public function fact(string $key): int
    {
        if ($this->facts === null) {
            $this->facts = $this->stats();
        }
        if (!isset($this->facts[$key]) || !is_int($this->facts[$key])) {
            $reason = "the answer has no number $key";
            throw $this->session->error(ProtocolException::class, 'stats-job', "job $this->id", $reason);
        }
        return $this->facts[$key];
    }

    private function mustBeReserved(string $operation): void
    {
        if ($this->reservedOn === null || !$this->session->isOn($this->reservedOn)) {
            $isGone = $this->reservedOn !== null;
            $reason = $isGone ? 'the connection on which it was reserved is gone' : 'it is not reserved here';
            throw $this->session->error(NotFoundException::class, $operation, "job $this->id", $reason);
        }
    }

    private function settle(string $command, $priority, string $rest, string $done): void
    {
        $this->mustBeReserved($command);
        $priority = $priority === null ? $this->fact('pri') : Check::number($command, 'priority', $priority);
        $line = "$command $this->id $priority$rest";
        $reply = $this->session->ask($line, "job $this->id", [$done, 'BURIED'], Session::NOT_RESERVED);
        $this->reservedOn = null;
        if ($reply->word !== $done) {
            $reason = Session::BURIED_INSTEAD . ', or its attempts are used up';
            throw $this->session->error(OutOfMemoryException::class, $command, "job $this->id", $reason);
        }
    }
}

/** @internal The loop of Client::work(). */
final class Worker
{
    private $session;
    private $tubes;
    private $handler;
    private $options;
    private $stopping = false;
    private $hearsSignals = false;
    private $formerMode = false;
    private $job;
    private $touchIsDue = false;

    public function __construct(Session $session, array $tubes, callable $handler, array $options)
    {
        $this->session = $session;
        $this->tubes = $tubes;
        $this->handler = $handler;
        $this->options = $options;
    }

    public static function options($given): array
    {
        $options = Check::options('work', $given, [
            'attempts' => 5, 'backoff' => 10, 'backoffLimit' => 3600, 'maxJobs' => null, 'maxSeconds' => null,
            'maxMemory' => null, 'reconnectFor' => 60, 'signals' => true, 'autoTouch' => false, 'onFailure' => null,
        ]);
        foreach (['attempts' => 1, 'backoff' => 0, 'backoffLimit' => 0, 'reconnectFor' => 0] as $name => $least) {
            Check::number('work', $name, $options[$name], $least);
        }
        foreach (['maxJobs', 'maxSeconds', 'maxMemory'] as $name) {
            if ($options[$name] !== null) {
                Check::number('work', $name, $options[$name], 1, PHP_INT_MAX);
            }
        }
        foreach (['signals', 'autoTouch'] as $name) {
            Check::flag('work', $name, $options[$name]);
        }
        if ($options['onFailure'] !== null && !is_callable($options['onFailure'])) {
            throw Check::refusal('work', 'onFailure', 'it cannot be called');
        }
        if ($options['autoTouch'] && !self::hasSignals()) {
            throw Check::refusal('work', 'autoTouch', 'this PHP has no pcntl');
        }
        return $options;
    }

    private static function hasSignals(): bool
    {
        // Each by name: disable_functions may have taken one away.
        return function_exists('pcntl_signal') && function_exists('pcntl_async_signals')
            && function_exists('pcntl_signal_get_handler') && function_exists('pcntl_signal_dispatch')
            && function_exists('pcntl_alarm');
    }

    public function run(): int
    {
        $signals = [];
        if ($this->options['signals'] && self::hasSignals()) {
            $stop = function () {
                $this->stopping = true;
            };
            $signals = [SIGTERM => $stop, SIGINT => $stop];
        }
        if ($this->options['autoTouch']) {
            $signals[SIGALRM] = function () {
                $this->alarm();
            };
        }
        if ($signals === []) {
            return $this->loop();
        }
        // PHP forgets a signal that comes asynchronously while an exception is on its way; so it is asked for.
        $this->formerMode = pcntl_async_signals(false);
        $this->hearsSignals = true;
        $former = [];
        try {
            foreach ($signals as $signal => $handler) {
                $former[$signal] = pcntl_signal_get_handler($signal);
                pcntl_signal($signal, $handler);
            }
            return $this->loop();
        } finally {
            foreach ($former as $signal => $handler) {
                pcntl_signal($signal, $handler);
            }
            pcntl_async_signals($this->formerMode);
        }
    }

    private function isStopping(): bool
    {
        if ($this->hearsSignals) {
            pcntl_signal_dispatch();
        }
        return $this->stopping;
    }

    private function loop(): int
    {
        $start = Connection::now();
        $count = 0;
        $outage = null;
        $pause = 0.1;
        while (!$this->isStopping() && !$this->isUsedUp($count, $start)) {
            try {
                $reply = $this->session->reserve($this->tubes, $this->patience($start), function () {
                    return $this->isStopping();
                });
                $outage = null;
                $pause = 0.1;
            } catch (Interrupted $interrupted) {
                break;
            } catch (DeadlineSoonException $soon) {
                // A job that could not be settled; it goes by itself.
                $this->wait(0.5);
                continue;
            } catch (ConnectionException $error) {
                if ($this->isStopping()) {
                    break;
                }
                $now = Connection::now();
                $outage = $outage === null ? $now : $outage;
                if ($now + $pause - $outage > $this->options['reconnectFor']) {
                    throw $error;
                }
                $this->wait($pause);
                $pause = min(5.0, 2 * $pause);
                continue;
            }
            if ($reply !== null) {
                $count++;
                $this->handle(new Job($this->session, $reply->numbers[0], $reply->data, true));
            }
        }
        return $count;
    }

    private function isUsedUp(int $count, float $start): bool
    {
        $limits = $this->options;
        return ($limits['maxJobs'] !== null && $count >= $limits['maxJobs'])
            || ($limits['maxSeconds'] !== null && Connection::now() - $start >= $limits['maxSeconds'])
            || ($limits['maxMemory'] !== null && memory_get_usage(true) >= $limits['maxMemory']);
    }

    private function patience(float $start): int
    {
        if ($this->options['maxSeconds'] === null) {
            return 60;
        }
        return (int) max(1, min(60, ceil($start + $this->options['maxSeconds'] - Connection::now())));
    }

    private function wait(float $seconds): void
    {
        $end = Connection::now() + $seconds;
        // A signal ends usleep early, or comes just before it: a short sleep is not long in the way.
        while (!$this->isStopping() && ($left = $end - Connection::now()) > 0) {
            usleep((int) ceil(1e6 * min(0.2, $left)));
        }
    }

    private function handle(Job $job): void
    {
        try {
            $buried = $this->buryUntried($job);
            if ($buried === null) {
                $this->call($job);
            }
        } catch (\Throwable $error) {
            $this->report($job, $error, $this->giveBack($job, $error));
            return;
        }
        if ($buried !== null) {
            $this->report($job, $buried, 'buried');
        }
    }

    private function call(Job $job): void
    {
        $this->startTouching($job);
        try {
            $this->hearAtOnce($this->formerMode || $this->options['autoTouch']);
            ($this->handler)($job);
        } finally {
            $this->hearAtOnce(false);
            $this->stopTouching();
        }
        if ($job->isOpen()) {
            $job->delete();
        }
    }

    /** Buries a job that was reserved more often than it may be tried: whoever works on it dies of it, or releases it. */
    private function buryUntried(Job $job): ?Exception
    {
        // Asked for in any case, so that what the handler asks for costs no more.
        $reserves = $job->attempt();
        if ($reserves <= $this->options['attempts']) {
            return null;
        }
        $state = $this->state($job);
        if ($state !== null) {
            // A server that counts them knows when it is enough; of what was kicked, what came before counts no more.
            $isUsedUp = $state->attempts === 0 && $state->attempt > $this->options['attempts'];
        } else {
            // beanstalkd does not say when it was kicked, so each time that this brought it back from where it was buried is good
            // for two: one to try it, and one that was for nothing if it was buried untried.
            $revivals = min($job->fact('kicks'), $job->fact('buries'));
            $isUsedUp = $reserves - 2 * $revivals > $this->options['attempts'];
        }
        if (!$isUsedUp) {
            return null;
        }
        $wasLost = $reserves - 1 > $job->fact('releases') + $job->fact('kicks');
        $reason = $wasLost ? 'the worker was lost' : 'released with no attempts left';
        $error = $this->session->error(Exception::class, 'work', "on job $job->id", $reason);
        if ($state === null) {
            $job->bury();
        } else {
            $job->fail($reason, null);
        }
        return $error;
    }

    /** How the job is; null where the server is not Talkback. */
    private function state(Job $job): ?State
    {
        try {
            $expected = State::replies($job->id);
            $reply = $this->session->askTalkback("state $job->id", "job $job->id", $expected, Session::NO_OUTCOME);
            return new State($job->id, $reply);
        } catch (ProtocolException $other) {
            return null;
        }
    }

    private function giveBack(Job $job, \Throwable $error): string
    {
        if (!$job->isOpen()) {
            return $error instanceof CancelledException ? 'cancelled' : 'settled';
        }
        try {
            $attempt = $job->attempt();
            $isPermanent = $error instanceof PermanentFailure;
            // Not beyond 2^30, where a shift would leave an int of 32 bits.
            $delay = (int) min($this->options['backoffLimit'], $this->options['backoff'] * 2 ** min(30, $attempt - 1));
            try {
                $reason = $error->getMessage() === '' ? get_class($error) : $error->getMessage();
                $isReleased = $job->fail($reason, $isPermanent ? null : $delay, $this->options['attempts']);
                return $isReleased ? 'released' : 'buried';
            } catch (CancelledException $cancelled) {
                return 'cancelled';
            } catch (ProtocolException $other) {
                // It has no place for reasons.
            }
            if ($isPermanent || $attempt >= $this->options['attempts']) {
                $job->bury();
                return 'buried';
            }
            $job->release(['delay' => $delay]);
            return 'released';
        } catch (Exception $lost) {
            // It was to be released, and its attempts are used up; or, whatever became of it, the server gives it out again
            // when its time comes.
            return $job->isOpen() ? 'lost' : 'buried';
        }
    }

    private function report(Job $job, \Throwable $error, string $outcome): void
    {
        if ($this->options['onFailure'] !== null) {
            ($this->options['onFailure'])($job, $error, $outcome);
            return;
        }
        if ($error instanceof TemporaryFailure && $outcome === 'released') {
            return;
        }
        // On one line, as a message may have in it what somebody has handed in.
        $message = Text::shown(get_class($error) . ': ' . $error->getMessage());
        error_log("job $job->id $outcome: " . strtr($message, ["\n" => '\n']));
    }

    private function hearAtOnce(bool $isAsynchronous): void
    {
        if ($this->hearsSignals) {
            pcntl_async_signals($isAsynchronous);
        }
    }

    private function startTouching(Job $job): void
    {
        if (!$this->options['autoTouch']) {
            return;
        }
        $job->fact('ttr');
        $this->touchIsDue = false;
        $this->job = $job;
        $this->session->onIdle = function () {
            if ($this->touchIsDue) {
                $this->touch();
            }
        };
        $this->setAlarm();
    }

    private function stopTouching(): void
    {
        if ($this->options['autoTouch']) {
            pcntl_alarm(0);
            $this->job = null;
            $this->session->onIdle = null;
        }
    }

    private function setAlarm(): void
    {
        pcntl_alarm(max(1, intdiv($this->job->fact('ttr'), 3)));
    }

    private function alarm(): void
    {
        if ($this->job === null) {
            return;
        }
        // In the middle of a command's reply a touch would be answered with what is meant for that command.
        if ($this->session->isBusy()) {
            $this->touchIsDue = true;
        } else {
            $this->touch();
        }
    }

    private function touch(): void
    {
        $this->touchIsDue = false;
        if ($this->job === null || !$this->job->isOpen()) {
            return;
        }
        try {
            $this->job->touch();
            $this->setAlarm();
        } catch (Exception $lost) {
            // Thrown from here it would hit the handler anywhere. Its next heartbeat, or the delete, says it.
            $this->job = null;
        }
    }
}

/** @internal A connection with what the server knows of it: commands and their answers, one at a time. */
final class Session
{
    public const NOT_RESERVED = 'it is not reserved here; its time to run may be over';
    public const BURIED_INSTEAD = 'the server could not queue it and has buried it';
    public const NO_OUTCOME = 'there is no such job, and no outcome is kept';
    // With what begins the line, and its end.
    public const LONGEST_PROGRESS = 512;
    public const LONGEST_REASON = 4096;
    private const NO_DELETE = 'there is no such job, or another worker has reserved it';
    private const NOT_TALKBACK = ': it is not Talkback, or one that is too old';
    // Those that go before the command that was asked for, and concern this connection only; and those that only ask.
    private const HARMLESS = ['use', 'watch', 'ignore', 'state', 'wait', 'follow', 'describe-job', 'stats', 'stats-job', 'stats-tube',
        'list-tubes', 'peek', 'peek-ready', 'peek-delayed', 'peek-buried'];
    private const LARGEST_DATA = 1 << 30;

    /** @var callable|null called when a command is over */
    public $onIdle;
    private $connection;
    private $place;
    private $replyTimeout;
    private $busy = false;
    private $number = 0;
    private $used = 'default';
    private $watched = ['default'];
    private $isTalkback = false;
    private $hasAnswered = false;

    public function __construct(string $address, float $connectTimeout, float $replyTimeout)
    {
        $this->connection = new Connection(Check::remote($address), $connectTimeout);
        $this->place = $address;
        $this->replyTimeout = $replyTimeout;
    }

    public function isBusy(): bool
    {
        return $this->busy;
    }

    /** Which of this session's connections it is. */
    public function number(): int
    {
        return $this->number;
    }

    /** Whether there was a connection after the one of this number was the last, or this one was still there. */
    public function wasConnectedSince(int $number): bool
    {
        return $this->number > $number || $this->hasAnswered;
    }

    public function isOn(int $number): bool
    {
        return $number === $this->number && $this->connection->state() === Connection::QUIET;
    }

    public function close(): void
    {
        $this->connection->close();
    }

    public function error(string $class, string $operation, string $subject, string $reason): Exception
    {
        return new $class($operation, "$subject at $this->place", $reason);
    }

    /** @param string[] $expected lines that answer it, with # for any number, @ for any word and * for tags */
    public function ask(
        string $line,
        string $subject,
        array $expected,
        string $notFound = 'NOT_FOUND',
        ?string $tube = null,
        ?string $body = null
    ): Reply {
        return $this->alone($line, $subject, function () use ($line, $subject, $expected, $notFound, $tube, $body) {
            $this->choose($tube);
            return $this->exchange($line, $subject, $expected, $notFound, $body);
        });
    }

    private function choose(?string $tube): void
    {
        if ($tube !== null && $tube !== $this->used) {
            $this->exchange("use $tube", "tube $tube", ["USING $tube"]);
            $this->used = $tube;
        }
    }

    /**
     * ask() for a command, or for tags, that only Talkback has. The connection goes on when the server has not.
     *
     * @param int $wait seconds that the server may take beside the time for its reply
     */
    public function askTalkback(
        string $line,
        string $subject,
        array $expected,
        string $notFound,
        ?string $body = null,
        int $wait = 0,
        ?string $tube = null
    ): Reply {
        return $this->alone(
            $line,
            $subject,
            function () use ($line, $subject, $expected, $notFound, $body, $wait, $tube) {
                $operation = explode(' ', $line)[0];
                // beanstalkd would take what follows the line for commands, or the line for too long.
                if (($body !== null || $operation === 'progress') && !$this->isTalkback) {
                    $reply = $this->exchange('state 0', 'job 0', ['NOT_FOUND', 'UNKNOWN_COMMAND']);
                    $this->mustBeKnown($reply, $operation, $subject);
                }
                $this->choose($tube);
                $expected[] = 'UNKNOWN_COMMAND';
                $reply = $this->exchange($line, $subject, $expected, $notFound, $body, $wait);
                $this->mustBeKnown($reply, $operation, $subject);
                return $reply;
            }
        );
    }

    private function mustBeKnown(Reply $reply, string $operation, string $subject): void
    {
        if ($reply->word === 'UNKNOWN_COMMAND') {
            $what = $operation === 'put' ? 'the server takes no tags' : 'the server has no such command';
            throw $this->error(ProtocolException::class, $operation, $subject, $what . self::NOT_TALKBACK);
        }
        $this->isTalkback = true;
    }

    public function follow(int $id, int $seconds): \Generator
    {
        $subject = "job $id";
        $expected = array_merge(State::replies($id), ['TIMED_OUT', 'NOT_FOUND', 'UNKNOWN_COMMAND']);
        $this->begin('follow', $subject);
        $isOver = false;
        try {
            $this->open('follow', $subject);
            $end = Connection::now() + $seconds;
            $reply = $this->exchange("follow $id $seconds", $subject, $expected);
            while ($reply->word === 'STATE' && !($state = new State($id, $reply))->isOver()) {
                yield $state;
                $wait = (int) max(0, ceil($end - Connection::now()));
                $reply = $this->converse('follow', $subject, $expected, 'NOT_FOUND', null, $wait);
            }
            $isOver = true;
            $this->mustBeKnown($reply, 'follow', $subject);
        } finally {
            // Nobody fetches the rest, and it still comes.
            if (!$isOver) {
                $this->connection->close();
            }
            $this->end();
        }
        // The client can be used again by whoever gets it.
        if ($reply->word === 'STATE') {
            yield $state;
        }
    }

    /** @param callable|null $interrupted asked while waiting; true ends it with Interrupted */
    public function reserve(array $tubes, int $timeout, ?callable $interrupted = null): ?Reply
    {
        $line = "reserve-with-timeout $timeout";
        $subject = 'from ' . (count($tubes) === 1 ? 'tube ' : 'tubes ') . implode(', ', $tubes);
        return $this->alone($line, $subject, function () use ($tubes, $timeout, $line, $subject, $interrupted) {
            // Watched before ignored, for the last one cannot be ignored.
            foreach (array_diff($tubes, $this->watched) as $tube) {
                $this->exchange("watch $tube", "tube $tube", ['WATCHING #']);
                $this->watched[] = $tube;
            }
            foreach (array_diff($this->watched, $tubes) as $tube) {
                $this->exchange("ignore $tube", "tube $tube", ['WATCHING #']);
                $this->watched = array_values(array_diff($this->watched, [$tube]));
            }
            $answers = ['RESERVED # #', 'TIMED_OUT'];
            $reply = $this->exchange($line, $subject, $answers, 'NOT_FOUND', null, $timeout, $interrupted);
            return $reply->word === 'RESERVED' ? $reply : null;
        });
    }

    public function delete($id): void
    {
        $this->ask("delete $id", "job $id", ['DELETED'], self::NO_DELETE);
    }

    public function jobFacts(int $id): array
    {
        return $this->facts("stats-job $id", "job $id", 'there is no such job', ['tube', 'state']);
    }

    /** @param string[] $texts the keys whose values are no numbers, whatever they look like */
    public function facts(string $line, string $subject, string $notFound, array $texts): array
    {
        $reply = $this->ask($line, $subject, ['OK #'], $notFound);
        $facts = [];
        foreach ($this->lines($line, $reply->data) as $fact) {
            $pair = explode(': ', $fact, 2);
            if (count($pair) !== 2) {
                $reason = 'the answer has the line ' . Check::printable($fact);
                throw $this->error(ProtocolException::class, explode(' ', $line)[0], $subject, $reason);
            }
            list($key, $value) = $pair;
            if (preg_match('/^".*"$/D', $value) === 1) {
                $value = substr($value, 1, -1);
            } elseif (in_array($key, $texts, true)) {
                // It may still look like a number, as the name of a tube can.
            } elseif ($value === 'true' || $value === 'false') {
                $value = $value === 'true';
            } elseif (preg_match('/^-?\d+\.\d+$/D', $value) === 1) {
                $value = (float) $value;
            } elseif ($value === (string) (int) $value) {
                $value = (int) $value;
            }
            $facts[$key] = $value;
        }
        return $facts;
    }

    public function lines(string $operation, string $data): array
    {
        if (strncmp($data, "---\n", 4) !== 0) {
            $reason = 'the answer is ' . Check::printable($data);
            throw $this->error(ProtocolException::class, explode(' ', $operation)[0], 'of the server', $reason);
        }
        return $data === "---\n" ? [] : explode("\n", rtrim(substr($data, 4), "\n"));
    }

    /** One command at a time, on an open connection that is silent. */
    private function alone(string $line, string $subject, callable $exchanges)
    {
        $operation = explode(' ', $line)[0];
        $this->begin($operation, $subject);
        try {
            $this->open($operation, $subject);
            return $exchanges();
        } finally {
            $this->end();
        }
    }

    private function begin(string $operation, string $subject): void
    {
        if ($this->busy) {
            $reason = 'the client is in the middle of another command';
            throw $this->error(Exception::class, $operation, $subject, $reason);
        }
        $this->busy = true;
    }

    private function end(): void
    {
        $this->busy = false;
        if ($this->onIdle !== null) {
            ($this->onIdle)();
        }
    }

    private function open(string $operation, string $subject): void
    {
        $state = $this->connection->state();
        if ($state === Connection::QUIET) {
            return;
        }
        $this->connection->close();
        if ($state === Connection::SPEAKING) {
            $reason = 'the server sent what nothing had asked for';
            throw $this->error(ProtocolException::class, $operation, $subject, $reason);
        }
        try {
            $this->connection->open();
        } catch (Fault $fault) {
            $class = $fault->isTimeout ? TimeoutException::class : ConnectionException::class;
            throw new $class($operation, "$subject at $this->place", 'cannot connect: ' . $fault->getMessage());
        }
        $this->number++;
        $this->used = 'default';
        $this->watched = ['default'];
        $this->isTalkback = false;
    }

    private function exchange(
        string $line,
        string $subject,
        array $expected,
        string $notFound = 'NOT_FOUND',
        ?string $body = null,
        int $wait = 0,
        ?callable $interrupted = null
    ): Reply {
        $operation = explode(' ', $line)[0];
        $bytes = $body === null ? "$line\r\n" : "$line\r\n$body\r\n";
        try {
            return $this->converse($operation, $subject, $expected, $notFound, $bytes, $wait, $interrupted);
        } catch (JobTooBigException $error) {
            throw $this->error(JobTooBigException::class, $operation, $subject, $this->sizes($operation, (string) $body));
        }
    }

    /** Why a body was too big, in figures: the refusal has none. */
    private function sizes(string $operation, string $body): string
    {
        $size = strlen($body);
        if ($operation !== 'put') {
            return "the result has $size bytes, and may have at most 1048576";
        }
        try {
            $reply = $this->exchange('stats', 'of the server', ['OK #']);
        } catch (Exception $error) {
            $reply = new Reply();
        }
        $limit = preg_match('/^max-job-size: (\d+)$/m', $reply->data, $match) === 1 ? "at most $match[1]" : 'fewer';
        return "the body has $size bytes, and the server takes $limit;"
            . ' its option --max-job-size (beanstalkd: -z) sets the limit';
    }

    /** @param string|null $bytes null: they were sent before, and this is their next reply */
    private function converse(
        string $operation,
        string $subject,
        array $expected,
        string $notFound,
        ?string $bytes,
        int $wait,
        ?callable $interrupted = null
    ): Reply {
        $deadline = Connection::now() + $this->replyTimeout;
        $isSent = false;
        $isOver = false;
        try {
            if ($bytes !== null) {
                $this->connection->send($bytes, $deadline);
            }
            $isSent = true;
            $reply = $this->reply($expected, $deadline + $wait, $interrupted);
            $isOver = $reply->isWhole;
            $this->hasAnswered = true;
        } catch (Fault $fault) {
            $class = $fault->isTimeout ? TimeoutException::class : ConnectionException::class;
            $class = $fault->isGarbage ? ProtocolException::class : $class;
            $seconds = $this->replyTimeout + ($isSent ? $wait : 0);
            $limit = $fault->isTimeout ? " within $seconds s" : '';
            // What has never been a server of this protocol has put nothing.
            $isForeign = $fault->isForeign && !$this->hasAnswered;
            $reason = $fault->getMessage() . $limit . ($isForeign ? '' : self::outcome($operation, $isSent));
            if ($isSent && !$this->hasAnswered && !$this->connection->hasHeard()) {
                $reason .= '; it has never answered, and perhaps does not speak beanstalkd\'s protocol';
            }
            $isUnknown = $isSent && !$isForeign && !in_array($operation, self::HARMLESS, true);
            throw new $class($operation, "$subject at $this->place", $reason, $isUnknown);
        } finally {
            // Whatever else ended it, a signal handler's exception included: its answer may still come.
            if (!$isOver) {
                $this->connection->close();
            }
        }
        if (!$reply->isExpected) {
            throw $this->refusal($reply->word, $operation, $subject, $notFound);
        }
        return $reply;
    }

    private static function outcome(string $operation, bool $isSent): string
    {
        if (in_array($operation, self::HARMLESS, true)) {
            return '';
        }
        if ($operation === 'put') {
            return $isSent ? '; the job may have been put' : '; the job was not put';
        }
        return $isSent ? '; it may have been done' : '; it was not done';
    }

    private function reply(array $expected, float $deadline, ?callable $interrupted): Reply
    {
        $line = $this->connection->line($deadline, $interrupted);
        $reply = new Reply();
        $reply->line = $line;
        $reply->word = explode(' ', $line)[0];
        foreach ($expected as $pattern) {
            // PHP before 7.3 leaves # as it is.
            $regex = str_replace(['\#', '#'], '(\d+)', preg_quote($pattern, '/'));
            $regex = '/^' . str_replace(['@', '\*'], ['\S+', '(?: [a-z]+:\S+)*'], $regex) . '$/D';
            if (preg_match($regex, $line, $match) === 1) {
                $reply->isExpected = true;
                $reply->numbers = array_map([self::class, 'toInt'], array_slice($match, 1));
                break;
            }
        }
        if ($reply->isExpected && in_array($reply->word, ['RESERVED', 'FOUND', 'OK', 'STATE', 'DESCRIBED'], true)) {
            $reply->data = $this->data(end($reply->numbers), $deadline);
        }
        // After these nobody knows what the server takes for the next command.
        $unsure = ['BAD_FORMAT', 'UNKNOWN_COMMAND', 'EXPECTED_CRLF', 'INTERNAL_ERROR'];
        $known = ['OUT_OF_MEMORY', 'DRAINING', 'JOB_TOO_BIG', 'TOO_BIG', 'NOT_FOUND', 'DEADLINE_SOON'];
        $reply->isWhole = $reply->isExpected || in_array($line, $known, true);
        if (!$reply->isWhole && !in_array($line, $unsure, true)) {
            $known = 'DELETED RELEASED BURIED TOUCHED KICKED PAUSED INSERTED RESERVED FOUND OK USING WATCHING TIMED_OUT'
                . ' NOT_IGNORED STATE FINISHED CANCELLED TOO_LATE';
            throw in_array($reply->word, explode(' ', $known), true)
                ? new Fault('the server answered ' . Check::printable($line), false, true)
                : Fault::ofAnotherProtocol($line);
        }
        return $reply;
    }

    private static function toInt(string $digits): int
    {
        if ((string) (int) $digits !== $digits) {
            throw new Fault("the server answered with the number $digits", false, true);
        }
        return (int) $digits;
    }

    private function data(int $count, float $deadline): string
    {
        if ($count > self::LARGEST_DATA) {
            throw new Fault("the server announced $count bytes", false, true);
        }
        $data = $this->connection->bytes($count, $deadline);
        if ($this->connection->bytes(2, $deadline) !== "\r\n") {
            throw new Fault("what the server sent does not end after $count bytes", false, true);
        }
        return $data;
    }

    private function refusal(string $word, string $operation, string $subject, string $notFound): Exception
    {
        $refusals = [
            'NOT_FOUND' => [NotFoundException::class, $notFound],
            'JOB_TOO_BIG' => [JobTooBigException::class, 'the server takes no job of this size'],
            'TOO_BIG' => [JobTooBigException::class, 'the server takes no result of this size'],
            'DRAINING' => [DrainingException::class, 'the server takes no more jobs until it is started again'],
            'OUT_OF_MEMORY' => [OutOfMemoryException::class, 'the server has no memory or no disk space for it'],
            'DEADLINE_SOON' => [DeadlineSoonException::class, 'the time to run of a job reserved here is almost over'],
        ];
        if (isset($refusals[$word])) {
            return $this->error($refusals[$word][0], $operation, $subject, $refusals[$word][1]);
        }
        $isUnknown = $word === 'INTERNAL_ERROR';
        return new ProtocolException($operation, "$subject at $this->place", "the server answered $word", $isUnknown);
    }
}

/** @internal */
final class Reply
{
    public $line = '';
    public $word = '';
    public $numbers = [];
    public $data = '';
    public $isExpected = false;
    public $isWhole = false;
}

/** @internal What goes wrong on a connection, before it is known for which command. */
final class Fault extends \Exception
{
    public $isTimeout;
    public $isGarbage;
    public $isForeign = false;

    public function __construct(string $reason, bool $isTimeout = false, bool $isGarbage = false)
    {
        parent::__construct($reason);
        $this->isTimeout = $isTimeout;
        $this->isGarbage = $isGarbage;
    }

    public static function ofAnotherProtocol(string $line): self
    {
        $reason = 'it does not speak beanstalkd\'s protocol; it answered ' . Check::printable($line);
        $fault = new self($reason, false, true);
        $fault->isForeign = true;
        return $fault;
    }
}

/** @internal How long a server has been away that was there before. */
final class Outage
{
    private const LONGEST = 10;

    private $start;
    private $first;
    private $pause = 0.1;

    /**
     * Waits a little, for another attempt.
     *
     * @param float $end until when there is time for one
     * @throws ConnectionException when there is none, or it was not there before
     */
    public function pause(ConnectionException $error, float $end, bool $wasThere): void
    {
        $now = Connection::now();
        if ($this->start === null) {
            if (!$wasThere) {
                throw $error;
            }
            $this->start = $now;
            $this->first = $error;
        }
        if ($now + $this->pause > min($end, $this->start + self::LONGEST)) {
            if ($error === $this->first) {
                throw $error;
            }
            $reason = sprintf('%s; after %d s: %s', $this->first->reason(), $now - $this->start, $error->reason());
            // The subject has the address.
            throw new ConnectionException($error->operation(), $error->subject(), $reason, false, $error);
        }
        usleep((int) (1e6 * $this->pause));
        $this->pause = min(1.0, 2 * $this->pause);
    }
}

/** @internal */
final class Interrupted extends \Exception
{
}

/** @internal Bytes, each way, with deadlines in seconds of now(). */
final class Connection
{
    public const CLOSED = 0;
    public const QUIET = 1;
    public const SPEAKING = 2;
    private const PIECE = 65536;
    // The longest line of the protocol has 224 bytes.
    private const LONGEST_LINE = 1024;

    private $remote;
    private $connectTimeout;
    private $stream;
    private $buffer = '';
    private $hasHeard = false;
    private $process;

    public function __construct(string $remote, float $connectTimeout)
    {
        $this->remote = $remote;
        $this->connectTimeout = $connectTimeout;
    }

    public function __destruct()
    {
        $this->close();
    }

    /** Seconds that no change of the clock moves, where PHP is 7.3 or later. */
    public static function now(): float
    {
        return function_exists('hrtime') ? hrtime(true) / 1e9 : microtime(true);
    }

    public function open(): void
    {
        $start = self::now();
        $context = stream_context_create(['socket' => ['tcp_nodelay' => true]]);
        $code = 0;
        $reason = '';
        $stream = self::quietly(function () use (&$code, &$reason, $context) {
            $flags = STREAM_CLIENT_CONNECT;
            return stream_socket_client($this->remote, $code, $reason, $this->connectTimeout, $flags, $context);
        }, $warning);
        if ($stream === false) {
            $isTimeout = self::now() - $start >= $this->connectTimeout;
            throw new Fault($reason !== '' ? $reason : $warning, $isTimeout);
        }
        stream_set_blocking($stream, false);
        // Or select would not see what PHP has read ahead.
        stream_set_read_buffer($stream, 0);
        stream_set_write_buffer($stream, 0);
        $this->stream = $stream;
        $this->process = getmypid();
    }

    /** Whether anything has ever come. */
    public function hasHeard(): bool
    {
        return $this->hasHeard;
    }

    public function close(): void
    {
        if ($this->stream !== null) {
            fclose($this->stream);
            $this->stream = null;
        }
        $this->buffer = '';
    }

    /** Whether it is open, with nothing to be read. */
    public function state(): int
    {
        // After a fork the connection is the parent's.
        if ($this->stream !== null && $this->process !== getmypid()) {
            $this->close();
        }
        if ($this->stream === null) {
            return self::CLOSED;
        }
        if ($this->buffer === '' && !$this->isReady(true, 0.0)) {
            return self::QUIET;
        }
        try {
            $this->buffer .= $this->read(self::LONGEST_LINE);
        } catch (Fault $closed) {
            $this->close();
            return self::CLOSED;
        }
        return $this->buffer === '' ? self::QUIET : self::SPEAKING;
    }

    public function send(string $bytes, float $deadline): void
    {
        $length = strlen($bytes);
        for ($sent = 0; $sent < $length; $sent += $count) {
            $this->waitUntil(false, $deadline);
            $count = self::quietly(function () use ($bytes, $sent) {
                return fwrite($this->stream, substr($bytes, $sent, self::PIECE));
            }, $warning);
            // Before PHP 7.4 a failure is 0 as well, as is a buffer that is full after all.
            if ($count === false || ($count === 0 && $warning !== '')) {
                $isNamed = preg_match('/errno=\d+ (.+)/', $warning, $match) === 1;
                throw new Fault($isNamed ? $match[1] : 'the connection was closed');
            }
        }
    }

    public function line(float $deadline, ?callable $interrupted): string
    {
        while (($end = strpos($this->buffer, "\r\n")) === false) {
            // A line of another protocol may never end as a line does here.
            if (preg_match('/^[^A-Z\r]|[^\r]\n|[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\xff]/', $this->buffer) === 1) {
                throw Fault::ofAnotherProtocol(substr($this->buffer, 0, strcspn($this->buffer, "\r\n")));
            }
            if (strlen($this->buffer) > self::LONGEST_LINE) {
                $start = Check::printable($this->buffer);
                throw new Fault("the server sent a line without an end: $start", false, true);
            }
            $this->waitUntil(true, $deadline, $interrupted);
            $this->buffer .= $this->read(self::PIECE);
        }
        $line = substr($this->buffer, 0, $end);
        $this->buffer = (string) substr($this->buffer, $end + 2);
        return $line;
    }

    public function bytes(int $count, float $deadline): string
    {
        $bytes = (string) substr($this->buffer, 0, $count);
        $this->buffer = (string) substr($this->buffer, $count);
        while (strlen($bytes) < $count) {
            $this->waitUntil(true, $deadline);
            $bytes .= $this->read(min(self::PIECE, $count - strlen($bytes)));
        }
        return $bytes;
    }

    private function read(int $count): string
    {
        $bytes = self::quietly(function () use ($count) {
            return fread($this->stream, $count);
        }, $warning);
        // Not feof, which may wait.
        if (($bytes === false || $bytes === '') && stream_get_meta_data($this->stream)['eof']) {
            throw new Fault('the server closed the connection');
        }
        $this->hasHeard = $this->hasHeard || (string) $bytes !== '';
        return (string) $bytes;
    }

    private function waitUntil(bool $toRead, float $deadline, ?callable $interrupted = null): void
    {
        do {
            if ($interrupted !== null && $interrupted()) {
                throw new Interrupted();
            }
            $left = $deadline - self::now();
            // In parts of a second: a signal just before select does not end it.
            if ($this->isReady($toRead, max(0.0, $interrupted === null ? $left : min(1.0, $left)))) {
                return;
            }
        } while (self::now() < $deadline);
        throw new Fault($toRead ? 'no whole reply' : 'the server has not taken all of it', true);
    }

    private function isReady(bool $toRead, float $seconds): bool
    {
        $whole = (int) $seconds;
        $read = $toRead ? [$this->stream] : null;
        $write = $toRead ? null : [$this->stream];
        $count = self::quietly(function () use (&$read, &$write, $whole, $seconds) {
            $except = null;
            return stream_select($read, $write, $except, $whole, (int) (1e6 * ($seconds - $whole)));
        }, $warning);
        if ($count === false) {
            // EINTR, on every system that has signals.
            if (strpos($warning, '[4]') !== false) {
                return false;
            }
            throw new Fault($warning !== '' ? $warning : 'cannot wait for it');
        }
        return $count > 0;
    }

    /** Calls without warnings, also where the program makes exceptions of them. */
    private static function quietly(callable $call, ?string &$warning)
    {
        $warning = '';
        set_error_handler(function (int $level, string $message) use (&$warning) {
            $warning = $message;
            return true;
        });
        try {
            return $call();
        } finally {
            restore_error_handler();
        }
    }
}

/** @internal Parts of texts, which begin and end with whole characters if they are UTF-8. */
final class Text
{
    public static function head(string $text, int $most): string
    {
        if (strlen($text) <= $most) {
            return $text;
        }
        // A character has at most three bytes after its first.
        for ($end = $most; $end > max(0, $most - 3) && self::isInside($text[$end]); $end--) {
        }
        return (string) substr($text, 0, self::isInside($text[$end]) ? $most : $end);
    }

    public static function tail(string $text, int $most): string
    {
        if (strlen($text) <= $most) {
            return $text;
        }
        $first = strlen($text) - $most;
        for ($start = $first; $start < $first + 3 && self::isInside($text[$start]); $start++) {
        }
        return substr($text, self::isInside($text[$start]) ? $first : $start);
    }

    /** As a page or a terminal can show it, which takes it for UTF-8. */
    public static function shown(string $text): string
    {
        $flags = ENT_NOQUOTES | ENT_SUBSTITUTE;
        $valid = htmlspecialchars_decode(htmlspecialchars($text, $flags, 'UTF-8'), $flags);
        return preg_replace('/[\x00-\x08\x0B-\x1F\x7F]|\xC2[\x80-\x9F]/', '', $valid);
    }

    private static function isInside(string $byte): bool
    {
        return (ord($byte) & 0xC0) === 0x80;
    }
}

/** @internal Arguments. */
final class Check
{
    public static function refusal(string $operation, string $subject, string $reason): InvalidArgumentException
    {
        return new InvalidArgumentException($operation, "option $subject", $reason);
    }

    public static function options(string $operation, $given, array $defaults): array
    {
        if (!is_array($given)) {
            $reason = "they are an array, such as ['" . key($defaults) . "' => …], not " . self::show($given);
            throw new InvalidArgumentException($operation, 'options', $reason);
        }
        foreach (array_diff_key($given, $defaults) as $name => $value) {
            $names = implode(', ', array_keys($defaults));
            throw self::refusal($operation, (string) $name, "there is no such option; there are $names");
        }
        return $given + $defaults;
    }

    public static function number(string $operation, string $name, $value, int $least = 0, $most = 4294967295): int
    {
        if (!is_int($value) || $value < $least || $value > $most) {
            throw self::refusal($operation, $name, self::show($value) . " is not a whole number from $least to $most");
        }
        return $value;
    }

    /** A number that may come as text, from a form for instance. */
    public static function count(string $operation, string $name, $value, int $least = 0, $most = 4294967295): int
    {
        $isText = is_string($value) && $value === (string) (int) $value;
        return self::number($operation, $name, $isText ? (int) $value : $value, $least, $most);
    }

    /** Bytes; what PHP would make text of is text. */
    public static function text(string $operation, string $subject, $value): string
    {
        if (is_string($value) || is_int($value) || is_float($value)
            || (is_object($value) && method_exists($value, '__toString'))) {
            return (string) $value;
        }
        $kind = is_object($value) ? 'an object of the class ' . get_class($value) : 'of the type ' . gettype($value);
        $advice = $subject === 'body' ? '; json_encode() makes one of it' : '';
        throw new InvalidArgumentException($operation, $subject, "it is $kind, not a string$advice");
    }

    public static function flag(string $operation, string $name, $value): bool
    {
        if (!is_bool($value)) {
            throw self::refusal($operation, $name, 'it is not true or false');
        }
        return $value;
    }

    public static function seconds(string $operation, string $name, $value): void
    {
        if (!(is_int($value) || is_float($value)) || !($value > 0 && $value <= 1e6)) {
            $reason = self::show($value) . ' is not a number of seconds above 0, up to 1000000';
            throw self::refusal($operation, $name, $reason);
        }
    }

    public static function id(string $operation, $id): int
    {
        $number = is_string($id) && $id === (string) (int) $id ? (int) $id : $id;
        if (!is_int($number) || $number < 0) {
            throw new InvalidArgumentException($operation, 'job ' . self::show($id), 'an id is a whole number, 0 or more');
        }
        return $number;
    }

    public static function tube(string $operation, $name): string
    {
        return self::name($operation, 'tube', $name);
    }

    public static function key(string $operation, $name): string
    {
        return self::name($operation, 'key', $name);
    }

    private static function name(string $operation, string $of, $name): string
    {
        if (!is_string($name) || preg_match('/^[A-Za-z0-9+\/;.$_()][A-Za-z0-9+\/;.$_()-]{0,199}$/D', $name) !== 1) {
            $what = $of === 'key' ? 'a key' : "a tube's name";
            $reason = "$what has 1 to 200 letters, digits and -+/;.\$_(), and does not begin with -"
                . ($of === 'key' ? "; hash('sha256', …) makes one of any string" : '');
            throw new InvalidArgumentException($operation, "$of " . self::show($name), $reason);
        }
        return $name;
    }

    public static function tubes(string $operation, $names): array
    {
        $names = is_array($names) ? $names : [$names];
        if ($names === []) {
            throw new InvalidArgumentException($operation, 'from tubes', 'none is named');
        }
        foreach ($names as $name) {
            self::tube($operation, $name);
        }
        return array_values(array_unique($names));
    }

    /** What stream_socket_client calls an address. */
    public static function remote(string $address): string
    {
        if (strncmp($address, 'unix:', 5) === 0) {
            $path = substr($address, 5);
            // PHP cuts what is longer.
            $most = PHP_OS_FAMILY === 'Linux' ? 107 : 103;
            if ($path === '' || strlen($path) > $most || strpos($path, "\0") !== false) {
                $reason = "a path has 1 to $most bytes, none of them 0";
                throw new InvalidArgumentException('connect', 'to ' . self::printable($address), $reason);
            }
            return "unix://$path";
        }
        $pattern = '/^(?:\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[A-Za-z0-9._-]+):(\d{1,5})$/D';
        $isAddress = preg_match($pattern, $address, $match) === 1;
        if (!$isAddress || (int) $match[1] < 1 || (int) $match[1] > 65535) {
            $reason = 'it is not host:port, [IPv6]:port or unix:/path';
            throw new InvalidArgumentException('connect', 'to ' . self::printable($address), $reason);
        }
        return "tcp://$address";
    }

    /** In quotes, short, and with nothing that a terminal acts on. */
    public static function printable(string $text): string
    {
        $cut = strlen($text) > 60 ? substr($text, 0, 60) : $text;
        return '"' . addcslashes($cut, "\0..\37\"\\\177..\377") . '"' . ($cut === $text ? '' : ' …');
    }

    private static function show($value): string
    {
        if (is_string($value)) {
            return self::printable($value);
        }
        return is_scalar($value) ? var_export($value, true) : 'of the type ' . gettype($value);
    }
}
