<?php
// SPDX-License-Identifier: Apache-2.0
// What the page and its events share: the visitor's session, the jobs that belong to it, the client.
declare(strict_types=1);

require __DIR__ . '/../../../Clients/php/src/Talkback/Client.php';

const TUBE = 'pages';
const LONGEST_TITLE = 100;
const MOST_PAGES = 200;
const MOST_JOBS = 20;

/**
 * Begins the session. Its jobs are those that this visitor has started: the number of a job can be guessed, so nobody is
 * told of one that is not among them.
 *
 * @param bool $isChanged if not, the session is closed at once, so that the visitor's other requests need not wait
 */
function begin_visit(bool $isChanged): void
{
    $options = [
        'name' => 'talkback',
        'use_strict_mode' => true,
        'cookie_httponly' => true,
        'cookie_secure' => ($_SERVER['HTTPS'] ?? 'off') !== 'off',
        'read_and_close' => !$isChanged,
    ];
    if (PHP_VERSION_ID >= 70300) {
        $options['cookie_samesite'] = 'Lax';
    }
    session_start($options);
    if ($isChanged && !isset($_SESSION['token'])) {
        $_SESSION += ['token' => bin2hex(random_bytes(32)), 'jobs' => []];
    }
}

function remember_job(int $id): void
{
    $_SESSION['jobs'][$id] = true;
    $_SESSION['jobs'] = array_slice($_SESSION['jobs'], -MOST_JOBS, null, true);
}

/** The number that was asked for, if it is one of this visitor's; a stranger's is as good as none. */
function own_job($given): ?int
{
    $isNumber = is_string($given) && preg_match('/^[1-9]\d{0,17}$/D', $given) === 1;
    return $isNumber && isset($_SESSION['jobs'][(int) $given]) ? (int) $given : null;
}

function talkback(): Talkback\Client
{
    return new Talkback\Client(getenv('TALKBACK_ADDRESS') ?: '127.0.0.1:11300', ['connectTimeout' => 1, 'replyTimeout' => 5]);
}

/** What the page shows of a state, and its script of an event. */
function shown_state(?Talkback\State $state): array
{
    if ($state === null) {
        return ['name' => 'unknown', 'status' => 'Nothing is known of it any more.', 'percent' => 0, 'text' => '', 'isOver' => true];
    }
    $statuses = [
        'waiting' => $state->attempt === 0 ? 'Waits for its turn.' : 'Waits to be tried again.',
        'delayed' => 'Will be tried again.',
        'running' => 'Is being drawn.',
        'done' => 'Is done.',
        'failed' => 'Did not work.',
        'cancelled' => 'Was cancelled.',
    ];
    return [
        'name' => $state->state,
        'status' => $statuses[$state->state],
        'percent' => $state->percent,
        // A result, the worker's last report, or why it failed.
        'text' => $state->result() ?? $state->shown(),
        'isOver' => $state->isOver(),
    ];
}

function escape(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}
