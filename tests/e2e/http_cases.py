"""HTTP/1.1 on the wire, case by case: what RFC 9110 and 9112 say, what lbdemo-server answers (HTTP_CASES.md)."""
import caselib
import lbtest
from caselib import Case
from rawhttp import Client, get

STRICT = "stricter than the rule: two servers could read it differently"


def chunked(body, *headers, method="POST"):
    return get("/pod", "Transfer-Encoding: chunked", *headers, method=method) + body


def with_length(length, body="", *headers):
    return get("/pod", f"Content-Length: {length}", *headers) + body


def with_header(line):
    return get("/pod", line)


def line(text):
    return text + "\r\nHost: a\r\n\r\n"


R = "9112 "  # RFC 9112
CASES = [
    # --- message format
    Case(R + "2.2", "an empty line before the request", "\r\n" + get("/pod"), "200"),
    Case(R + "2.2", "two empty lines before the request", "\r\n\r\n" + get("/pod"), "400, closed",
         "at least one should be ignored; one is"),
    Case(R + "2.2", "lines that end with a bare LF", "GET /pod HTTP/1.1\nHost: a\n\n", "400, closed", STRICT),
    Case(R + "2.2", "one header line that ends with a bare LF", get("/pod", "X: a\nY: b"), "400, closed", STRICT),
    Case(R + "2.2", "a bare CR in a header's value", with_header("X: a\rb"), "400, closed"),
    Case(R + "2.2", "a bare CR in the request line", line("GET /pod\rHTTP/1.1"), "400, closed"),
    Case(R + "2.2", "white space before the first header", "GET /pod HTTP/1.1\r\n Host: a\r\n\r\n", "400, closed"),
    Case(R + "2.2", "bytes that are no HTTP", b"\x00\x01\x02\x03\r\n\r\n", "400, closed"),
    Case(R + "2.3", "HTTP/1.2", get("/pod", version="HTTP/1.2"), "200", "a minor version is answered as 1.1"),
    Case(R + "2.3", "HTTP/2.0 in a request line", get("/pod", version="HTTP/2.0"), "505, closed"),
    Case(R + "2.3", "HTTP/0.9 in a request line", get("/pod", version="HTTP/0.9"), "505, closed"),
    Case(R + "2.3", "HTTP/01.1", get("/pod", version="HTTP/01.1"), "400, closed"),
    Case(R + "2.3", "http/1.1 in lower case", get("/pod", version="http/1.1"), "400, closed"),
    Case(R + "2.3", "HTTP/1.1 with something behind it", get("/pod", version="HTTP/1.1x"), "400, closed"),
    # --- request line
    Case(R + "3", "no version, as in HTTP/0.9", "GET /pod\r\n\r\n", "400, closed"),
    Case(R + "3", "two spaces before the target", line("GET  /pod HTTP/1.1"), "400, closed", STRICT),
    Case(R + "3", "two spaces before the version", line("GET /pod  HTTP/1.1"), "400, closed", STRICT),
    Case(R + "3", "a tab before the target", line("GET\t/pod HTTP/1.1"), "400, closed", STRICT),
    Case(R + "3", "a space at the line's end", line("GET /pod HTTP/1.1 "), "400, closed", STRICT),
    Case(R + "3", "a space in the target", line("GET /p od HTTP/1.1"), "400, closed"),
    Case(R + "3", "an empty line instead of a method", " /pod HTTP/1.1\r\n\r\n", "400, closed"),
    Case(R + "3.1", "a method in lower case", line("get /pod HTTP/1.1"), "501, closed", "methods are case-sensitive"),
    Case(R + "3.1", "an unknown method", get("/pod", method="BREW"), "501, closed"),
    Case(R + "3.1", "a method of 100 bytes", get("/pod", method="A" * 100), "501, closed"),
    Case(R + "3.1", "a method of 9000 bytes", get("/pod", method="A" * 9000), "414, closed"),
    Case(R + "3.1", "a method that is no token", get("/pod", method="G@T"), "400, closed"),
    Case(R + "3", "a target of 8000 bytes", get("/" + "a" * 7999), "404"),
    Case(R + "3", "a target of 8192 bytes", get("/" + "a" * 8191), "414, closed"),
    # --- target and Host
    Case(R + "3.2", "no Host", get("/pod", host=None), "400, closed"),
    Case(R + "3.2", "two Hosts, different", get("/pod", "Host: b"), "400, closed"),
    Case(R + "3.2", "two Hosts, the same", get("/pod", "Host: a"), "400, closed"),
    Case(R + "3.2", "an empty Host", get("/pod", host="Host:"), "200"),
    Case(R + "3.2", "a Host with a space", get("/pod", host="Host: a b"), "400, closed"),
    Case(R + "3.2", "a Host with a user", get("/pod", host="Host: me@a"), "400, closed"),
    Case(R + "3.2", "a Host with a path", get("/pod", host="Host: a/b"), "400, closed"),
    Case(R + "3.2", "a Host with IPv6 and port", get("/pod", host="Host: [::1]:80"), "200"),
    Case(R + "3.2", "no Host in HTTP/1.0", get("/pod", version="HTTP/1.0", host=None), "200, closed"),
    Case(R + "3.2.1", "a query", get("/pod?a=b&c=%20"), "200"),
    Case(R + "3.2.1", "a fragment", get("/pod#x"), "400, closed"),
    Case(R + "3.2.1", "a target without a slash", get("pod"), "400, closed"),
    Case(R + "3.2.2", "absolute-form", get("http://a/pod"), "200"),
    Case(R + "3.2.2", "absolute-form for another host than Host", get("http://b:81/pod"), "200",
         "the target's host counts"),
    Case(R + "3.2.2", "absolute-form of https", get("HTTPS://a/pod"), "200"),
    Case(R + "3.2.2", "absolute-form without a host", get("http:///pod"), "400, closed"),
    Case(R + "3.2.2", "absolute-form of another scheme", get("ftp://a/pod"), "400, closed"),
    Case(R + "3.2.3", "CONNECT", get("a:80", method="CONNECT"), "501, closed"),
    Case(R + "3.2.3", "authority-form with GET", get("a:80"), "400, closed"),
    Case(R + "3.2.4", "OPTIONS *", get("*", method="OPTIONS"), "204"),
    Case(R + "3.2.4", "GET *", get("*"), "400, closed"),
    Case("3986 2.1", "an encoded letter", get("/%70od"), "200"),
    Case("3986 2.1", "an encoded slash", get("/%2fpod"), "404"),
    Case("3986 2.1", "a percent sign and no digits", get("/%zz"), "400, closed"),
    Case("3986 2.1", "a percent sign at the end", get("/pod%"), "400, closed"),
    Case("3986 2.1", "an encoded NUL", get("/pod%00"), "400, closed", "stricter: it ends a text elsewhere"),
    Case("3986 2.2", "a byte beyond ASCII", get("/p\xf6d"), "400, closed"),
    Case("3986 5.2.4", "a path with ..", get("/x/../pod"), "404", "nothing is below a path here"),
    # --- header fields
    Case(R + "5", "more than 100 headers", get("/pod", *["X: y"] * 101), "431, closed"),
    Case(R + "5", "a head of more than 32768 bytes", get("/pod", *["X: " + "y" * 4000] * 9), "431, closed"),
    Case(R + "5", "an empty value", with_header("X:"), "200"),
    Case(R + "5", "white space around a value", with_header("X: \t a \t"), "200"),
    Case(R + "5", "no colon", with_header("X"), "400, closed"),
    Case(R + "5", "no name", with_header(": a"), "400, closed"),
    Case(R + "5", "a name that is no token", with_header("X(y): a"), "400, closed"),
    Case(R + "5.1", "a space before the colon", with_header("X : a"), "400, closed"),
    Case(R + "5.1", "a tab before the colon", with_header("X\t: a"), "400, closed"),
    Case(R + "5.2", "a folded value", get("/pod", "X: a", " b"), "400, closed"),
    Case(R + "5.2", "a folded Transfer-Encoding", get("/pod", "Transfer-Encoding:", " chunked"), "400, closed"),
    Case("9110 5.5", "a NUL in a value", with_header("X: a\0b"), "400, closed"),
    Case("9110 5.5", "a control character in a value", with_header("X: a\x01b"), "400, closed"),
    Case("9110 5.5", "a byte beyond ASCII in a value", with_header("X: \xf6"), "200"),
    # --- Content-Length
    Case(R + "6.3", "a body with GET", with_length(3, "abc"), "200"),
    Case(R + "6.3", "a request as a body is not taken for one", with_length(len(get("/info")), get("/info")), "200"),
    Case(R + "6.3", "two Content-Lengths, different", with_length(3, "abc", "Content-Length: 4"), "400, closed"),
    Case(R + "6.3", "two Content-Lengths, the same", with_length(3, "abc", "Content-Length: 3"), "400, closed", STRICT),
    Case(R + "6.3", "a list of the same", with_length("3, 3", "abc"), "400, closed", STRICT),
    *[Case("9110 8.6", f"Content-Length {text}", with_length(length, "abc"), "400, closed") for text, length in (
        ("-3", "-3"), ("+3", "+3"), ("0x3", "0x3"), ("3.0", "3.0"), ("3 3", "3 3"), ("3a", "3a"), ("empty", ""),
        ("of 19 digits", "9" * 19), ("of 40 digits", "9" * 40))],
    Case("9110 8.6", "Content-Length 007", with_length("007", "1234567"), "200"),
    Case("9110 8.6", "a space before Content-Length's colon", get("/pod", "Content-Length : 3") + "abc",
         "400, closed"),
    Case("9110 15.5.14", "Content-Length of more than 65536", with_length(65537), "413, closed"),
    Case("9110 15.5.14", "Content-Length of 18 digits", with_length("9" * 18), "413, closed"),
    Case("9110 15.5.9", "a body that does not come", with_length(100, "abc"), "408, closed", alone=True),
    Case("9110 15.5.9", "a head that does not end", "GET /pod HTTP/1.1\r\nHost: a\r\n", "408, closed", alone=True),
    # --- Transfer-Encoding
    Case(R + "6.1", "beside Content-Length", chunked("0\r\n\r\n", "Content-Length: 5"), "400, closed",
         "stricter: it could be read with the first alone"),
    Case(R + "6.1", "twice", chunked("0\r\n\r\n", "Transfer-Encoding: chunked"), "400, closed"),
    Case(R + "6.1", "in HTTP/1.0", get("/pod", "Transfer-Encoding: chunked", version="HTTP/1.0") + "0\r\n\r\n",
         "400, closed"),
    *[Case(R + "6.1", f"Transfer-Encoding: {value or 'nothing'}", get("/pod", f"Transfer-Encoding: {value}") +
           "0\r\n\r\n", "501, closed") for value in ("gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked",
                                                     "xchunked", "identity", "\"chunked\"", "")],
    Case(R + "6.1", "a vertical tab before chunked", get("/pod", "Transfer-Encoding: \x0bchunked") + "0\r\n\r\n",
         "400, closed"),
    Case(R + "6.1", "a space before the colon", get("/pod", "Transfer-Encoding : chunked") + "0\r\n\r\n",
         "400, closed"),
    Case(R + "7", "Chunked, as names have no case", get("/pod", "Transfer-Encoding: Chunked") + "0\r\n\r\n", "200"),
    # --- chunks
    Case(R + "7.1", "chunks", chunked("3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"), "405"),
    Case(R + "7.1", "a request in a chunk is not taken for one",
         chunked(f"{len(get('/info')):x}\r\n{get('/info')}\r\n0\r\n\r\n"), "405"),
    Case(R + "7.1", "a size with leading zeros", chunked("003\r\nabc\r\n000\r\n\r\n"), "405"),
    *[Case(R + "7.1", f"a size of {text}", chunked(size + "\r\nabc\r\n0\r\n\r\n"), "400, closed") for text, size in (
        ("0x3", "0x3"), ("-3", "-3"), ("+3", "+3"), ("x", "x"), ("nothing", ""), ("17 digits", "f" * 17),
        ("3 and a space before it", " 3"), ("3 and a space behind it", "3 "), ("3, 3", "3, 3"), ("2 for 3", "2"),
        ("4 for 3", "4"))],
    Case(R + "7.1", "a size that ends with a bare LF", chunked("3\nabc\r\n0\r\n\r\n"), "400, closed"),
    Case(R + "7.1", "data that ends with a bare LF", chunked("3\r\nabc\n0\r\n\r\n"), "400, closed"),
    Case(R + "7.1", "a size of 65537", chunked("10001\r\n"), "413, closed"),
    Case(R + "7.1", "chunks without an end", chunked("3\r\nabc\r\n"), "408, closed", alone=True),
    Case(R + "7.1.1", "an extension", chunked("3;name=value\r\nabc\r\n0\r\n\r\n"), "405"),
    Case(R + "7.1.1", "an extension with a quoted text", chunked("3;a=\"b;\\\"c\"\r\nabc\r\n0;d\r\n\r\n"), "405"),
    Case(R + "7.1.1", "an extension with a bare CR", chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), "400, closed"),
    Case(R + "7.1.1", "an extension of 5000 bytes", chunked("3;" + "a" * 5000 + "\r\nabc\r\n0\r\n\r\n"),
         "400, closed", "a line has at most 4096"),
    Case(R + "7.1.2", "a trailer", chunked("0\r\nX: y\r\n\r\n"), "405"),
    Case(R + "7.1.2", "a trailer that names a length", chunked("0\r\nContent-Length: 5\r\n\r\n"), "405",
         "trailers are left out"),
    Case(R + "7.1.2", "a folded trailer", chunked("0\r\nX: a\r\n b\r\n\r\n"), "400, closed"),
    # --- connections
    Case(R + "9.3", "HTTP/1.1", get("/pod"), "200"),
    Case(R + "9.3", "HTTP/1.0", get("/pod", version="HTTP/1.0"), "200, closed"),
    Case(R + "9.3", "HTTP/1.0 with keep-alive", get("/pod", "Connection: keep-alive", version="HTTP/1.0"), "200"),
    Case(R + "9.3", "close", get("/pod", "Connection: close"), "200, closed"),
    Case(R + "9.3", "close among others, in capitals", get("/pod", "Connection: foo, CLOSE"), "200, closed"),
    Case(R + "9.3", "keep-alive and close", get("/pod", "Connection: keep-alive, close"), "200, closed"),
    Case(R + "9.3.2", "three requests at once", get("/pod") + get("/nothing") + get("/info"), "200 404 200"),
    Case(R + "9.3.2", "a request behind one with a body", with_length(3, "abc") + get("/info"), "200 200"),
    Case(R + "9.6", "a request behind close", get("/pod", "Connection: close") + get("/pod"), "200, closed"),
    # --- semantics
    Case("9110 9.1", "a known method that is not allowed", get("/pod", method="DELETE"), "405"),
    Case("9110 9.3.2", "HEAD", get("/pod", method="HEAD"), "200", head=True),
    Case("9110 9.3.2", "HEAD with a body", get("/pod", "Content-Length: 3", method="HEAD") + "abc", "400, closed",
         STRICT, head=True),
    Case("9110 9.3.7", "OPTIONS", get("/pod", method="OPTIONS"), "204"),
    Case("9110 9.3.8", "TRACE", get("/pod", method="TRACE"), "405"),
    Case("9110 9.3.8", "TRACE with a body", get("/pod", "Content-Length: 3", method="TRACE") + "abc", "400, closed"),
    Case("9110 10.1.1", "100-continue, the body behind it", with_length(3, "", "Expect: 100-continue"), "100 200",
         later="abc"),
    Case("9110 10.1.1", "100-continue, the body with it", with_length(3, "abc", "Expect: 100-continue"), "200"),
    Case("9110 10.1.1", "100-continue without a body", get("/pod", "Expect: 100-continue"), "200"),
    Case("9110 10.1.1", "100-continue and a body too large", with_length(65537, "", "Expect: 100-continue"),
         "413, closed"),
    Case("9110 10.1.1", "100-continue in HTTP/1.0",
         get("/pod", "Expect: 100-continue", "Content-Length: 3", version="HTTP/1.0") + "abc", "200, closed"),
    Case("9110 10.1.1", "another expectation", get("/pod", "Expect: the-unexpected"), "417, closed"),
    Case("9110 7.8", "Upgrade to h2c", get("/pod", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                           "HTTP2-Settings: AAMAAABk"), "200", "is not done, as may be"),
    # --- other protocols
    Case("9113 3.4", "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505, closed"),
    Case("8446 4.1.2", "a ClientHello of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
         "400, closed"),
    Case("4253 4.2", "SSH", b"SSH-2.0-OpenSSH_9.2\r\n", "400, closed"),
]
LAST = get("/healthz", "Connection: close")


