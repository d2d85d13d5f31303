<?php
// SPDX-License-Identifier: Apache-2.0
// Draws pages, or rather takes as long as that would, and says how far it is.
//
// Started anew for each job: the job's body is on standard input; what comes out, on standard output; 0 at the end says
// that it is done, anything else that it has failed, and standard error says why. A line "42% text" on the descriptor that
// TALKBACK_PROGRESS_FD names is a report.
declare(strict_types=1);

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');

const SECONDS_FOR_PAGE = 0.2;

/** Nobody need listen: without the descriptor, or when the other end has gone, nothing is said. */
function report(int $percent, string $text): void
{
    static $reports = null;
    if ($reports === null) {
        $number = (string) getenv('TALKBACK_PROGRESS_FD');
        $reports = ctype_digit($number) ? @fopen("php://fd/$number", 'w') : false;
    }
    if ($reports !== false) {
        @fwrite($reports, "$percent% $text\n");
    }
}

$task = json_decode((string) stream_get_contents(STDIN), true);
$title = $task['title'] ?? null;
$pages = $task['pages'] ?? null;
if (!is_string($title) || !is_int($pages) || $pages < 1) {
    fwrite(STDERR, "the body is not a JSON object with \"title\" and \"pages\"\n");
    exit(1);
}
$start = microtime(true);
for ($page = 1; $page <= $pages; $page++) {
    report(intdiv(100 * ($page - 1), $pages), "drawing page $page of $pages");
    usleep((int) (1e6 * SECONDS_FOR_PAGE));
}
printf("%s: %d pages in %.1f s\n", $title, $pages, microtime(true) - $start);
