<?php
// SPDX-License-Identifier: Apache-2.0
// A page that hands in a task and returns at once. TALKBACK_ADDRESS is the daemon's address.
declare(strict_types=1);

require __DIR__ . '/form.php';
require __DIR__ . '/../../Clients/php/src/Talkback/Client.php';

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    show_page();
    exit;
}
[$title, $text, $problem] = read_form();
if ($problem !== null) {
    show_page($title, $text, $problem, 422);
    exit;
}

try {
    $name = keep_text($text);
    $client = new Talkback\Client(getenv('TALKBACK_ADDRESS') ?: '127.0.0.1:11300', ['connectTimeout' => 1, 'replyTimeout' => 5]);
    $job = $client->put(json_encode(['report' => $name, 'title' => $title]), ['tube' => 'report', 'ttr' => 120]);
} catch (Talkback\Exception $error) {
    error_log($error->getMessage());
    if ($error->isOutcomeUnknown()) {
        // The task may come all the same, and then needs its text.
        show_page($title, $text, 'Your text may have been handed in, or not: there was no answer.', 503);
    } else {
        forget_text($name);
        show_page($title, $text, 'Your text was not handed in. Please try again later.', 503);
    }
    exit;
} catch (RuntimeException $error) {
    error_log($error->getMessage());
    show_page($title, $text, 'Your text could not be kept. Please try again later.', 500);
    exit;
}
go_to_report($job, $name);
