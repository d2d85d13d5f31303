<?php
// SPDX-License-Identifier: Apache-2.0
// Runs the cases in PHP and with PHPSockets and compares both with what the cases expect.
//
//   php check.php PHP-CONFORMANCE             fails if anything is not as expected
//   php check.php PHP-CONFORMANCE --record    writes what happens into the cases, to be read before it is believed

[, $program, $record] = $argv + [2 => null];
$cases = __DIR__ . '/cases.txt';
$problems = [];

/** A driver's transcript: the lines of the cases with one line below each step. */
function transcript(array $command): array
{
    $folder = sys_get_temp_dir() . '/talkback-' . bin2hex(random_bytes(4));
    mkdir($folder, 0700);
    $errors = "$folder/errors";
    $process = proc_open(['timeout', '120', ...$command, $GLOBALS['cases'], $folder],
        [['file', '/dev/null', 'r'], ['pipe', 'w'], ['file', $errors, 'w']], $pipes);
    $lines = explode("\n", rtrim(stream_get_contents($pipes[1]), "\n"));
    $status = proc_close($process);
    $complaint = file_get_contents($errors);
    array_map(unlink(...), glob("$folder/*"));
    rmdir($folder);
    if ($status !== 0) {
        fwrite(STDERR, "{$command[0]} ended with status $status\n" . implode("\n", array_slice($lines, -3)) . "\n$complaint\n");
        exit(1);
    }
    return $lines;
}

/** The numbers, with what stands behind them, in a file of points. */
function points(string $name): array
{
    $points = [];
    foreach (file(__DIR__ . "/$name", FILE_IGNORE_NEW_LINES) as $line) {
        if (preg_match('/^(\d+(?:\.\d+)+) (.+)$/', $line, $match)) {
            $points[$match[1]] = $match[2];
        }
    }
    return $points;
}

// The steps, with what is expected of PHP and of PHPSockets.
$steps = [];
$source = [];
foreach (file($cases, FILE_IGNORE_NEW_LINES) as $line) {
    if (preg_match('/^(php|here)?> (.*)$/', $line, $match)) {
        foreach ($match[1] === '' ? ['php', 'here'] : [$match[1]] as $side) {
            $steps[count($steps) - 1][$side] = $match[2];
        }
        continue;
    }
    $source[] = $line;
    if (str_starts_with($line, '## ')) {
        preg_match_all('/(?<= )\d+(?:\.\d+)+(?= )/', $line, $match);
        $header = ['title' => $line, 'numbers' => $match[0]];
    } elseif ($line !== '' && $line[0] !== '#') {
        $steps[] = ['text' => $line, 'header' => $header];
    }
}

$transcripts = ['php' => transcript([PHP_BINARY, __DIR__ . '/driver.php']), 'here' => transcript([$program])];
$results = [];
foreach ($transcripts as $side => $lines) {
    $results[$side] = [];
    foreach ($lines as $line) {
        if (str_starts_with($line, '> ')) {
            $results[$side][] = substr($line, 2);
        }
    }
    if (count($results[$side]) !== count($steps)) {
        $problems[] = "$side made " . count($results[$side]) . ' steps of ' . count($steps);
    }
}

if ($record === '--record') {
    $output = '';
    $index = 0;
    foreach ($source as $line) {
        $output .= "$line\n";
        if ($line !== '' && $line[0] !== '#') {
            [$php, $here] = [$results['php'][$index], $results['here'][$index]];
            $output .= $php === $here ? "> $php\n" : "php> $php\nhere> $here\n";
            $index++;
        }
    }
    file_put_contents($cases, $output);
    exit(0);
}

$differences = points('differences.txt');
$bullets = points('bullets.txt');
$covered = [];
foreach ($steps as $index => $step) {
    array_push($covered, ...$step['header']['numbers']);
    foreach (['php', 'here'] as $side) {
        $result = $results[$side][$index] ?? 'nothing';
        if (!isset($step[$side])) {
            $problems[] = "{$step['header']['title']}\n  {$step['text']}\n  nothing is expected of $side";
        } elseif ($step[$side] !== $result) {
            $problems[] = "{$step['header']['title']}\n  {$step['text']}\n  $side should: {$step[$side]}\n  $side does:   $result";
        }
    }
    if (($step['php'] ?? null) !== ($step['here'] ?? null)
        && array_intersect($step['header']['numbers'], array_keys($differences)) === []) {
        $problems[] = "{$step['header']['title']}\n  {$step['text']}\n  differs from PHP without a difference that is on the list";
    }
}
foreach (array_unique($covered) as $number) {
    if (!isset($bullets[$number]) && !isset($differences[$number])) {
        $problems[] = "there is no point $number";
    }
}
foreach ($bullets as $number => $title) {
    if (!in_array($number, $covered, true) && !str_contains($title, ' - ')) {
        $problems[] = "$number $title: neither a case nor a reason";
    }
}

foreach ($problems as $problem) {
    fwrite(STDERR, "$problem\n");
}
printf("%d steps, %d points, %d problems\n", count($steps), count($bullets), count($problems));
exit($problems === [] ? 0 : 1);
