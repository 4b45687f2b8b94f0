"""Serves the pages and their files, with the headers that keep hostile text harmless."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from core.settings import ROOT

router = APIRouter(include_in_schema=False)
FOLDERS = {
    "chat": ROOT / "bot" / "gateway" / "pages" / "chat",
    "desk": ROOT / "handoff" / "desk",
    "widget": ROOT / "bot" / "gateway" / "pages" / "widget",
    "knowledge": ROOT / "knowledge_base" / "console",
    "vendor": ROOT / "core" / "web" / "vendor",
    "common": ROOT / "core" / "web" / "common",
}
_CHAT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; "
    "frame-src 'self'; frame-ancestors 'self'"
)
# Vue compiles the staff pages' own templates in the browser; element-plus places inline styles.
_STAFF_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; media-src 'self' data:; "
    "connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The viewer starts itself by an inline script; no customer text is ever on that page.
_DOCS_POLICY = "default-src 'self' 'unsafe-inline' data:; frame-ancestors 'none'"


_MAIN = '<script type="module" src="/static/chat/main.js"></script>'
_INSIDE = '<script type="module" src="/static/widget/inside.js"></script>'


# What the first module would only ask for after it has come itself.
_PRELOADED = ("cards.js", "markdown.js", "socket.js")
_PRELOAD = {"Link": ", ".join(f"</static/chat/{name}>; rel=modulepreload" for name in _PRELOADED)}


@router.get("/")
async def chat() -> FileResponse:
    """The customer's page."""
    return FileResponse(FOLDERS["chat"] / "index.html", headers=_PRELOAD)


@router.get("/favicon.ico")
async def icon() -> FileResponse:
    """The icon of pages that name none."""
    return FileResponse(FOLDERS["chat"] / "favicon.svg", media_type="image/svg+xml")


@router.get("/embed")
async def embed(request: Request) -> HTMLResponse:
    """The same page for the frame of ``widget.js``; another script agrees with the site around it first."""
    page = (FOLDERS["chat"] / "index.html").read_text()
    origins = html.escape(" ".join(getattr(request.app.state, "embed_origins", ())), quote=True)
    started = f'<meta name="changda-origins" content="{origins}">\n{_INSIDE}'
    return HTMLResponse(page.replace(_MAIN, started), headers=_PRELOAD)


@router.get("/widget.js")
async def widget() -> FileResponse:
    """What another site loads to show the chat."""
    return FileResponse(FOLDERS["widget"] / "widget.js", media_type="text/javascript")


@router.get("/widget/demo")
async def widget_demo() -> FileResponse:
    """A site that shows the chat."""
    return FileResponse(FOLDERS["widget"] / "demo.html")


@router.get("/desk")
async def desk() -> FileResponse:
    """The agents' page."""
    return FileResponse(FOLDERS["desk"] / "index.html")


@router.get("/ops")
async def ops() -> FileResponse:
    """The supervisors' page."""
    return FileResponse(FOLDERS["desk"] / "ops.html")


@router.get("/knowledge")
async def knowledge() -> FileResponse:
    """The editors' page."""
    return FileResponse(FOLDERS["knowledge"] / "index.html")


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The HTTP contract, without asking any other host for its viewer."""
    return get_swagger_ui_html(
        openapi_url=request.app.openapi_url,
        title="Changda API",
        swagger_js_url="/static/vendor/swagger-ui-bundle.js",
        swagger_css_url="/static/vendor/swagger-ui.css",
        swagger_favicon_url="/static/chat/favicon.svg",
    )


def _policy(path: str, origins: Sequence[str] = ()) -> str:
    if path in ("/", "/embed") and origins:
        return _CHAT_POLICY.replace("ancestors 'self'", f"ancestors 'self' {' '.join(origins)}")
    if path.startswith(("/desk", "/ops", "/knowledge")):
        return _STAFF_POLICY
    return _DOCS_POLICY if path.startswith("/docs") else _CHAT_POLICY


async def add_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Security headers on everything; files are revalidated, because there is no build step."""
    response = await call_next(request)
    path = request.url.path
    origins = getattr(request.app.state, "embed_origins", ())
    response.headers.setdefault("Content-Security-Policy", _policy(path, origins))
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    vendored = path.startswith("/static/vendor/")
    if not path.startswith("/api/"):
        caching = "public, max-age=86400" if vendored else "no-cache"
        response.headers.setdefault("Cache-Control", caching)
    else:
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def install(app: FastAPI, embed_origins: Sequence[str] = ()) -> None:
    """Mounts pages and files.

    Args:
        embed_origins: sites that may show the chat and call the customer's API from their own scripts.
    """
    app.state.embed_origins = tuple(embed_origins)
    for name, folder in FOLDERS.items():
        if folder.exists():
            app.mount(f"/static/{name}", StaticFiles(directory=folder), name=f"static-{name}")
    app.include_router(router)
    app.middleware("http")(add_headers)
    if embed_origins:
        # Without cookies: who calls from there has a customer's own token, or nothing.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(embed_origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["Authorization", "Content-Type"],
            allow_credentials=False,
            max_age=600,
        )
