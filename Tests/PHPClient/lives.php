<?php
// SPDX-License-Identifier: Apache-2.0
// The lives of jobs, from those who hand them in to those who work on them, on a server.
declare(strict_types=1);

use Talkback\CancelledException;
use Talkback\Client;
use Talkback\Job;
use Talkback\JobTooBigException;
use Talkback\NotFoundException;
use Talkback\OutOfMemoryException;
use Talkback\State;

return function (Suite $suite) {
    $shown = function (?State $state) {
        return $state === null ? null : [$state->state, $state->attempt, $state->percent, $state->data];
    };
    // A job in a tube of its own, and a worker for it on another connection.
    $handedIn = function (array $options = [], string $body = 'x') {
        $tube = tube();
        $page = server()->client();
        $id = $page->submit($body, ['tube' => $tube] + $options)->id;
        $worker = server()->client();
        return [$page, $id, function () use ($worker, $tube) {
            return $worker->reserve($tube, 5);
        }];
    };
    // Calls in a process of its own, which nothing of the tests outlives.
    $meanwhile = function (callable $call) {
        $child = pcntl_fork();
        if ($child === 0) {
            try {
                $call();
            } finally {
                posix_kill(posix_getpid(), SIGKILL);
            }
        }
        return $child;
    };
    $followers = function () {
        return server()->client()->stats()['current-followers'];
    };

    $moves = [
        'ready' => [[], null],
        'delayed' => [['delay' => 1000], null],
        'tried, and failed' => [['attempts' => 3, 'backoff' => [500, 600]], function (Job $job) {
            $job->fail("no\r\n\xff");
        }],
        'buried for a reason' => [['attempts' => 1, 'key' => 'k', 'keyFor' => 70], function (Job $job) {
            $job->fail("no\r\n\0");
        }],
        'buried by hand' => [['keep' => null, 'priority' => 3], function (Job $job) {
            $job->bury();
        }],
        'leased, with a priority' => [
            ['leaseOfConnection' => true, 'priority' => 4294967295, 'ttr' => 4294967295, 'keep' => 4294967295], null,
        ],
    ];
    foreach ($moves as $name => $case) {
        $suite->test("a job that is $name is moved to another tube as it is", function () use ($handedIn, $case) {
            foreach (["", "\0\r\n\xff"] as $body) {
                list($page, $id, $reserve) = $handedIn($case[0], $body);
                if ($case[1] !== null) {
                    $case[1]($reserve());
                }
                $old = $page->describe($id);
                same($body, $page->peek($id)->body);
                $moved = $page->submit($body, ['tube' => tube()] + $old->options);
                isTrue($moved->isNew, 'it is another job');
                $new = $page->describe($moved->id);
                same($body, $page->peek($moved->id)->body);
                $isLate = abs($new->options['delay'] - $old->options['delay']) <= 2;
                isTrue($isLate, "{$old->options['delay']} s are {$new->options['delay']} s");
                $different = ['tube' => null, 'delay' => null];
                same(array_diff_key($old->options, $different), array_diff_key($new->options, $different));
                same([$old->state, $page->state($id)->data], [$new->state, $page->state($moved->id)->data]);
                $page->delete($id);
                $page->delete($moved->id);
                same(null, $page->describe($moved->id));
            }
        });
    }

    $suite->test('a job that is done', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn();
        same(['waiting', 0, 0, ''], $shown($page->state($id)));
        $job = $reserve();
        same(['running', 1, 0, ''], $shown($page->state($id)));
        $job->progress(42, 'page 3 of 7');
        same(['running', 1, 42, 'page 3 of 7'], $shown($page->state($id)));
        $job->progress(43);
        same(['running', 1, 43, ''], $shown($page->state($id)));
        $job->finish("holiday\r\n\0\xff");
        $state = $page->state($id);
        same(['done', 1, 100, "holiday\r\n\0\xff"], $shown($state));
        isTrue($state->since >= 0 && $state->since < 60, "since $state->since s");
        same($shown($state), $shown($page->wait($id, 100)));
        thrown(NotFoundException::class, function () use ($page, $id) {
            $page->statsJob($id);
        });
    });

    $suite->test('a job that is deleted by its worker is done', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn();
        $reserve()->delete();
        same(['done', 1, 100, ''], $shown($page->state($id)));
    });

    $suite->test('an outcome that is not kept, and a job that never was', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn(['keep' => null]);
        $reserve()->finish('gone');
        same([null, null, 'unknown'], [$page->state($id), $page->wait($id, 100), $page->cancel($id)]);
        same([], iterator_to_array($page->follow($id, 100), false));
        same(null, $page->state(4000000000000));
    });

    $suite->test('wait is answered when the job ends', function () use ($shown, $handedIn, $meanwhile, $followers) {
        // Not kept: who waits is told all the same.
        list($page, $id, $reserve) = $handedIn(['keep' => null]);
        $before = $followers();
        $child = $meanwhile(function () use ($reserve, $followers, $before) {
            $job = $reserve();
            eventually('it waits', function () use ($followers, $before) {
                return $followers() === $before + 1;
            });
            $job->progress(50);
            $job->finish('late');
        });
        same(['done', 1, 100, 'late'], $shown($page->wait($id, 60)));
        pcntl_waitpid($child, $status);
        same($before, $followers());
    });

    $suite->test('wait is over after its seconds', function () use ($handedIn, $shown) {
        list($page, $id) = $handedIn();
        $client = new Client(server()->address, ['replyTimeout' => 0.8]);
        $start = microtime(true);
        same(['waiting', 0, 0, ''], $shown($client->wait($id, 2)));
        $time = microtime(true) - $start;
        isTrue($time > 1.9 && $time < 2.8, "2 s, longer than any other reply may take: $time");
        same('waiting', $page->wait($id, 0)->state);
        same('cancelled', $page->cancel($id));
    });

    $suite->test('follow tells each change and each report', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn();
        $states = $page->follow($id, 60);
        same(['waiting', 0, 0, ''], $shown($states->current()));
        $job = $reserve();
        $states->next();
        same(['running', 1, 0, ''], $shown($states->current()));
        foreach ([10 => 'page 1', 50 => 'é 图片', 100 => ''] as $percent => $text) {
            $job->progress($percent, $text);
            $states->next();
            same(['running', 1, $percent, $text], $shown($states->current()));
        }
        $job->fail('the disk is full', 0);
        $states->next();
        // Ready again at once, or by way of a delay of nothing.
        same([1, 0, 'the disk is full'], array_slice($shown($states->current()), 1));
        $job = $reserve();
        for ($states->next(); $states->current()->state !== 'running'; $states->next()) {
        }
        same(['running', 2, 0, ''], $shown($states->current()));
        $job->finish('out');
        $states->next();
        same(['done', 2, 100, 'out'], $shown($states->current()));
        $states->next();
        same(false, $states->valid());
        same('done', $page->state($id)->state, 'on the same connection');
    });

    $suite->test('follow is over after its seconds', function () use ($shown, $handedIn) {
        list($page, $id) = $handedIn();
        $start = microtime(true);
        same([['waiting', 0, 0, '']], array_map($shown, iterator_to_array($page->follow($id, 1), false)));
        isTrue(microtime(true) - $start > 0.9, 'a second');
        same('waiting', $page->state($id)->state);
        $page->cancel($id);
    });

    $suite->test('one who leaves does not follow any more', function () use ($handedIn, $followers) {
        list($page, $id) = $handedIn();
        $before = $followers();
        foreach ($page->follow($id, 60) as $state) {
            same($before + 1, $followers());
            break;
        }
        eventually('the server has seen it', function () use ($followers, $before) {
            return $followers() === $before;
        });
        same('cancelled', $page->cancel($id));
    });

    $suite->test('a job that is cancelled before it runs', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn();
        same(['cancelled', 'cancelled'], [$page->cancel($id), $page->cancel($id)]);
        same(['cancelled', 0, 0, ''], $shown($page->state($id)));
        same(null, $page->peekReady('tube-1'));
        list($page, $id) = $handedIn(['delay' => 100]);
        same('cancelled', $page->cancel($id));
        same('cancelled', $page->state($id)->state);
    });

    $told = [
        'progress' => function (Job $job) { $job->progress(5); },
        'finish' => function (Job $job) { $job->finish('for nothing'); },
        'fail' => function (Job $job) { $job->fail('for nothing'); },
    ];
    foreach ($told as $name => $call) {
        $suite->test("$name of a job that was cancelled", function () use ($shown, $handedIn, $call) {
            list($page, $id, $reserve) = $handedIn();
            $job = $reserve();
            $job->progress(5, 'far');
            same('cancelled', $page->cancel($id));
            same('cancelled', $page->state($id)->state);
            thrown(CancelledException::class, function () use ($job, $call) {
                $call($job);
            });
            thrown(NotFoundException::class, [$job, 'delete']);
            same(['cancelled', ''], [$page->state($id)->state, $page->state($id)->data]);
        });
    }

    $suite->test('it is too late to cancel', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn();
        $reserve()->finish('x');
        same('too late', $page->cancel($id));
        list($page, $id, $reserve) = $handedIn();
        same(false, $reserve()->fail('broken', null));
        same('too late', $page->cancel($id));
    });

    $suite->test('a job that fails, and is kicked', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn(['attempts' => 2]);
        same(true, $reserve()->fail('first', 0));
        $job = $reserve();
        $job->progress(10, 'far');
        same(false, $job->fail('second', 0));
        same(['failed', 2, 'second'], [$page->state($id)->state, $page->state($id)->attempt, $page->state($id)->data]);
        same('buried', $page->statsJob($id)['state']);
        $page->kickJob($id);
        same('waiting', $page->state($id)->state);
        $job = $reserve();
        same(['running', 1, 0, ''], $shown($page->state($id)));
        same(true, $job->fail('third', 0), 'it has as many attempts again');
        $reserve()->finish('at last');
        same('at last', $page->state($id)->result());
    });

    $suite->test('reasons and texts of any bytes, and how they are shown', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn();
        // GBK, and what a terminal would act on.
        $bytes = "\xb4\xc5\xc5\xcc\xc2\xfa \x1b[2J\r\0\n\t<\xc2\x9b>&amp; 满";
        $text = strtr($bytes, "\r\n\0", '   ');
        $job = $reserve();
        $job->progress(5, $text);
        same($text, $page->state($id)->text());
        same(true, $job->fail($bytes, 100));
        $state = $page->state($id);
        same(['delayed', $bytes, ''], [$state->state, $state->reason(), $state->text()]);
        same(1, preg_match('/^\x{FFFD}+ \[2J\n\t<>&amp; 满$/Du', $state->shown()), $state->shown());
        same('', strpbrk($state->shown(), "\x1b\r\0") ?: '');
        $page->reserveJob($id)->fail($bytes, null);
        same($bytes, $page->state($id)->reason());
    });

    $suite->test('a reason of many bytes', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn();
        $reserve()->fail(str_repeat('é', 5000) . "\r\n\0", null);
        $reason = $page->state($id)->reason();
        isTrue(strlen($reason) <= 4096 && strlen($reason) > 4090 && substr($reason, -3) === "\r\n\0", 'its end');
        isTrue(preg_match('//u', $reason) === 1, 'of whole characters');
    });

    $suite->test('delays of the job, not of the worker', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn(['backoff' => [50, 70]]);
        $delays = [];
        for ($attempt = 1; $attempt <= 3; $attempt++) {
            $job = $attempt === 1 ? $reserve() : $page->reserveJob($id);
            same(true, $job->fail("attempt $attempt", 7));
            same(['delayed', "attempt $attempt"], [$page->state($id)->state, $page->state($id)->reason()]);
            $delays[] = $page->statsJob($id)['delay'];
        }
        same([50, 70, 70], $delays);
        list($page, $id, $reserve) = $handedIn();
        $reserve()->fail('x', 7);
        same(7, $page->statsJob($id)['delay'], 'the worker\'s, if there is no other');
        $page->cancel($id);
    });

    $suite->test('attempts that are used up otherwise', function () use ($shown, $handedIn) {
        list($page, $id, $reserve) = $handedIn(['attempts' => 1]);
        $error = thrown(OutOfMemoryException::class, [$reserve(), 'release']);
        isTrue(strpos($error->reason(), 'its attempts are used up') !== false, $error->reason());
        same(['failed', 1, 0, 'released with no attempts left'], $shown($page->state($id)));

        list($page, $id, $reserve) = $handedIn(['attempts' => 1, 'ttr' => 1]);
        $reserve();
        same(['failed', 1, 0, 'the worker was lost: its time to run was over'], $shown($page->wait($id, 30)));
    });

    $suite->test('a lease of the connection', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn(['leaseOfConnection' => true, 'ttr' => 1]);
        $job = $reserve();
        same('running', $page->wait($id, 3)->state);
        same(0, $job->stats()['timeouts']);
        $job->finish();
    });

    $suite->test('a key', function () {
        $client = server()->client();
        $tube = tube();
        $options = ['tube' => $tube, 'key' => 'a/b', 'keyFor' => 60];
        $first = $client->submit('first', $options);
        same([true, null], [$first->isNew, $first->state]);
        $second = $client->submit('second', $options);
        same([$first->id, false, 'ready'], [$second->id, $second->isNew, $second->state]);
        $job = $client->reserve($tube, 0);
        same('first', $job->body);
        same('reserved', $client->submit('x', $options)->state);
        $job->release(['delay' => 60]);
        same('delayed', $client->submit('x', $options)->state);
        $client->reserveJob($first->id)->bury();
        same('buried', $client->submit('x', $options)->state);
        $client->reserveJob($first->id)->finish('out');
        $again = $client->submit('x', $options);
        same([$first->id, false, 'deleted'], [$again->id, $again->isNew, $again->state]);
        same('out', $client->state($again->id)->result());
        same(true, $client->submit('x', ['tube' => tube()] + $options)->isNew, 'in another tube');
        same(true, $client->submit('x', ['key' => 'c'] + $options)->isNew, 'another key');
    });

    $suite->test('a key that counts as long as its job', function () {
        $client = server()->client();
        $options = ['tube' => tube(), 'key' => 'a'];
        $first = $client->submit('x', $options);
        $client->reserve($options['tube'], 0)->finish();
        $second = $client->submit('x', $options);
        same([true, true], [$second->isNew, $second->id > $first->id]);
    });

    $suite->test('the longest text, and results of many sizes', function () use ($handedIn) {
        list($page, $id, $reserve) = $handedIn();
        $job = $reserve();
        $job->progress(100, str_repeat('🙂', 500));
        $text = $page->state($id)->text();
        isTrue(preg_match('/^(🙂){110,125}$/Du', $text) === 1, 'whole characters: ' . strlen($text));
        $error = thrown(JobTooBigException::class, function () use ($job) {
            $job->finish(str_repeat('x', 1048577));
        });
        same('the result has 1048577 bytes, and may have at most 1048576', $error->reason());
        same('running', $page->state($id)->state);
        $result = random_bytes(1048576);
        $job->finish($result);
        isTrue($result === $page->state($id)->result(), '1 MiB comes back');
    });

    $suite->test('handlers that finish and fail their jobs', function () use ($shown) {
        $client = server()->client();
        $tube = tube();
        $done = $client->submit('done', ['tube' => $tube])->id;
        $failed = $client->submit('failed', ['tube' => $tube])->id;
        $log = [];
        $client->work($tube, function (Job $job) {
            $job->progress(50, 'half');
            $job->body === 'done' ? $job->finish('out') : $job->fail('no', null);
        }, ['maxJobs' => 2, 'onFailure' => function (Job $job, Throwable $error, string $outcome) use (&$log) {
            $log[] = $outcome;
        }]);
        same([], $log);
        same([['done', 1, 100, 'out'], 'no'], [$shown($client->state($done)), $client->state($failed)->reason()]);
    });

    $suite->test('handlers whose jobs are cancelled, or have no attempts left', function () {
        $client = server()->client();
        $page = server()->client();
        $tube = tube();
        $client->submit('cancelled', ['tube' => $tube]);
        $buried = $client->submit('buried', ['tube' => $tube, 'attempts' => 1])->id;
        $log = [];
        $client->work($tube, function (Job $job) use ($page) {
            if ($job->body === 'cancelled') {
                $page->cancel($job->id);
                $job->progress(50);
            }
            throw new LogicException('no');
        }, ['maxJobs' => 2, 'onFailure' => function (Job $job, Throwable $error, string $outcome) use (&$log) {
            $log[] = [get_class($error), $outcome];
        }]);
        same([[CancelledException::class, 'cancelled'], [LogicException::class, 'buried']], $log);
        same('failed', $client->state($buried)->state);
    });

    $suite->test('why a job has failed that nobody was to try again', function () {
        $client = server()->client();
        $tube = tube();
        $id = $client->submit('x', ['tube' => $tube])->id;
        $client->work($tube, function () {
            throw new Talkback\PermanentFailure("not a photo: \xb4\xf3");
        }, ['maxJobs' => 1, 'onFailure' => function () {
        }]);
        same(['failed', 1, "not a photo: \xb4\xf3"], [
            $client->state($id)->state, $client->state($id)->attempt, $client->state($id)->reason(),
        ]);
        // A job knows better than its worker how often it may be tried, also by those that die of it.
        $id = $client->submit('x', ['tube' => $tube, 'attempts' => 3])->id;
        for ($attempt = 1; $attempt <= 2; $attempt++) {
            Program::php('dying.php', [server()->address, $tube, 'exit'])->wait();
        }
        same('handles', Program::php('dying.php', [server()->address, $tube, 'exit'])->line());
        same('the worker was lost: its connection ended', $client->wait($id, 15)->reason());
    });
};
