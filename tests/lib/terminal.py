#!/usr/bin/env python3
"""Runs a command on a terminal of its own, and does what a person does there.

    terminal.py [--size ROWSxCOLUMNS] STEP… -- COMMAND…

A STEP is expect:REGEX (waits until what was printed since the last match has it), send:TEXT (with
\\n, \\x03 and the like), resize:ROWSxCOLUMNS, wait:SECONDS, kill:SIGNAL (to COMMAND), tell:FILE (makes it). After the last step
the end of COMMAND is waited for. Prints all that the terminal showed; ends with the status of COMMAND
(128+n: signal), 97 where an expectation was not met within a minute, 98 where COMMAND left the terminal
in other modes than it found it in.
"""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

PATIENCE = 60
MARK = "\x00the end\x00"


def set_size(fd, text):
    rows, columns = (int(n) for n in text.split("x"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Terminal:
    def __init__(self, command, size):
        self.ours, self.theirs = pty.openpty()
        set_size(self.theirs, size)
        self.before = termios.tcgetattr(self.theirs)
        self.seen, self.shown = "", ""
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.process = subprocess.Popen(
            command, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs,
            preexec_fn=self.take_terminal, close_fds=True)

    def take_terminal(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def read(self, seconds):
        """Takes in what is there; False where nothing came."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        text = self.decode(os.read(self.ours, 65536))
        self.seen += text
        self.shown += text
        return True

    def read_rest(self):
        """What was written comes in order, but late: all of it is there when a mark of ours is."""
        while self.read(0):
            pass
        os.write(self.theirs, MARK.encode())
        end = time.monotonic() + PATIENCE
        while MARK not in self.shown and time.monotonic() < end:
            self.read(0.2)
        self.seen, self.shown = (text.replace(MARK, "") for text in (self.seen, self.shown))

    def give_up(self, why):
        self.process.kill()
        print(self.shown)
        print(f"terminal.py: {why}", file=sys.stderr)
        sys.exit(97)

    def expect(self, regex):
        end = time.monotonic() + PATIENCE
        while not (found := re.search(regex, self.seen)):
            ended = self.process.poll() is not None
            if ended:
                self.read_rest()
            if not re.search(regex, self.seen) and (ended or time.monotonic() > end):
                self.give_up(f"no match for {regex!r} in {self.seen!r}")
            if not ended:
                self.read(0.2)
        self.seen = self.seen[found.end():]

    def step(self, text):
        verb, _, value = text.partition(":")
        if verb == "expect":
            self.expect(value)
        elif verb == "send":
            os.write(self.ours, value.encode().decode("unicode_escape").encode("latin-1"))
        elif verb == "resize":
            set_size(self.theirs, value)
        elif verb == "wait":
            time.sleep(float(value))
        elif verb == "tell":
            open(value, "w").close()
        elif verb == "kill":
            self.process.send_signal(signal.Signals["SIG" + value])
        else:
            sys.exit(f"terminal.py: no such step: {text!r}")

    def finish(self):
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            self.read(0.05)
            if time.monotonic() > end:
                self.give_up("the command does not end")
        self.read_rest()
        print(self.shown.replace("\r\n", "\n"), end="")
        # Of a COMMAND that was killed, another process restores the terminal.
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(self.theirs) != self.before and time.monotonic() < end:
            time.sleep(0.05)
        if termios.tcgetattr(self.theirs) != self.before:
            print("terminal.py: the terminal's modes were not restored", file=sys.stderr)
            return 98
        status = self.process.returncode
        return 128 - status if status < 0 else status


def main(argv):
    size = "24x80"
    if argv[:1] == ["--size"]:
        size, argv = argv[1], argv[2:]
    split = argv.index("--")
    terminal = Terminal(argv[split + 1:], size)
    for text in argv[:split]:
        terminal.step(text)
    sys.exit(terminal.finish())


main(sys.argv[1:])
