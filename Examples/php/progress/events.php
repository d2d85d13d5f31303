<?php
// SPDX-License-Identifier: Apache-2.0
// How far a job is, as server-sent events: one for each state, the last with "isOver". The browser asks again when the
// request is over before, and is told the state as it is then.
declare(strict_types=1);

require __DIR__ . '/visit.php';

// Less than what proxies and servers allow a request.
const LONGEST_REQUEST = 55;
// A browser that has gone is noticed when something is sent to it.
const HEARTBEAT = 5;

begin_visit(false);
$id = own_job($_GET['job'] ?? null);
if ($id === null) {
    // The browser does not ask again.
    http_response_code(404);
    exit;
}
header('Content-Type: text/event-stream; charset=utf-8');
header('Cache-Control: no-store');
// nginx would keep the events until it has many.
header('X-Accel-Buffering: no');
ini_set('zlib.output_compression', '0');
while (ob_get_level() > 0) {
    ob_end_clean();
}

function send(string $event): void
{
    // Ends the script when the browser has gone.
    echo $event, "\n\n";
    flush();
}

send('retry: 1000');
try {
    $client = talkback();
    $last = null;
    for ($end = microtime(true) + LONGEST_REQUEST; ($left = $end - microtime(true)) > 0; send(': still here')) {
        $isKnown = false;
        foreach ($client->follow($id, (int) min(HEARTBEAT, ceil($left))) as $state) {
            $isKnown = true;
            $shown = shown_state($state);
            // Each follow begins with the state as it is.
            if ($shown !== $last) {
                send('data: ' . json_encode($shown, JSON_INVALID_UTF8_SUBSTITUTE));
                $last = $shown;
            }
            if ($state->isOver()) {
                exit;
            }
        }
        if (!$isKnown) {
            send('data: ' . json_encode(shown_state(null)));
            exit;
        }
    }
} catch (Talkback\Exception $error) {
    error_log($error->getMessage());
    send("retry: 5000\nevent: trouble\ndata: ");
}
