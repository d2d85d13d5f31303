<?php
// SPDX-License-Identifier: Apache-2.0
// What is said of scripts that fail, whatever PHP does with its own errors: reasons.php ADDRESS
//
// The daemon there has a worker for each tube, which runs the body as a script: "bare" without a php.ini, as in the official images,
// "ini" with the machine's, and the others with other settings.
declare(strict_types=1);

require __DIR__ . '/../../Clients/php/src/Talkback/Client.php';

// Where it is, as PHP says it of a script from standard input.
$place = ' in (PHP Shell code|Standard input code)';
// What each script does, and what the reason is, as a pattern.
$everywhere = [
    'echo 1' => "^(PHP )?Parse error: +syntax error, .*$place",
    'echo "part of a result\n"; foo();' => "^(PHP )?Fatal error: +Uncaught Error: Call to undefined function foo\(\)$place",
    'ini_set("memory_limit", "4M"); str_repeat("x", 1 << 25);' => '^(PHP )?Fatal error: +Allowed memory size of \d+ bytes exhausted',
    'throw new RuntimeException("no paper");' => "^(PHP )?Fatal error: +Uncaught RuntimeException: no paper$place",
    'require "no-such.inc";' => 'Failed opening required .no-such\.inc.',
    'fwrite($errors = fopen("php://stderr", "w"), "begins\n"); foo();' => "\Abegins\n(PHP )?Fatal error: +Uncaught Error: Call to undefined function foo",
    'exit(3);' => '\Aexit status 3\z',
    'echo "half\n"; exit(3);' => '\Ahalf\z',
    'echo "half"; fwrite($errors = fopen("php://stderr", "w"), "no paper\n"); exit(3);' => '\Ano paper\z',
    'exec("kill -SEGV " . getmypid());' => '\Aended by signal 11 \(SIGSEGV\)\z',
];
$cases = [
    ['bare', 'echo str_repeat("line\n", 1 << 19); foo();', '\A(line\n)+\nFatal error: +Uncaught Error: Call to undefined function foo'],
    ['html', 'trigger_error("a notice"); foo();', '\ANotice: +a notice in [^<]*\n\nFatal error: +Uncaught Error: [^<]*\z'],
    ['twice', 'trigger_error("a notice"); foo();', '\A(?!PHP)Notice: +a notice .*\n.*Fatal error: +Uncaught Error: '],
    ['silent', 'foo();', '\Aexit status 255, and nothing on standard error or output: PHP'],
    ['missing', '', '\ACould not open input file: no-such-task.php\z'],
];
foreach ($everywhere as $script => $pattern) {
    foreach (['bare', 'ini', 'stderr', 'both', 'twice'] as $tube) {
        $cases[] = [$tube, $script, $pattern];
    }
}

$client = new Talkback\Client($argv[1]);
$ids = [];
foreach ($cases as list($tube, $script, $pattern)) {
    $ids[] = $client->submit("<?php $script", ['tube' => $tube])->id;
}
$failed = 0;
foreach ($cases as $number => list($tube, $script, $pattern)) {
    $state = $client->wait($ids[$number], 30);
    $reason = $state->reason();
    $isRight = $state->state === 'failed' && preg_match("~$pattern~m", $reason) === 1 && strlen($reason) <= 4096
        && substr_count($reason, 'Call to undefined function') <= 1;
    if (!$isRight) {
        $failed++;
        fwrite(STDERR, "fails: $tube: $script\n$reason\nis not like $pattern\n");
    }
}
printf("%d passed, %d failed\n", count($cases) - $failed, $failed);
exit($failed === 0 ? 0 : 1);
