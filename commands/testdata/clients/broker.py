"""kombu, which is what Celery speaks to its broker with: a queue that needs no scripts. Messages are acknowledged, rejected and
delivered again; a topic exchange routes. What needs scripts is left out: kombu looks for messages that a dead worker has kept
when a poll finds nothing, under a lock that a script releases."""
import os

from kombu import Connection, Consumer, Exchange, Producer, Queue

url = "redis://:secret@127.0.0.1:%s/9" % os.environ["REDIX_TEST_PORT"]
with Connection(url) as conn:
    work = conn.SimpleQueue("work")
    for i in range(50):
        work.put({"job": i})
    assert work.qsize() == 50
    done = []
    for i in range(50):
        m = work.get(timeout=10)
        done.append(m.payload["job"])
        m.ack()
    assert done == list(range(50)), done
    work.put({"job": "again"})
    work.get(timeout=10).requeue()
    m = work.get(timeout=10)
    assert m.payload == {"job": "again"} and m.delivery_info["redelivered"]
    m.reject()
    assert conn.default_channel.client.llen("work") == 0
    work.close()

    got = []
    news = Exchange("news", type="topic")
    with conn.channel() as channel:
        with Consumer(channel, Queue("sport", news, routing_key="sport.#"), callbacks=[lambda body, m: (got.append(body), m.ack())]):
            p = Producer(channel, exchange=news, serializer="json")
            for key in ("sport.football", "art", "sport.tennis.open"):
                p.publish({"key": key}, routing_key=key)
            while len(got) < 2:
                conn.drain_events(timeout=10)
            assert channel.client.llen("sport") == 0
    assert [b["key"] for b in got] == ["sport.football", "sport.tennis.open"], got
    conn.default_channel.client.flushdb()
