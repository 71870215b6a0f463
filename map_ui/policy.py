"""What a page may load and connect to, as headers of its answer."""

from __future__ import annotations


def headers(nonce: str, live_origin: str, tiles: str = "") -> dict[str, str]:
    """`nonce`: of the page's own inline parts; `live_origin`: of the live feed; `tiles`: host of the base map's tiles."""
    policy = {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": f"'self' data: {tiles}".rstrip(),
        "connect-src": f"'self' {live_origin}",
        "manifest-src": "'self'",
        "worker-src": "'self'",
        "font-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
