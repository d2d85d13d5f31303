<?php
// SPDX-License-Identifier: Apache-2.0
// A page that starts a task and shows how far it is; TALKBACK_ADDRESS is the server's address.
declare(strict_types=1);

require __DIR__ . '/visit.php';

header("Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'");
header('X-Content-Type-Options: nosniff');
header('Cache-Control: no-store');
begin_visit(true);
$_SERVER['REQUEST_METHOD'] === 'POST' ? take_form() : show_page();

function take_form(): void
{
    $token = $_POST['token'] ?? '';
    if (!is_string($token) || !hash_equals($_SESSION['token'], $token)) {
        show_page('The form is not one of this visit. Please try again.', 403);
        return;
    }
    try {
        switch ($_POST['action'] ?? '') {
            case 'start':
                start();
                return;
            case 'cancel':
                with_own_job(function (int $id) {
                    // Too late is no trouble: the page shows how it has ended.
                    talkback()->cancel($id);
                });
                return;
            case 'again':
                with_own_job(function (int $id) {
                    try {
                        talkback()->kickJob($id);
                    } catch (Talkback\NotFoundException $notBuried) {
                        // The button was pressed twice, or somebody has deleted it; the page shows which.
                    }
                });
                return;
            default:
                show_page('There is no such button.', 400);
        }
    } catch (Talkback\Exception $error) {
        error_log($error->getMessage());
        show_page('The page cannot reach what does its work. Please try again later.', 503);
    }
}

function start(): void
{
    $title = $_POST['title'] ?? null;
    $pages = $_POST['pages'] ?? null;
    $form = $_POST['form'] ?? null;
    if (!is_string($title) || preg_match('/^[^\p{C}]{1,' . LONGEST_TITLE . '}$/Du', trim($title)) !== 1) {
        show_page('Please give a title of at most ' . LONGEST_TITLE . ' characters, in one line.', 422);
        return;
    }
    if (!is_string($pages) || preg_match('/^\d{1,4}$/D', $pages) !== 1 || $pages < 1 || $pages > MOST_PAGES) {
        show_page('Please give a number of pages from 1 to ' . MOST_PAGES . '.', 422);
        return;
    }
    if (!is_string($form)) {
        show_page('The form is not one of this page.', 400);
        return;
    }
    $task = json_encode(['title' => trim($title), 'pages' => (int) $pages]);
    $submission = talkback()->submit($task, [
        'tube' => TUBE,
        'ttr' => 60,
        // A form that is sent twice starts one job. The token keeps other visitors' forms apart.
        'key' => hash('sha256', $_SESSION['token'] . $form . $task),
        'keyFor' => 60,
        'keep' => 3600,
        'attempts' => 2,
        'backoff' => 2,
    ]);
    remember_job($submission->id);
    go_to_job($submission->id);
}

function with_own_job(callable $action): void
{
    $id = own_job($_POST['job'] ?? null);
    if ($id === null) {
        show_page('You have started no such job.', 404);
        return;
    }
    $action($id);
    go_to_job($id);
}

/** Answers a form that went well: a reload then does not send it again. */
function go_to_job(int $id): void
{
    // Not the address of this script: a proxy may show it under another.
    header("Location: ?job=$id", true, 303);
}

function show_page(?string $problem = null, int $status = 200): void
{
    $id = null;
    $state = null;
    if ($problem === null && isset($_GET['job'])) {
        $id = own_job($_GET['job']);
        try {
            if ($id === null) {
                list($problem, $status) = ['You have started no such job.', 404];
            } else {
                $state = shown_state(talkback()->state($id));
            }
        } catch (Talkback\Exception $error) {
            error_log($error->getMessage());
            list($problem, $status, $id) = ['The page cannot reach what does its work. Please reload it later.', 503, null];
        }
    }
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    require __DIR__ . '/view.php';
}
