<?php
// SPDX-License-Identifier: Apache-2.0
declare(strict_types=1);

/**
 * A server with a script: for each connection the steps it takes, in peer.php.
 *
 *     ['read', BYTES]         these bytes and no others come next
 *     ['take', COUNT]         so many bytes come, whatever they are
 *     ['send', BYTES]
 *     ['cut', BYTES, COUNT]   sends the first ones, and the rest when those have been read
 *     ['drip', BYTES]         sends each byte when the one before it has been read
 *     ['end']                 waits for the end of the stream
 *     ['say', WORD]           tells the test that it is here
 *     ['reset']               ends the connection, so that the other side sees an error
 */
final class Peer
{
    public $address;
    private $program;

    public function __construct(array ...$connections)
    {
        $encoded = array_map(function (array $steps) {
            return array_map(function (array $step) {
                return array_map(function ($part) {
                    return is_string($part) ? base64_encode($part) : $part;
                }, $step);
            }, $steps);
        }, $connections);
        $this->program = Program::php('peer.php', [], json_encode($encoded));
        $this->address = $this->program->line();
    }

    public function client(float $replyTimeout = 10.0): Talkback\Client
    {
        return new Talkback\Client($this->address, ['replyTimeout' => $replyTimeout]);
    }

    public function expect(string $word): void
    {
        same($word, $this->program->line(), 'word of the peer');
    }

    /** All has gone as its script has it. */
    public function finish(): void
    {
        $this->expect('done');
        same(0, $this->program->wait(), 'exit status of the peer');
    }
}
