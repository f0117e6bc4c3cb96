#!/usr/bin/env python3
"""WebSockets (RFC 6455) for the reload storm: an echoing replica, and clients that keep talking to it through Usher.

    sockets.py serve              listens on 127.0.0.1, prints its port, echoes until killed; other requests get 200
    sockets.py talk PORT COUNT PATH...
                                  opens COUNT WebSockets, shared out among the paths, and sends a message of its own on
                                  each four times a second. Prints `open` when all are, and at the end of its standard
                                  input one line of JSON: open (still, after one more echo each), echoed, problems.
"""
import asyncio
import base64
import hashlib
import json
import os
import sys

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 1, 8
PATIENCE = 30


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + MAGIC).digest())


def frame(payload, opcode=TEXT, mask=None):
    """One whole message; clients mask theirs (RFC 6455 section 5.3)."""
    length = len(payload)
    head = bytes([0x80 | opcode])
    flag = 0x80 if mask else 0
    if length < 126:
        head += bytes([flag | length])
    else:
        head += bytes([flag | 126]) + length.to_bytes(2, "big")
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def read_frame(reader, is_masked):
    """(opcode, payload); anything but a whole, correctly masked message is an error."""
    first, second = await reader.readexactly(2)
    if first & 0xF0 != 0x80 or bool(second & 0x80) != is_masked:
        raise ValueError(f"frame begins with {first:02x}{second:02x}")
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4) if is_masked else bytes(4)
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def field(head, name):
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


async def echo(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            key = field(head, b"sec-websocket-key")
            if field(head, b"upgrade").lower() != b"websocket" or not key:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
                continue
            writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         b"Sec-WebSocket-Accept: " + accept_key(key) + b"\r\n\r\n")
            while True:
                opcode, payload = await read_frame(reader, is_masked=True)
                writer.write(frame(payload, opcode))
                if opcode == CLOSE:
                    return
                await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def serve():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Talker:
    """One WebSocket's client."""

    def __init__(self, number, path):
        self.number, self.path = number, path
        self.echoed = 0
        self.problem = None

    async def open(self, port):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(os.urandom(16))
        self.writer.write(
            f"GET {self.path} HTTP/1.1\r\nHost: sockets\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode())
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE)
        if not head.startswith(b"HTTP/1.1 101 ") or field(head, b"sec-websocket-accept") != accept_key(key):
            raise ValueError(f"answered {head!r}")

    async def say(self):
        text = f"socket {self.number} message {self.echoed} ".encode() * (1 + self.echoed % 40)
        self.writer.write(frame(text, TEXT, os.urandom(4)))
        opcode, payload = await asyncio.wait_for(read_frame(self.reader, is_masked=False), PATIENCE)
        if (opcode, payload) != (TEXT, text):
            raise ValueError(f"echoed {opcode} {payload[:60]!r}")
        self.echoed += 1

    async def talk(self, is_over):
        try:
            while not is_over.is_set():
                await self.say()
                await asyncio.sleep(0.25)
            await self.say()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            self.problem = f"socket {self.number} on {self.path} after {self.echoed} echoes: {error!r}"


async def talk(port, count, paths):
    talkers = [Talker(number, paths[number % len(paths)]) for number in range(count)]
    for talker in talkers:
        await talker.open(port)
    print("open", flush=True)
    is_over = asyncio.Event()
    tasks = [asyncio.create_task(talker.talk(is_over)) for talker in talkers]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    is_over.set()
    await asyncio.gather(*tasks)
    problems = [talker.problem for talker in talkers if talker.problem]
    print(json.dumps({"open": count - len(problems), "echoed": sum(talker.echoed for talker in talkers),
                      "problems": problems[:5]}), flush=True)
    for talker in talkers:
        talker.writer.close()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(serve())
    elif len(sys.argv) > 4 and sys.argv[1] == "talk":
        asyncio.run(talk(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
    else:
        sys.exit(__doc__)
