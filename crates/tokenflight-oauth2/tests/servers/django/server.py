"""django-oauth-toolkit on loopback, for tests. ../README.md has the contract, which oidc-provider keeps as well."""

import atexit
import base64
import hashlib
import json
import logging
import os
import shutil
import socket
import socketserver
import sys
import tempfile
import threading
import uuid
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote_plus

import django
from django.conf import settings

LIFETIME = int(os.environ.get("SERVER_ACCESS_SECONDS", 3))
GRACE = int(os.environ.get("SERVER_GRACE_SECONDS", 0))
CLIENTS = {
    "public": {"auth": "none", "secret": None},
    "basic": {"auth": "client_secret_basic", "secret": "basic secret: %+"},
    "machine": {"auth": "client_secret_basic", "secret": "machine-secret"},
}


def state_directory():
    if given := os.environ.get("SERVER_STATE"):
        Path(given).mkdir(parents=True, exist_ok=True)
        return Path(given)
    ours = tempfile.mkdtemp(prefix="tokenflight-django-")
    atexit.register(shutil.rmtree, ours, ignore_errors=True)
    return Path(ours)


def signing_key(path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    if not path.exists():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return path.read_text()


STATE = state_directory()

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    APPEND_SLASH=False,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": STATE / "db.sqlite3",
            "OPTIONS": {
                # A transaction that reads first and writes then cannot wait for another writer: sqlite refuses it.
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "oauth2_provider"],
    LOGGING_CONFIG=None,
    # The first gives answers a length, without which no connection is used twice.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "__main__.watch"],
    # Tables as they are now; replaying their history takes a second.
    MIGRATION_MODULES={"contenttypes": None, "auth": None, "oauth2_provider": None},
    OAUTH2_PROVIDER={
        "ACCESS_TOKEN_EXPIRE_SECONDS": LIFETIME,
        "ALLOWED_SCHEMES": ["http"],
        "OAUTH2_VALIDATOR_CLASS": "__main__.Validator",
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": signing_key(STATE / "key.pem"),
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": GRACE,
        "REFRESH_TOKEN_REUSE_PROTECTION": True,
        "ROTATE_REFRESH_TOKEN": True,
        "SCOPES": {"openid": "who", "offline_access": "later", "read": "read", "write": "write"},
        "DEFAULT_SCOPES": ["read"],
    },
    ROOT_URLCONF="__main__",
    SECRET_KEY="loopback",
    USE_TZ=True,
)
django.setup()

# Only now, when Django has its settings.
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db.models import Q  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402
from oauth2_provider.models import AccessToken, Application, RefreshToken  # noqa: E402
from oauth2_provider.oauth2_backends import get_oauthlib_core  # noqa: E402
from oauth2_provider.oauth2_validators import OAuth2Validator  # noqa: E402
from oauth2_provider.www_authenticate import build_bearer_challenge  # noqa: E402
from oauthlib.common import generate_token  # noqa: E402

# ===== the log =====

LOCK = threading.Lock()
COUNTS = dict.fromkeys(
    "logins refreshes graced reuses revocations introspections credentials denied cuts served refused".split(), 0
)
CUTS = 0
# What the validator saw of the request that this thread is working on.
SEEN = threading.local()


def log(event, count, **fields):
    with LOCK:
        COUNTS[count] += 1
        # The reader of the first line may have gone.
        with suppress(BrokenPipeError):
            sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
            sys.stdout.flush()


def fingerprint(token):
    """Enough to tell tokens apart, and no secret."""
    return hashlib.sha256(token.encode()).hexdigest()[:8] if token else None


def of_token(model, value):
    found = model.objects.filter(token_checksum=hashlib.sha256((value or "").encode()).hexdigest())
    return found.order_by("-pk").first()


