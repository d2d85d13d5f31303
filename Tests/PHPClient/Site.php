<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/** The pages of Examples/php/progress on PHP's own web server, with several processes. */
final class Site
{
    public $address;
    private $folder;
    private $program;

    /** @param string $server the address of the daemon */
    public function __construct(string $server)
    {
        $this->folder = sys_get_temp_dir() . '/site-' . bin2hex(random_bytes(6));
        mkdir($this->folder, 0700);
        touch($this->log());
        $free = stream_socket_server('tcp://127.0.0.1:0');
        $this->address = stream_socket_get_name($free, false);
        fclose($free);
        $pages = escapeshellarg(__DIR__ . '/../../Examples/php/progress');
        // The first process does not end the others.
        $this->program = Program::group("env TALKBACK_ADDRESS=$server PHP_CLI_SERVER_WORKERS=4 " . PHP_BINARY
            . " -d session.save_path=$this->folder -d display_errors=stderr -S $this->address -t $pages 2>{$this->log()}");
        try {
            eventually('the pages are there', function () {
                isTrue($this->program->isRunning(), 'the web server runs: ' . file_get_contents($this->log()));
                try {
                    return fclose(stream_socket_client("tcp://$this->address"));
                } catch (ErrorException $notYet) {
                    return false;
                }
            });
        } catch (Throwable $error) {
            // What is not whole has no end of its own.
            $this->__destruct();
            throw $error;
        }
    }

    public function __destruct()
    {
        $this->program->end();
        array_map('unlink', glob("$this->folder/*"));
        rmdir($this->folder);
    }

    public function log(): string
    {
        return "$this->folder/log";
    }
}

/** One for all tests that leave it as it was, with the server of server(). */
function site(): Site
{
    static $site = null;
    return $site = $site ?? new Site(server()->address);
}
