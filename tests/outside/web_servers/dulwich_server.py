"""Serves a repository as /git/public/tool.git with dulwich, and prints where: dulwich_server.py FOLDER."""

import sys
from wsgiref.simple_server import make_server

from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import WSGIRequestHandlerLogger, WSGIServerLogger, make_wsgi_chain


def main(folder):
    """Serves until it is ended."""
    application = make_wsgi_chain(DictBackend({"/git/public/tool.git": Repo(folder)}))
    server = make_server(
        "127.0.0.1",
        0,
        application,
        handler_class=WSGIRequestHandlerLogger,
        server_class=WSGIServerLogger,
    )
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


main(*sys.argv[1:])
