"""A gateway whose certificate was stolen, between one terminal and the engine (docs/door/gateway.md).

Before it passes a message on, it tries changed and repeated ones on a line of its own. When the
terminal leaves, it breaks the protocol in several ways and prints what came of its tries, as JSON.

    stolen_gateway.py ENGINE_PORT AUTHORITY CERTIFICATE KEY
"""

import json
import random
import socket
import ssl
import struct
import sys

HELLO, OPENED, MESSAGE, CLOSED, STOP, HEARTBEAT = range(6)
TRIES = 12
TPDU = 5
DIALECT = b"doorstep"


def frame(line, kind, load=b""):
    return struct.pack(">IIB", 5 + len(load), line, kind) + load


class Engine:
    def __init__(self, port, authority, certificate, key):
        context = ssl.create_default_context(cafile=authority)
        context.load_cert_chain(certificate, key)
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.stream = context.wrap_socket(plain, server_hostname="engine")
        self.last_line = 0
        self.say(frame(0, HELLO, b"\x02"))
        assert self.hear()[0] == HELLO

    def say(self, data):
        self.stream.sendall(data)

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.stream.recv(length - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def hear(self):
        """The kind, line and load of the next frame that is no heartbeat."""
        while True:
            (length,) = struct.unpack(">I", self.exactly(4))
            data = self.exactly(length)
            (line,) = struct.unpack(">I", data[:4])
            if data[4] != HEARTBEAT:
                return data[4], line, data[5:]

    def open(self):
        self.last_line += 1
        self.say(frame(self.last_line, OPENED, DIALECT))
        return self.last_line


def changed(chance, message, passed):
    """The message, changed behind its TPDU."""
    other = chance.choice(passed or [message])
    place = chance.randrange(TPDU, len(message))
    data = bytearray(message)
    way = chance.randrange(6)
    if way == 0:
        data[place] ^= 1 << chance.randrange(8)
    elif way == 1:
        data[place] = chance.randrange(256)
    elif way == 2:
        del data[place]
    elif way == 3:
        data.insert(place, chance.randrange(256))
    elif way == 4:
        data[-8:] = other[-8:]
    else:
        data[place:] = other[place:]
    return bytes(data)


def main():
    port, *files = sys.argv[1:]
    chance, passed, counts = random.Random(7), [], {"answered": 0, "closed": 0, "ended": 0}
    engine = Engine(int(port), *files)
    listener = socket.create_server(("127.0.0.1", 0))
    print("terminals 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    terminal, _ = listener.accept()
    reader = terminal.makefile("rb")
    line, own = engine.open(), engine.open()
    while length := reader.read(2):
        message = reader.read(struct.unpack(">H", length)[0])
        tries = [changed(chance, message, passed) for _ in range(TRIES)]
        known = {data[TPDU:] for data in passed + [message]}
        tries = [data for data in tries if data[TPDU:] not in known]
        # A repeated sign-on, the first message, can only make the terminal sign on once more.
        repeats = chance.sample(passed[1:], min(3, len(passed[1:])))
        for data in tries + repeats:
            engine.say(frame(own, MESSAGE, data))
            kind, of, _ = engine.hear()
            assert of == own, "an answer on another line"
            counts["answered" if kind == MESSAGE else "closed"] += 1
            if kind == CLOSED:
                own = engine.open()
        engine.say(frame(line, MESSAGE, message))
        kind, of, answer = engine.hear()
        assert (kind, of) == (MESSAGE, line), (kind, of)
        passed.append(message)
        terminal.sendall(struct.pack(">H", len(answer)) + answer)
    last = passed[-1]
    for wrong in [
        frame(line, OPENED, DIALECT),
        frame(99, MESSAGE, last),
        frame(0, HELLO, b"\x02"),
        frame(line, 7),
        frame(99, OPENED, b"morse"),
        frame(0, STOP),
        struct.pack(">I", 1 << 20),
    ]:
        engine.say(wrong)
        try:
            while True:
                engine.hear()
        except (EOFError, OSError):
            counts["ended"] += 1
        engine = Engine(int(port), *files)
        line = engine.open()
    # A dialect with which the engine does not trust it: the line is closed.
    engine.say(frame(engine.last_line + 1, OPENED, b"unionpay"))
    assert engine.hear()[:2] == (CLOSED, engine.last_line + 1)
    print(json.dumps(counts), flush=True)


main()