class Validator(OAuth2Validator):
    """Does nothing of its own: it listens."""

    def validate_refresh_token(self, refresh_token, client, request, *args, **kwargs):
        before = of_token(RefreshToken, refresh_token)
        family = before and before.token_family
        alive = bool(before) and RefreshToken.objects.filter(token_family=family, revoked__isnull=True).exists()
        valid = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        SEEN.session = str(family) if before else None
        SEEN.presented = fingerprint(refresh_token)
        SEEN.graced = valid and before.revoked is not None
        # A revoked token of a family that had life in it: the family has none now.
        SEEN.reuse = not valid and alive and before.revoked is not None
        return valid

    def save_bearer_token(self, token, request, *args, **kwargs):
        super().save_bearer_token(token, request, *args, **kwargs)
        client = request.client.client_id
        if request.grant_type == "client_credentials":
            log("credentials", "credentials", client=client)
            return
        issued = fingerprint(token["refresh_token"])
        if request.grant_type == "authorization_code":
            session = str(of_token(RefreshToken, token["refresh_token"]).token_family)
            log("login", "logins", client=client, session=session, issued=issued)
            return
        fields = {"session": SEEN.session, "presented": SEEN.presented, "issued": issued}
        log("refresh", "refreshes", client=client, graced=SEEN.graced, **fields)
        if SEEN.graced:
            with LOCK:
                COUNTS["graced"] += 1


def client_of(request):
    kind, _, credentials = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        return unquote_plus(base64.b64decode(credentials).decode().partition(":")[0])
    return request.POST.get("client_id")


def watch(get_response):
    """What the answer tells, and the validator does not."""

    def middleware(request):
        SEEN.__dict__.clear()
        if request.path == "/authorize/":
            request.user, _ = get_user_model().objects.get_or_create(username="alice")
        response = get_response(request)
        if request.method != "POST" or request.path not in ("/token/", "/revoke_token/", "/introspect/"):
            return response
        client = client_of(request)
        known = {"client": client, **{name: getattr(SEEN, name, None) for name in ("session", "presented")}}
        status = response.status_code
        if getattr(SEEN, "reuse", False):
            log("reuse", "reuses", **known)
        elif status >= 400:
            body = json.loads(response.content) if "json" in response.get("content-type", "") else {}
            error = {"error": body.get("error"), "detail": body.get("error_description")}
            log("denied", "denied", **known, status=status, **error)
        elif request.path == "/revoke_token/":
            log("revoke", "revocations", client=client, by="client")
        elif request.path == "/introspect/":
            log("introspect", "introspections", client=client, active=json.loads(response.content)["active"])
        return response

    return middleware


# ===== for tests only =====


def login(request):
    client = Application.objects.filter(client_id=request.GET.get("client", "public")).first()
    if client is None or client.authorization_grant_type != Application.GRANT_AUTHORIZATION_CODE:
        return JsonResponse({"error": "no such client, or none with logins"}, status=400)
    scope = request.GET.get("scope", "read")
    user, _ = get_user_model().objects.get_or_create(username=request.GET.get("user", "alice"))
    access = AccessToken.objects.create(
        application=client,
        expires=timezone.now() + timedelta(seconds=LIFETIME),
        scope=scope,
        token=generate_token(),
        user=user,
    )
    refresh = RefreshToken.objects.create(
        access_token=access, application=client, token=generate_token(), token_family=uuid.uuid4(), user=user
    )
    session = str(refresh.token_family)
    log("login", "logins", client=client.client_id, session=session, issued=fingerprint(refresh.token))
    tokens = {
        "access_token": access.token,
        "token_type": "Bearer",
        "expires_in": LIFETIME,
        "refresh_token": refresh.token,
        "scope": scope,
    }
    return JsonResponse(tokens, headers={"x-session": session, "cache-control": "no-store"})


