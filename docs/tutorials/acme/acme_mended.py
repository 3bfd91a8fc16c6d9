"""Acme gateway: passes transcriptions on to the provider and bills them, by tokens too."""

import json
import sys
import urllib.request
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = json.loads(Path(sys.argv[1]).read_text(), parse_float=Decimal)


def cost(model, usage):
    """Return what a transcription costs, in US dollars, or None where that is not known."""
    price = CONFIG["prices"][model]
    if "input_tokens" in usage and "audio_in" in price:
        details = usage.get("input_token_details") or {}
        text = details.get("text_tokens", 0)
        audio = details.get("audio_tokens", usage["input_tokens"] - text)
        return (
            text * price["text_in"] + audio * price["audio_in"] + usage["output_tokens"] * price["text_out"]
        )
    if "seconds" in usage and "per_second" in price:
        return price["per_second"] * Decimal(str(usage["seconds"]))
    return None


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
        amount = cost(model, usage)
        known = {} if amount is None else {"x-cost": f"{amount:f}"}
        self.answer(200, answer, {"content-type": told, **known})

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
