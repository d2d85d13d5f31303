# SPDX-License-Identifier: Apache-2.0
"""Every command, through greenstalk as it is."""
import sys

import greenstalk


def main(address):
    place = address[len("unix:"):] if address.startswith("unix:") else address.split(":")
    place = place if isinstance(place, str) else (place[0], int(place[1]))
    with greenstalk.Client(place, use="green", watch=["green", "stalk"]) as client:
        assert client.using() == "green" and sorted(client.watching()) == ["green", "stalk"]
        assert client.watch("third") == 3 and client.ignore("third") == 2

        first = client.put("an ordinary body: 你好", priority=10, delay=0, ttr=30)
        urgent = client.put("urgent", priority=1)
        later = client.put("later", delay=1000)
        assert client.peek(later).body == "later" and client.peek_delayed().id == later
        assert client.peek_ready().id == urgent

        job = client.reserve(timeout=0)
        assert (job.id, job.body) == (urgent, "urgent")
        client.touch(job)
        client.release(job, priority=20, delay=0)
        job = client.reserve()
        assert (job.id, job.body) == (first, "an ordinary body: 你好")
        client.bury(job, priority=5)
        assert client.peek_buried().id == first
        facts = client.stats_job(first)
        assert facts["state"] == "buried" and facts["tube"] == "green" and facts["pri"] == 5 and facts["buries"] == 1
        assert client.kick(10) == 1
        client.kick_job(later)
        assert client.stats_job(later)["state"] == "ready"
        client.delete(client.reserve_job(later))
        client.delete(first)

        tube = client.stats_tube("green")
        assert tube["name"] == "green" and tube["current-jobs-ready"] == 1 and tube["total-jobs"] == 3
        client.pause_tube("green", 1000)
        try:
            client.reserve(timeout=0)
            raise AssertionError("a paused tube gave a job")
        except greenstalk.TimedOutError:
            pass
        client.pause_tube("green", 0)
        client.delete(client.reserve(timeout=0))

        for error, call in [
            (greenstalk.NotFoundError, lambda: client.delete(first)),
            (greenstalk.NotFoundError, lambda: client.stats_tube("nobody")),
            (greenstalk.NotIgnoredError, lambda: (client.ignore("green"), client.ignore("stalk"))),
            (greenstalk.JobTooBigError, lambda: client.put("x" * 70000)),
            (greenstalk.BadFormatError, lambda: client.use("no:such name")),
        ]:
            try:
                call()
            except error:
                continue
            raise AssertionError(f"no {error.__name__}")
        client.put(b"x" * 65535)
        client.watch("no")

        stats = client.stats()
        assert stats["current-jobs-ready"] == 1 and stats["max-job-size"] == 65535 and stats["draining"] == "false", stats
        assert "green" in client.tubes()
        client.delete(client.peek_ready())
    with greenstalk.Client(place, encoding=None) as client:
        body = bytes(range(256)) * 10
        client.put(body)
        job = client.reserve()
        assert job.body == body
        client.delete(job)


main(sys.argv[1])
