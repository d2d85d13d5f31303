# SPDX-License-Identifier: Apache-2.0
"""What pystalk has, as it is: it feeds what the server tells to a real reader of YAML."""
import sys

from pystalk import BeanstalkClient, BeanstalkError


def main(address):
    host, port = address.split(":")
    client = BeanstalkClient(host, int(port))
    assert client.ping()
    with client.using("py") as there:
        _, first = there.put_job("one", pri=7, ttr=50)
        _, second = there.put_job(b"two", delay=1000)
    _, third = client.put_job_into("stalk", "three")
    client.watch("py")
    job = client.reserve_job(timeout=0)
    assert (job.job_id, job.job_data) == (first, b"one")
    client.bury_job(job.job_id)
    client.use("py")
    assert client.peek_buried().job_id == first
    facts = client.stats_job(first)
    assert facts["state"] == "buried" and facts["tube"] == "py" and facts["id"] == first, facts
    client.kick_jobs(1)
    job = client.reserve_job(timeout=0)
    client.release_job(job.job_id, pri=3)
    client.kick_job(second)
    assert client.peek_ready().job_id == first
    for job in (first, second, third):
        client.delete_job(job)
    client.pause_tube("py", 100)
    assert client.stats_tube("py")["pause"] == 100
    client.unpause_tube("py")
    stats = client.stats()
    assert isinstance(stats["version"], str) and isinstance(stats["id"], str) and stats["draining"] is False, stats
    assert set(client.list_tubes()) >= {"default", "py"}
    try:
        client.delete_job(first)
    except BeanstalkError as error:
        assert "NOT_FOUND" in str(error)
    else:
        raise AssertionError("a job was deleted twice")
    client.close()


main(sys.argv[1])
