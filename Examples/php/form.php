<?php
// SPDX-License-Identifier: Apache-2.0
// What both pages show and check; neither has anything of a socket here.
declare(strict_types=1);

const LONGEST_TITLE = 100;
const LONGEST_TEXT = 1000000;

/** What the form has brought, or what is wrong with it: [title, text, problem]. */
function read_form(): array
{
    $title = $_POST['title'] ?? '';
    $text = $_POST['text'] ?? '';
    // PHP makes an array of a field that is named title[].
    if (!is_string($title) || !is_string($text)) {
        return ['', '', 'The form is not one of this page.'];
    }
    $title = trim($title);
    if (preg_match('//u', $title . $text) !== 1) {
        return ['', '', 'The text is not UTF-8.'];
    }
    if ($title === '' || preg_match('/^[^\p{C}]{1,' . LONGEST_TITLE . '}$/Du', $title) !== 1) {
        return [$title, $text, 'Please give a title of at most ' . LONGEST_TITLE . ' characters, in one line.'];
    }
    if (trim($text) === '' || strlen($text) > LONGEST_TEXT) {
        return [$title, $text, 'Please give a text of at most ' . LONGEST_TEXT . ' bytes.'];
    }
    return [$title, $text, null];
}

/** The folder that the pages and the task share: REPORTS, or one in the system's folder for temporary files. */
function reports_folder(): string
{
    $folder = (string) getenv('REPORTS');
    if ($folder === '') {
        $folder = sys_get_temp_dir() . '/talkback-reports';
    }
    if (!is_dir($folder) && !@mkdir($folder, 0700) && !is_dir($folder)) {
        throw new RuntimeException("mkdir $folder: " . last_reason());
    }
    return $folder;
}

/** Why the last call of a file function failed. */
function last_reason(): string
{
    return preg_replace('/^.*: /s', '', error_get_last()['message'] ?? 'it failed');
}

/** Keeps the text for the task; the job carries only its name. */
function keep_text(string $text): string
{
    $name = bin2hex(random_bytes(16));
    $file = reports_folder() . "/$name.txt";
    if (@file_put_contents($file, $text) !== strlen($text)) {
        $reason = last_reason();
        @unlink($file);
        throw new RuntimeException("write $file: $reason");
    }
    return $name;
}

function forget_text(string $name): void
{
    @unlink(reports_folder() . "/$name.txt");
}

/** Answers a post that went well: a reload then does not post again. */
function go_to_report(int $job, string $name): void
{
    header('Location: ' . $_SERVER['SCRIPT_NAME'] . '?' . http_build_query(['job' => $job, 'report' => $name]), true, 303);
}

function escape(string $text): string
{
    return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
}

/** The page: the form, and above it a problem, or the report that the address names. */
function show_page(string $title = '', string $text = '', ?string $problem = null, int $status = 200): void
{
    http_response_code($status);
    header('Content-Type: text/html; charset=utf-8');
    echo "<!DOCTYPE html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Reports</title>\n<h1>Reports</h1>\n";
    if ($problem !== null) {
        echo '<p role="alert">', escape($problem), "</p>\n";
    } elseif (isset($_GET['report'])) {
        show_report($_GET['job'] ?? '', $_GET['report']);
    }
    echo '<form method="post" action="', escape($_SERVER['SCRIPT_NAME']), "\">\n",
        '<p><label>Title <input name="title" maxlength="', LONGEST_TITLE, '" required value="', escape($title), "\"></label>\n",
        // A line feed that comes first would be dropped.
        "<p><label>Text <textarea name=\"text\" rows=\"10\" cols=\"60\" required>\n", escape($text), "</textarea></label>\n",
        "<p><button>Count its words</button>\n</form>\n</html>\n";
}

function show_report($job, $name): void
{
    // The name becomes part of a path.
    if (!is_string($job) || preg_match('/^\d{1,20}$/D', $job) !== 1
        || !is_string($name) || preg_match('/^[0-9a-f]{32}$/D', $name) !== 1) {
        echo "<p role=\"alert\">There is no such report.</p>\n";
        return;
    }
    $rows = @file(reports_folder() . "/$name.csv");
    if ($rows === false) {
        echo '<p>Task ', escape($job), " is handed in. Reload this page to see its report.</p>\n";
        return;
    }
    echo '<p>Task ', escape($job), " is done.</p>\n<table>\n";
    foreach (array_slice($rows, 0, 25) as $row) {
        echo '<tr><td>', implode('<td>', array_map('escape', str_getcsv($row, ',', '"', '\\'))), "\n";
    }
    echo "</table>\n";
}
