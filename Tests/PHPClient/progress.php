<?php
// SPDX-License-Identifier: Apache-2.0
// The pages in Examples/php/progress, with the test as the worker; then their task.
declare(strict_types=1);

use Talkback\CancelledException;

return function (Suite $suite) {
    $take = function (int $id): Talkback\Job {
        static $client = null;
        $client = $client ?? server()->client();
        $job = $client->reserve('pages', 5);
        same($id, $job->id);
        return $job;
    };
    $isHidden = function (Visitor $visitor, string $id): bool {
        isTrue(preg_match("/<\\w+ id=\"$id\"[^>]*>/", $visitor->body, $match) === 1, "there is an element $id");
        return strpos($match[0], ' hidden') !== false;
    };

    $suite->test('a job from its start to its result', function () use ($take, $isHidden) {
        $visitor = new Visitor(site());
        $id = $visitor->start(['title' => '<b>"Holiday"', 'pages' => '4']);
        isTrue(strpos($visitor->body, 'Waits for its turn.') !== false, 'the page says so');
        same([false, true], [$isHidden($visitor, 'cancel'), $isHidden($visitor, 'again')]);
        $events = $visitor->events($id);
        isTrue(strpos($events->head, 'Content-Type: text/event-stream') !== false, $events->head);
        $first = ['name' => 'waiting', 'status' => 'Waits for its turn.', 'percent' => 0, 'text' => '', 'isOver' => false];
        same($first, $events->next());
        // Each comes before there is another.
        $job = $take($id);
        same(['title' => '<b>"Holiday"', 'pages' => 4], json_decode($job->body, true));
        same('running', $events->next()['name']);
        $job->progress(42, 'page <3>');
        $event = $events->next();
        same(['running', 42, 'page <3>', false], [$event['name'], $event['percent'], $event['text'], $event['isOver']]);
        // The session is free meanwhile.
        $visitor->get("/?job=$id");
        isTrue(preg_match('/<progress [^>]*value="42"/', $visitor->body) === 1, 'the bar is where it is');
        isTrue(strpos($visitor->body, 'page &lt;3&gt;') !== false, 'escaped');
        isTrue(strpos($visitor->body, '<meta http-equiv="refresh"') !== false, 'for those without scripts');
        $job->finish("<b>holiday</b>\n\xff");
        $event = $events->next();
        same(['done', 100, "<b>holiday</b>\n\u{fffd}", true],
            [$event['name'], $event['percent'], $event['text'], $event['isOver']]);
        $events->end();
        $visitor->get("/?job=$id");
        isTrue(strpos($visitor->body, '&lt;b&gt;holiday&lt;/b&gt;') !== false, $visitor->body);
        isTrue(strpos($visitor->body, '<b>') === false, 'no markup of others');
        isTrue(strpos($visitor->body, '<meta http-equiv="refresh"') === false, 'it is not loaded again');
        same([true, true], [$isHidden($visitor, 'cancel'), $isHidden($visitor, 'again')]);
    });

    $suite->test('a browser that asks again is told how it is now', function () use ($take) {
        $visitor = new Visitor(site());
        $id = $visitor->start();
        $visitor->events($id)->leave();
        $job = $take($id);
        $job->progress(70, 'page 3');
        $events = $visitor->events($id);
        same([70, 'page 3'], [array_values(array_intersect_key($event = $events->next(), ['percent' => 1]))[0], $event['text']]);
        $job->finish('x');
        same('done', $events->next()['name']);
        $events->end();
        $events = $visitor->events($id);
        same(['done', 'x'], [($event = $events->next())['name'], $event['text']]);
        $events->end();
    });

    $suite->test('a job that is cancelled while it runs', function () use ($take, $isHidden) {
        $visitor = new Visitor(site());
        $id = $visitor->start();
        $job = $take($id);
        $events = $visitor->events($id);
        same('running', $events->next()['name']);
        $visitor->press('cancel', []);
        same($id, $visitor->sent());
        isTrue(strpos($visitor->body, 'Was cancelled.') !== false, $visitor->body);
        same([true, true, true], [$isHidden($visitor, 'cancel'), $isHidden($visitor, 'again'), $isHidden($visitor, 'bar')]);
        same(['cancelled', true], [($event = $events->next())['name'], $event['isOver']]);
        $events->end();
        thrown(CancelledException::class, function () use ($job) {
            $job->progress(50);
        });
    });

    $suite->test('a job that fails, and is tried again', function () use ($take, $isHidden) {
        $visitor = new Visitor(site());
        $id = $visitor->start();
        $events = $visitor->events($id);
        same('waiting', $events->next()['name']);
        $take($id)->fail('the <disk> is full', null);
        do {
            $event = $events->next();
        } while ($event['name'] === 'running');
        same(['failed', 'the <disk> is full', true], [$event['name'], $event['text'], $event['isOver']]);
        $events->end();
        $visitor->get("/?job=$id");
        isTrue(strpos($visitor->body, 'the &lt;disk&gt; is full') !== false, $visitor->body);
        same([true, false], [$isHidden($visitor, 'cancel'), $isHidden($visitor, 'again')]);
        $visitor->press('again', []);
        same($id, $visitor->sent());
        same([false, true], [$isHidden($visitor, 'cancel'), $isHidden($visitor, 'again')]);
        $visitor->press('again', [], "/?job=$id");
        same($id, $visitor->sent(), 'twice is once');
        $take($id)->finish('at last');
        $visitor->get("/?job=$id");
        isTrue(strpos($visitor->body, 'at last') !== false, $visitor->body);
    });

    $suite->test('another visitor\'s job', function () use ($take) {
        $client = server()->client();
        $owner = new Visitor(site());
        $id = $owner->start();
        $other = new Visitor(site());
        $mine = $other->start();
        isTrue(strpos($other->events($id)->head, ' 404 ') !== false, 'no events');
        $other->get("/?job=$id");
        same(404, $other->status);
        isTrue(strpos($other->body, 'You have started no such job.') !== false && strpos($other->body, 'id="job"') === false,
            'and nothing of it');
        foreach (['cancel', 'again'] as $action) {
            $other->press($action, ['job' => (string) $id]);
            same(404, $other->status, $action);
        }
        same('waiting', $client->state($id)->state);
        isTrue(strpos((new Visitor(site()))->events($id)->head, ' 404 ') !== false, 'nor without a session');
        foreach (['', '0', '-1', "$id ", "0$id", "$id.0", '99999999999999999999', 'x'] as $none) {
            $owner->get('/?job=' . urlencode($none));
            same(404, $owner->status, $none);
        }
        $owner->get("/?job[]=$id");
        same(404, $owner->status);
        $client->cancel($id);
        $client->cancel($mine);
    });

    $suite->test('a form of nobody\'s visit', function () {
        $client = server()->client();
        $before = $client->stats()['total-jobs'];
        $visitor = new Visitor(site());
        $visitor->get('/');
        foreach (['', str_repeat('0', 64)] as $token) {
            $visitor->press('start', ['token' => $token, 'title' => 'x', 'pages' => '4']);
            same(403, $visitor->status);
        }
        $visitor->press('start', ['token' => ['x'], 'title' => 'x', 'pages' => '4']);
        same(403, $visitor->status);
        $other = new Visitor(site());
        $other->get('/');
        preg_match('/name="token" value="([0-9a-f]+)"/', $other->body, $match);
        $visitor->press('start', ['token' => $match[1], 'title' => 'x', 'pages' => '4']);
        same(403, $visitor->status, 'a token of another visit');
        same($before, $client->stats()['total-jobs']);
    });

    $suite->test('forms that are not right', function () {
        $client = server()->client();
        $before = $client->stats()['total-jobs'];
        $visitor = new Visitor(site());
        $forms = [['title' => ''], ['title' => "a\nb"], ['title' => str_repeat('x', 101)], ['title' => "\xff"],
            ['title' => ['x']], ['pages' => '0'], ['pages' => '201'], ['pages' => '4x'], ['pages' => '-1'], ['pages' => ['4']]];
        foreach ($forms as $fields) {
            $visitor->get('/');
            $visitor->press('start', $fields + ['title' => '<i>', 'pages' => '4']);
            same(422, $visitor->status, shown($fields));
            isTrue(strpos($visitor->body, '<i>') === false, 'escaped');
        }
        $visitor->press('erase', []);
        same(400, $visitor->status);
        same($before, $client->stats()['total-jobs']);
    });

    $suite->test('a form that is sent twice starts one job', function () {
        $client = server()->client();
        $visitor = new Visitor(site());
        $visitor->get('/');
        preg_match('/name="form" value="([0-9a-f]+)"/', $visitor->body, $match);
        $fields = ['title' => 'x', 'pages' => '4', 'form' => $match[1]];
        $ids = [];
        foreach ([$fields, $fields, ['title' => 'y'] + $fields] as $sent) {
            $visitor->press('start', $sent);
            $ids[] = $visitor->sent();
        }
        $other = new Visitor(site());
        $ids[] = $other->start($fields);
        isTrue($ids[0] === $ids[1] && count(array_unique($ids)) === 3, implode(' ', $ids));
        array_map([$client, 'cancel'], array_unique($ids));
    });

    $suite->test('a browser that has gone is noticed', function () {
        $client = server()->client();
        $visitor = new Visitor(site());
        $id = $visitor->start();
        $before = $client->stats()['current-followers'];
        $events = $visitor->events($id);
        same('waiting', $events->next()['name']);
        same($before + 1, $client->stats()['current-followers']);
        $events->leave();
        eventually('nobody follows', function () use ($client, $before) {
            return $client->stats()['current-followers'] === $before;
        });
        $client->cancel($id);
    });

    $suite->test('a daemon that has gone', function () {
        $server = new Server();
        $site = new Site($server->address);
        $visitor = new Visitor($site);
        $id = $visitor->start();
        $events = $visitor->events($id);
        same('waiting', $events->next()['name']);
        $server->kill();
        same('trouble', $events->next());
        $events->end();
        same('trouble', $visitor->events($id)->next(), 'and when it is not there at all');
        $visitor->get("/?job=$id");
        same(503, $visitor->status);
        $visitor->press('start', ['title' => 'kept <i>', 'pages' => '4']);
        same(503, $visitor->status);
        isTrue(strpos($visitor->body, 'kept &lt;i&gt;') !== false, 'what was typed is still there');
        isTrue(strpos(file_get_contents($site->log()), 'Connection refused') !== false, 'the log says why');
    });

    $suite->test('what is not for visitors', function () {
        $visitor = new Visitor(site());
        foreach (['/task.php', '/view.php'] as $path) {
            $visitor->get($path);
            same([404, ''], [$visitor->status, $visitor->body], $path);
        }
        $visitor->get('/visit.php');
        same('', $visitor->body);
    });

    $run = function (string $body, ?int $descriptor) {
        $script = __DIR__ . '/../../Examples/php/progress/task.php';
        $files = [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w'], 5 => ['pipe', 'w']];
        $environment = $descriptor === null ? [] : ['TALKBACK_PROGRESS_FD' => (string) $descriptor];
        $process = proc_open('exec ' . PHP_BINARY . ' ' . escapeshellarg($script), $files, $pipes, null, $environment);
        fwrite($pipes[0], $body);
        fclose($pipes[0]);
        $texts = array_map('stream_get_contents', [$pipes[1], $pipes[2], $pipes[5]]);
        return array_merge([proc_close($process)], $texts);
    };

    $suite->test('the task says how far it is, and what came out', function () use ($run) {
        list($status, $output, $errors, $reports) = $run('{"title": "Holiday", "pages": 3}', 5);
        same([0, ''], [$status, $errors]);
        isTrue(preg_match('/^Holiday: 3 pages in \d+\.\d s\n$/D', $output) === 1, $output);
        same("0% drawing page 1 of 3\n33% drawing page 2 of 3\n66% drawing page 3 of 3\n", $reports);
    });

    foreach (['no descriptor' => null, 'one that is not open' => 99] as $name => $descriptor) {
        $suite->test("the task with $name", function () use ($run, $descriptor) {
            list($status, $output, $errors, $reports) = $run('{"title": "Holiday", "pages": 1}', $descriptor);
            same([0, '', ''], [$status, $errors, $reports]);
            same(0, strpos($output, 'Holiday: 1 pages'), $output);
        });
    }

    foreach (['', '5', '"x"', '{"title": "x"}', '{"title": 1, "pages": 1}', '{"title": "x", "pages": 0}'] as $body) {
        $suite->test("the task with the body $body", function () use ($run, $body) {
            list($status, $output, $errors) = $run($body, 5);
            same([1, ''], [$status, $output]);
            isTrue(strpos($errors, 'the body is not a JSON object') === 0, $errors);
        });
    }
};