def resource(request):
    valid, checked = get_oauthlib_core().verify_request(request, scopes=[])
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    presented = fingerprint(value) if kind.lower() == "bearer" else None
    if not valid:
        log("refused", "refused", presented=presented)
        error = getattr(checked, "oauth2_error", None) if presented else None
        challenge = build_bearer_challenge(request, error, realm="test", resource_metadata_url=None)
        return JsonResponse({"error": "invalid_token"}, status=401, headers={"www-authenticate": challenge})
    token = checked.access_token
    refresh = RefreshToken.objects.filter(access_token=token).first()
    session = str(refresh.token_family) if refresh else None
    log("served", "served", presented=presented, session=session)
    user = token.user and token.user.get_username()
    return JsonResponse({"client": token.application.client_id, "sub": user, "scope": token.scope, "session": session})


def cut(request):
    global CUTS
    with LOCK:
        CUTS = int(request.GET.get("n", 1))
    return JsonResponse({"cut": CUTS})


def access_of(session):
    """Access tokens of one session, or all."""
    return AccessToken.objects.filter(Q(refresh_token__token_family=session) if session else Q())


def expire(request):
    now = timezone.now()
    count = access_of(request.GET.get("session")).filter(expires__gt=now).update(expires=now)
    return JsonResponse({"expired": count})


def revoke(request):
    session = request.GET.get("session")
    living = RefreshToken.objects.filter(revoked__isnull=True)
    families = set((living.filter(token_family=session) if session else living).values_list("token_family", flat=True))
    for family in families:
        RefreshToken.revoke_family(family)
    access_of(session).delete()
    log("revoke", "revocations", session=session, by="test")
    return JsonResponse({"ended": len(families)})


def counts(request):
    with LOCK:
        return JsonResponse(COUNTS)


urlpatterns = [
    path("test/login", csrf_exempt(login)),
    path("test/resource", resource),
    path("test/cut", csrf_exempt(cut)),
    path("test/expire", csrf_exempt(expire)),
    path("test/revoke", csrf_exempt(revoke)),
    path("test/log", counts),
    path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
]

# ===== start and end =====


class Handler(WSGIRequestHandler):
    def get_environ(self):
        return {**super().get_environ(), "test.connection": self.connection}

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


def losing_answers(application):
    """Processes a token request and then hangs up, as often as a test has asked for."""

    def run(environ, start_response):
        global CUTS
        answer = application(environ, start_response)
        if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"] == "/token/":
            with LOCK:
                cut, CUTS = CUTS > 0, max(CUTS - 1, 0)
            if cut:
                log("cut", "cuts", status=answer.status_code)
                answer.close()
                environ["test.connection"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError("cut")
        return answer

    return run


def create_clients():
    for client_id, client in CLIENTS.items():
        machine = client_id == "machine"
        Application.objects.get_or_create(
            client_id=client_id,
            defaults={
                # A request for a code gets one, and sees no page.
                "skip_authorization": True,
                "algorithm": Application.RS256_ALGORITHM,
                "authorization_grant_type": "client-credentials" if machine else "authorization-code",
                "client_secret": client["secret"] or "",
                "client_type": "confidential" if client["secret"] else "public",
                # Hashing it costs more than everything else that a request does.
                "hash_client_secret": False,
                "redirect_uris": "" if machine else "http://127.0.0.1/callback",
            },
        )


def main():
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    call_command("migrate", run_syncdb=True, verbosity=0)
    create_clients()
    server = Server(("127.0.0.1", int(os.environ.get("SERVER_PORT", 0))), Handler)
    server.set_app(losing_answers(get_wsgi_application()))
    port = server.server_address[1]
    issuer = f"http://127.0.0.1:{port}"
    ready = {
        "server": "django-oauth-toolkit",
        "issuer": issuer,
        "discovery": f"{issuer}/.well-known/openid-configuration",
        "authorization": f"{issuer}/authorize/",
        "token": f"{issuer}/token/",
        "revocation": f"{issuer}/revoke_token/",
        "introspection": f"{issuer}/introspect/",
        "resource": f"{issuer}/test/resource",
        "test": f"{issuer}/test",
        "port": port,
        "access_seconds": LIFETIME,
        "grace_seconds": GRACE,
        "clients": CLIENTS,
    }
    print(json.dumps(ready), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # Until the process that started this one is gone, or has had enough.
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
