<?php
// SPDX-License-Identifier: Apache-2.0
// Counts the words of a text that a page has kept, and writes them to a CSV file beside it.
//
// Started anew for each job: the job's body is on standard input; 0 at the end says that it is done, anything else that it
// is to be tried again, and standard error says why. It may run twice for a job, and then comes to the same end.
declare(strict_types=1);

if (PHP_SAPI !== 'cli') {
    http_response_code(404);
    exit;
}
ini_set('display_errors', 'stderr');
require __DIR__ . '/../form.php';

function fail(string $reason): void
{
    $job = (string) getenv('TALKBACK_JOB_ID');
    $tube = (string) getenv('TALKBACK_TUBE');
    $attempt = (string) getenv('TALKBACK_ATTEMPT');
    fwrite(STDERR, "report: job $job of tube $tube, attempt $attempt: $reason\n");
    exit(1);
}

/** The words of a file and how often each is in it, the most frequent first. */
function count_words(string $path): array
{
    $file = @fopen($path, 'rb');
    if ($file === false) {
        fail("open $path: " . last_reason());
    }
    $counts = [];
    while (($line = fgets($file)) !== false) {
        $count = preg_match_all('/[\p{L}\p{N}]+/u', $line, $words);
        if ($count === false) {
            fail("read $path: it is not UTF-8");
        }
        foreach ($words[0] as $word) {
            // Without the mbstring extension only A to Z are made small.
            $word = function_exists('mb_strtolower') ? mb_strtolower($word, 'UTF-8') : strtolower($word);
            $counts[$word] = ($counts[$word] ?? 0) + 1;
        }
    }
    fclose($file);
    // By the word where they are equally frequent, so that two runs write the same; a number is an int as a key.
    $words = array_map('strval', array_keys($counts));
    array_multisort(array_values($counts), SORT_DESC, SORT_NUMERIC, $words, SORT_ASC, SORT_STRING);
    $sorted = [];
    foreach ($words as $word) {
        $sorted[] = [$word, $counts[$word]];
    }
    return $sorted;
}

function write_report(string $path, string $title, array $words): void
{
    // Under another name until it is whole: a page never sees half of it.
    $part = $path . '.' . getmypid();
    $file = @fopen($part, 'wb');
    $is_written = $file !== false;
    // A spreadsheet takes what begins like this for a formula.
    $shown = preg_match('/^[=+@\t-]/', $title) === 1 ? "'$title" : $title;
    foreach (array_merge([['Title', $shown], ['Words', array_sum(array_column($words, 1))]], $words) as $row) {
        $is_written = $is_written && fputcsv($file, $row, ',', '"', '\\') !== false;
    }
    $is_written = $is_written && fclose($file) && rename($part, $path);
    if (!$is_written) {
        $reason = last_reason();
        @unlink($part);
        fail("write $path: $reason");
    }
}

$task = json_decode((string) stream_get_contents(STDIN), true);
if (!is_array($task)) {
    fail('the body is not a JSON object');
}
$name = $task['report'] ?? null;
$title = $task['title'] ?? null;
// The name becomes part of a path.
if (!is_string($name) || preg_match('/^[0-9a-f]{32}$/D', $name) !== 1) {
    fail('"report" is not the name of a kept text');
}
if (!is_string($title)) {
    fail('"title" is not a text');
}
try {
    $folder = reports_folder();
} catch (RuntimeException $error) {
    fail($error->getMessage());
}
write_report("$folder/$name.csv", $title, count_words("$folder/$name.txt"));
