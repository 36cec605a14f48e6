"""A server on loopback that passes for MNIST's mirrors, as hostile as a test wants it. The program reaches it as it
would reach a company's proxy: HTTPS_PROXY names it, and SSL_CERT_FILE the authority that signed its certificate."""

import contextlib
import socketserver
import ssl
import subprocess
import threading

MIRRORS = ["ossci-datasets.s3.amazonaws.com", "storage.googleapis.com"]


def certificates(folder):
    """An authority's certificate, and one with its key that the authority signed for both mirrors."""
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in MIRRORS))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]
    for command in [
        ["req", "-x509", *key, "authority.key", "-out", "authority.pem", "-days", "2", "-subj", "/CN=authority"],
        ["req", *key, "server.key", "-out", "server.csr", "-subj", "/CN=mirrors"],
        ["x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key", "-CAcreateserial",
         "-days", "2", "-out", "server.pem", "-extfile", "names"],
    ]:  # fmt: skip
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)
    return folder / "authority.pem", folder / "server.pem", folder / "server.key"


@contextlib.contextmanager
def proxy(folder, answer):
    """Calls `answer(connection, mirror, file)` for every request; gives the variables with which the program comes
    here."""
    authority, certificate, key = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            # A client that hangs up, or that does not trust the certificate, is part of the test.
            with contextlib.suppress(OSError):
                mirror = first_line(self.rfile).split()[1].split(":")[0]
                self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                with context.wrap_socket(self.request, server_side=True) as connection:
                    path = first_line(connection.makefile("rb")).split()[1]
                    answer(connection, mirror, path.rsplit("/", 1)[-1])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"HTTPS_PROXY": f"http://127.0.0.1:{server.server_address[1]}", "SSL_CERT_FILE": str(authority)}
        server.shutdown()


def first_line(file):
    """Of a request's head, all of which is read."""
    lines = []
    while line := file.readline().decode().strip():
        lines.append(line)
    return lines[0]


def respond(connection, body, status="200 OK", length=None, headers=""):
    length = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body)
