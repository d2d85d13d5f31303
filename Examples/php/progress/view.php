<?php
// SPDX-License-Identifier: Apache-2.0
// The page: what index.php's show_page() has found out, as HTML.
declare(strict_types=1);

if (!function_exists('escape')) {
    http_response_code(404);
    exit;
}
$isShown = function (string ...$names) use ($state): string {
    return in_array($state['name'], $names, true) ? '' : ' hidden';
};
$posted = function (string $field, string $otherwise): string {
    return escape(is_string($_POST[$field] ?? null) ? $_POST[$field] : $otherwise);
};
?>
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pages</title>
<link rel="stylesheet" href="progress.css">
<?php if ($id !== null && !$state['isOver']): ?>
<noscript><meta http-equiv="refresh" content="3"></noscript>
<?php endif ?>
<main>
<h1>Pages</h1>
<?php if ($problem !== null): ?>
<p class="problem" role="alert"><?= escape($problem) ?></p>
<?php endif ?>
<?php if ($id !== null): ?>
<section id="job" data-job="<?= $id ?>" data-name="<?= $state['name'] ?>" aria-labelledby="job-title">
<h2 id="job-title">Job <?= $id ?></h2>
<p id="status" role="status" tabindex="-1"><?= escape($state['status']) ?></p>
<div id="bar"<?= $isShown('waiting', 'delayed', 'running', 'done') ?>>
<label for="percent">Progress</label>
<progress id="percent" max="100" value="<?= $state['percent'] ?>"></progress>
<span id="number" aria-hidden="true"><?= $state['percent'] ?> %</span>
</div>
<pre id="text"><?= "\n", escape($state['text']) ?></pre>
<form id="cancel" method="post"<?= $isShown('waiting', 'delayed', 'running') ?>>
<input type="hidden" name="token" value="<?= escape($_SESSION['token']) ?>">
<input type="hidden" name="job" value="<?= $id ?>">
<button name="action" value="cancel">Cancel</button>
</form>
<form id="again" method="post"<?= $isShown('failed') ?>>
<input type="hidden" name="token" value="<?= escape($_SESSION['token']) ?>">
<input type="hidden" name="job" value="<?= $id ?>">
<button name="action" value="again">Try again</button>
</form>
<p id="trouble" class="problem" role="alert" hidden></p>
</section>
<script src="progress.js"></script>
<?php endif ?>
<section aria-labelledby="start-title">
<h2 id="start-title">Start <?= $id === null ? 'a job' : 'another one' ?></h2>
<form method="post" action="?">
<input type="hidden" name="token" value="<?= escape($_SESSION['token']) ?>">
<input type="hidden" name="form" value="<?= bin2hex(random_bytes(16)) ?>">
<p><label for="title">Title</label>
<input id="title" name="title" maxlength="<?= LONGEST_TITLE ?>" required value="<?= $posted('title', 'Holiday') ?>">
<p><label for="pages">Pages</label>
<input id="pages" name="pages" type="number" min="1" max="<?= MOST_PAGES ?>" required value="<?= $posted('pages', '40') ?>">
<p><button name="action" value="start">Start</button>
</form>
</section>
</main>
</html>
