"""A load user's live feed is read all the time, as a browser's is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest
from websockets.sync.server import ServerConnection, serve

from loadtests.live import FeedLost, LiveFeed

PATIENCE = 2.0


@contextmanager
def program(talk: Callable[[ServerConnection], None]) -> Iterator[LiveFeed]:
    """A feed of a program that talks like this."""
    with serve(talk, "127.0.0.1", 0, ping_interval=None) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        try:
            yield LiveFeed(f"ws://127.0.0.1:{port}/", f"http://127.0.0.1:{port}", PATIENCE)
        finally:
            server.shutdown()
            thread.join()


def test_pings_are_answered_while_its_user_asks_for_nothing() -> None:
    answered = Event()

    def talk(connection: ServerConnection) -> None:
        for _ in range(3):
            if not connection.ping().wait(10):
                return
        answered.set()
        connection.send("one")
        connection.send([b"t", b"wo"])

    with program(talk) as feed:
        assert answered.wait(20)
        assert [feed.message(), feed.message()] == [("text", b"one"), ("binary", b"two")]
        feed.close()


def test_what_came_before_the_end_is_heard_and_then_the_end() -> None:
    def talk(connection: ServerConnection) -> None:
        connection.send("the last")
        connection.close(1011, "done")

    with program(talk) as feed:
        assert feed.message() == ("text", b"the last")
        with pytest.raises(FeedLost, match="closed: 1011 done"):
            feed.message()
        feed.close()


def test_silence_is_a_feed_lost_and_the_goodbye_is_said() -> None:
    goodbye: list[int | None] = []

    def talk(connection: ServerConnection) -> None:
        for _ in connection:
            pass
        goodbye.append(connection.close_code)

    with program(talk) as feed:
        feed._timeout = 0.1
        with pytest.raises(FeedLost, match="nothing came"):
            feed.message()
        feed.close()
    assert goodbye == [1000]
