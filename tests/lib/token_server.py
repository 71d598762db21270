#!/usr/bin/env python3
"""A token server, and the registry behind it: what a client sees at one address.

    token_server.py DIRECTORY         prints "PORT" and a newline, then serves until it is killed

It gives out tokens at /token (distribution's "Token Authentication Specification" and "OAuth2 Token
Authentication"), signed with DIRECTORY/key.pem, of which DIRECTORY/cert.pem is the certificate that
the registry trusts; and hands everything else on to the registry whose address (localhost:PORT) is in
DIRECTORY/registry. So the realm has the registry's own origin.

    me:secret           may pull and push everything; an identity token "identity" is as good
    nobody              may pull what begins with "public/"

    GET /_requests      what was asked for at /token: JSON, [{"method", "query", "authorization"}, ...]
    GET /_expire        the tokens given out so far are refused from now on
"""

import base64
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
import urllib.parse

SERVICE, ISSUER = "test registry", "token_server"
USER = "Basic " + base64.b64encode(b"me:secret").decode()


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    directory, requests, generation, given, lock = "", [], 0, {}, threading.Lock()

    def log_message(self, *args):
        pass

    def reply(self, status, document, **headers):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def sign(self, claims):
        with open(os.path.join(self.directory, "cert.pem"), encoding="ascii") as file:
            certificate = "".join(line.strip() for line in file if not line.startswith("-----"))
        header = {"typ": "JWT", "alg": "RS256", "x5c": [certificate]}
        text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", os.path.join(self.directory, "key.pem")],
            input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
        return text + "." + encoded(signature)

    def give_token(self, fields, known, name):
        access = []
        for scope in " ".join(fields.get("scope", [])).split():
            kind, repository, actions = scope.split(":")
            if not known and not repository.startswith("public/"):
                continue
            allowed = [a for a in actions.split(",") if known or a == "pull"]
            access.append({"type": kind, "name": repository, "actions": allowed})
        now = int(time.time())
        token = self.sign({"iss": ISSUER, "sub": "me" if known else "", "aud": SERVICE,
                           "exp": now + 300, "nbf": now - 10, "iat": now, "access": access,
                           "jti": str(len(self.given))})
        with self.lock:
            self.given[token] = self.generation
        self.reply(200, {name: token, "expires_in": 300})

    def ask(self, query, fields, known, shown, name):
        with self.lock:
            self.requests.append({"method": self.command, "query": query,
                                  "authorization": self.headers.get("Authorization")})
        if shown and not known:
            self.reply(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong"}]})
        else:
            self.give_token(fields, known, name)

    def hand_on(self):
        authorization = self.headers.get("Authorization", "")
        with self.lock:
            old = self.given.get(authorization.partition(" ")[2], self.generation) < self.generation
        headers = {k: ", ".join(self.headers.get_all(k)) for k in self.headers
                   if not (old and k.lower() == "authorization")}
        length = int(self.headers.get("Content-Length", 0))
        with open(os.path.join(self.directory, "registry"), encoding="ascii") as file:
            connection = http.client.HTTPConnection(file.read().strip())
        connection.request(self.command, self.path, self.rfile.read(length), headers)
        answer = connection.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(name, value)
        length = answer.headers.get("Content-Length") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length or 0))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/_requests":
            self.reply(200, self.requests)
        elif path == "/_expire":
            Server.generation += 1
            self.reply(200, {})
        elif path == "/token":
            shown = self.headers.get("Authorization")
            self.ask(query, urllib.parse.parse_qs(query), shown == USER, shown, "token")
        else:
            self.hand_on()

    def do_POST(self):
        if self.path != "/token":
            self.hand_on()
            return
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = urllib.parse.parse_qs(body)
        known = fields.get("refresh_token") == ["identity"]
        self.ask(body, fields, known, True, "access_token")

    do_HEAD = do_PUT = do_PATCH = do_DELETE = hand_on


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: token_server.py DIRECTORY")
    Server.directory = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
