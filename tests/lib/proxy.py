#!/usr/bin/env python3
"""A proxy on loopback that writes down what it is asked for.

    proxy.py HTTP-TARGET TLS-TARGET     prints "PORT" and a newline, then serves until it is killed

Every host is one of the two targets (localhost:PORT): that of an absolute http:// address, and that
of a CONNECT. With PROXY_USER=USER:PASSWORD in the environment it wants to be shown that (407).

    GET /_requests      what was asked for: JSON, ["GET http://registry.test/v2/", "CONNECT ..."]
"""

import base64
import http.client
import http.server
import json
import os
import socket
import sys
import threading


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests, targets = [], []
    user = os.environ.get("PROXY_USER")

    def log_message(self, *args):
        pass

    def is_allowed(self):
        shown = self.headers.get("Proxy-Authorization", "")
        if not self.user or shown == "Basic " + base64.b64encode(self.user.encode()).decode():
            return True
        self.send_response(407)
        self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
        self.send_header("Content-Length", "0")
        self.end_headers()
        return False

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/_requests":
            self.answer(200, [], json.dumps(self.requests).encode())
            return
        self.requests.append(f"{self.command} {self.path}")
        if not self.is_allowed():
            return
        host, _, rest = self.path.removeprefix("http://").partition("/")
        headers = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
        peer = http.client.HTTPConnection(self.targets[0])
        peer.request("GET", "/" + rest, headers=headers)
        r = peer.getresponse()
        self.answer(r.status, r.getheaders(), r.read())

    def do_CONNECT(self):
        self.requests.append(f"CONNECT {self.path}")
        if not self.is_allowed():
            return
        host, _, port = self.targets[1].rpartition(":")
        try:
            peer = socket.create_connection((host, int(port)))
        except OSError:
            self.answer(502, [], b"")
            return
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        ends = [self.connection, peer]
        threads = [threading.Thread(target=self.carry, args=pair)
                   for pair in (ends, ends[::-1])]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    @staticmethod
    def carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def main():
    Proxy.targets = sys.argv[1:3]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
