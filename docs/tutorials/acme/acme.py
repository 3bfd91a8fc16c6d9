"""Acme gateway: passes transcriptions on to the provider and bills them; with a bug that many had."""

import json
import sys
import urllib.request
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = json.loads(Path(sys.argv[1]).read_text(), parse_float=Decimal)


def cost(model, usage):
    """Return what a transcription costs, in US dollars."""
    return CONFIG["prices"][model].get("per_second", 0) * Decimal(str(usage.get("seconds", 0)))


class Gateway(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, b"{}", {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        kind = self.headers["content-type"]
        model = next(name for name in CONFIG["prices"] if f"\r\n\r\n{name}\r\n".encode() in body)
        request = urllib.request.Request(
            f"{CONFIG['upstream']}/audio/transcriptions", body, {"content-type": kind}
        )
        with urllib.request.urlopen(request) as response:
            answer, told = response.read(), response.headers["content-type"]
        usage = json.loads(answer).get("usage") or {} if told == "application/json" else {}
        self.answer(200, answer, {"content-type": told, "x-cost": f"{cost(model, usage):f}"})

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Gateway).serve_forever()