def split_replies(data, head):
    """The replies in `data`: (status, body) of each."""
    replies = []
    while data:
        top, data = data.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        assert status == 100 or "x-lbdemo-pod" in fields, top
        length = 0 if head and not replies else int(fields.get("content-length", 0))
        replies.append((status, data[:length]))
        data = data[length:]
    return replies


class HttpCases(lbtest.Case):
    def answer(self, case):
        """What comes to `case` and, behind it, one request more, which is answered if the connection lives."""
        data = case.sent.encode("latin-1") if isinstance(case.sent, str) else case.sent
        received = b""
        with Client(self.address) as c:
            try:
                c.send(data)
                if "later" in case.options:
                    received = c.socket.recv(65536)
                    c.send(case.options["later"])
                if "alone" not in case.options:
                    c.send(LAST)
            except ConnectionError:
                pass
            try:
                while more := c.socket.recv(65536):
                    received += more
            except ConnectionResetError:
                pass
        replies = split_replies(received, "head" in case.options)
        lives = bool(replies) and replies[-1] == (200, b"ok\n")
        return " ".join(str(status) for status, _ in replies[:-1 if lives else None]) + ("" if lives else ", closed")

    def test_all(self):
        self.address = self.server("--threads", 1, "--header-timeout", "1s", "--body-timeout", "1s").http
        caselib.check(self, "HTTP_CASES.md", "HTTP/1.1, case by case", CASES, self.answer)


if __name__ == "__main__":
    lbtest.main()
