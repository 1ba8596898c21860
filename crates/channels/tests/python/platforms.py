"""Stubs of WeCom, WeChat and Weibo. They check a request as the platforms do, by their pages: the
token, the fields, the lengths. A line of JSON for each request. A line `apprise TEXT` on standard
input makes Apprise send the text to the robot.
"""

import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from apprise.plugins.wecombot import NotifyWeComBot

APP_ID, APP_SECRET = "wx0123456789abcdef", "correct-horse"
TEMPLATES = {"tmpl-payout": {"thing1": 20, "amount2": 32}, "tmpl-once": None}
FOLLOWERS = {"oFollower_1", "oRefuses", "oTwice"}
WEIBO_TOKEN, WEIBO_DOMAIN = "2.00token", "doorstep.example"
tokens = []
consents = {"oFollower_1": 1}


def wecom(key, body):
    if key == "robot-removed":
        return {"errcode": 93000, "errmsg": "invalid webhook url"}
    if key == "robot-busy":
        return {"errcode": 45009, "errmsg": "api freq out of limit"}
    if key != "robot-1":
        return {"errcode": 40003, "errmsg": "bad key"}
    kind = body.get("msgtype")
    most = {"text": 2048, "markdown": 4096}.get(kind)
    if most is None or set(body) != {"msgtype", kind}:
        return {"errcode": 40008, "errmsg": "invalid message type"}
    content = body[kind].get("content", "")
    if not content:
        return {"errcode": 44004, "errmsg": "empty content"}
    if len(content.encode()) > most:
        return {"errcode": 40058, "errmsg": "content exceed max length"}
    return {"errcode": 0, "errmsg": "ok"}


def stable_token(body):
    if set(body) != {"grant_type", "appid", "secret"} or body["grant_type"] != "client_credential":
        return {"errcode": 40002, "errmsg": "invalid grant_type"}
    if body["appid"] != APP_ID:
        return {"errcode": 40013, "errmsg": "invalid appid"}
    if body["secret"] != APP_SECRET:
        return {"errcode": 40125, "errmsg": "invalid appsecret"}
    tokens.append(f"token_{len(tokens) + 1}")
    return {"access_token": tokens[-1], "expires_in": 7200}


def wechat(path, token, body):
    if token not in tokens[-1:]:
        return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid"}
    if body.get("touser") not in FOLLOWERS:
        return {"errcode": 40003, "errmsg": "invalid openid"}
    if body["touser"] == "oRefuses":
        return {"errcode": 43101, "errmsg": "user refuse to accept the msg"}
    if body["touser"] == "oTwice" and token == "token_1":
        # As if somebody had revoked the token just now.
        tokens.append("revoked")
        return {"errcode": 42001, "errmsg": "access_token expired"}
    if body.get("template_id") not in TEMPLATES:
        return {"errcode": 40037, "errmsg": "invalid template_id"}
    if path.endswith("bizsend"):
        limits = TEMPLATES[body["template_id"]]
        data = body["data"]
        if limits is None or set(data) != set(limits):
            return {"errcode": 47003, "errmsg": "argument invalid! data"}
        for name, most in limits.items():
            if set(data[name]) != {"value"} or not 0 < len(data[name]["value"]) <= most:
                return {"errcode": 47003, "errmsg": f"argument invalid! data.{name}.value"}
        return {"errcode": 0, "errmsg": "ok", "msgid": 2571234567890123456}
    if not re.fullmatch(r"\d{1,5}", body["scene"]) or int(body["scene"]) > 10000:
        return {"errcode": 40097, "errmsg": "invalid scene"}
    if len(body["title"]) > 15 or len(body["data"]["content"]["value"]) > 200:
        return {"errcode": 47003, "errmsg": "argument invalid"}
    if consents.get(body["touser"], 0) == 0:
        return {"errcode": 43101, "errmsg": "user refuse to accept the msg"}
    consents[body["touser"]] -= 1
    return {"errcode": 0, "errmsg": "ok"}


def weibo(form):
    def refused(status, code, error):
        return status, {"error": error, "error_code": code, "request": "/2/statuses/share.json"}

    if form.get("access_token") == ["2.00expired"]:
        return refused(403, 21327, "expired_token")
    if form.get("access_token") != [WEIBO_TOKEN]:
        return refused(403, 21332, "invalid_access_token")
    status = form.get("status", [""])[0]
    if len(status) > 140:
        return refused(400, 20012, "text too long")
    if not re.search(rf"https?://([\w-]+\.)*{re.escape(WEIBO_DOMAIN)}(/|\s|$)", status):
        return refused(400, 10017, "a url of the app's domain is missing")
    if "often" in status:
        return refused(403, 20016, "out of limit")
    return 200, {"idstr": "5098765432109876", "id": 5098765432109876, "text": status}


class Platforms(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["content-length"]))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        kind = self.headers["content-type"].split(";")[0]
        if kind == "application/json":
            body = json.loads(raw)
        else:
            body = parse_qs(raw.decode(), strict_parsing=True)
        agent = self.headers["user-agent"]
        seen = {"path": url.path, "query": query, "kind": kind, "agent": agent, "body": body}
        print(json.dumps(seen), flush=True)
        status = 200
        if url.path == "/cgi-bin/webhook/send":
            odd = getattr(self, "odd_" + query["key"].replace("-", "_"), None)
            if odd:
                return odd()
            answer = wecom(query["key"], body)
        elif url.path == "/cgi-bin/stable_token":
            answer = stable_token(body)
        elif url.path in ("/cgi-bin/message/subscribe/bizsend", "/cgi-bin/message/template/subscribe"):
            answer = wechat(url.path, query.get("access_token"), body)
        elif url.path == "/2/statuses/share.json" and kind == "application/x-www-form-urlencoded":
            status, answer = weibo(body)
        else:
            status, answer = 404, {}
        self.say(status, json.dumps(answer).encode())

    def say(self, status, body, **headers):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def odd_empty(self):
        self.say(200, b"")

    def odd_long(self):
        self.say(200, b'{"errcode":0,"x":"' + b"x" * (1 << 20) + b'"}')

    def odd_cut(self):
        self.close_connection = True

    def odd_gateway(self):
        self.say(502, b"<html>bad gateway</html>")

    def odd_overloaded(self):
        self.say(503, b"<html></html>", retry_after="9")

    def odd_forbidden(self):
        self.say(403, b"<html></html>")

    def odd_slow(self):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            while True:
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            self.close_connection = True


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", 0), Platforms)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"port": server.server_port}), flush=True)


class Robot(NotifyWeComBot):
    """Apprise's own, at another address."""

    notify_url = f"http://127.0.0.1:{server.server_port}/cgi-bin/webhook/send?key={{key}}"


for line in sys.stdin:
    _, text = line.rstrip("\n").split(" ", 1)
    assert Robot(key="robot-1").send(body=text)
