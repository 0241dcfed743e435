"""Receives Overheard's webhooks: python3 receiver.py PORT SECRET_FILE"""
import base64, hashlib, hmac, http.server, json, sys, time

KEY = base64.b64decode(open(sys.argv[2]).read().strip().removeprefix("whsec_"))
SEEN = set()  # of ids; a real receiver keeps them with what it stores

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        event, at = self.headers.get("webhook-id", ""), self.headers.get("webhook-timestamp", "")
        signed = f"{event}.{at}.".encode() + body
        right = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        given = self.headers.get("webhook-signature", "").split()
        fresh = at.isdigit() and abs(time.time() - int(at)) < 300
        genuine = fresh and any(hmac.compare_digest(right, one) for one in given)
        if genuine and event not in SEEN:
            SEEN.add(event)
            print(json.loads(body)["type"], event, flush=True)
        self.send_response(204 if genuine else 401)
        self.end_headers()

    def log_message(self, *_): pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
