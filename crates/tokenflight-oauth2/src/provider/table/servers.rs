//! Servers that are run by their users.

use tokenflight_core::grant::ReusePolicy;

use super::{
    common::{DAY, HOUR, UNKNOWN, at, grace, lives},
    words::{ended, slow_down, unknown},
};
use crate::provider::{
    AssertionAudience,
    AuthMethod::{Basic, Mtls, Post, PrivateKeyJwt, Public, SecretJwt},
    Endpoints, OldAccess, Provider, Rotation, Second,
    Test::{Contains, Is, Status},
};

/// Supabase.
pub const SUPABASE: &Provider = &Provider {
    name: "supabase",
    title: "Supabase",
    rotation: Rotation::Always,
    reuse: ReusePolicy::UntilUsed,
    second: Second::SamePair,
    configurable: true,
    signs: &[
        ended(&[Is("error_code", "refresh_token_not_found")]),
        ended(&[Is("error_code", "refresh_token_already_used")]),
        ended(&[Is("error_code", "session_not_found")]),
        ended(&[Is("error_code", "session_expired")]),
        ended(&[Is("error_code", "user_banned")]),
        slow_down(&[Is("error_code", "over_request_rate_limit")]),
        unknown(&[Is("error_code", "conflict")]),
        // The spelling of the version 2024-01-01 of its API.
        ended(&[Is("code", "refresh_token_not_found")]),
        ended(&[Is("code", "refresh_token_already_used")]),
        ended(&[Is("code", "session_not_found")]),
        ended(&[Is("code", "session_expired")]),
        ended(&[Is("code", "user_banned")]),
        slow_down(&[Is("code", "over_request_rate_limit")]),
        unknown(&[Is("code", "conflict")]),
    ],
    auth: &[Basic, Post, Public],
    note: "The parent of the newest refresh token is good until the newest is used; an older one ends the session. For the \
           classic endpoint add `body: Body::Json` and the header `apikey`. Errors have no `error` member. 409 passes.",
    source: "https://github.com/supabase/auth",
    ..*UNKNOWN
};

/// Keycloak.
pub const KEYCLOAK: &Provider = &Provider {
    name: "keycloak",
    title: "Keycloak",
    rotation: Rotation::Optional,
    second: Second::SessionEnds,
    configurable: true,
    clustered: true,
    endpoints: Endpoints {
        issuer: Some("{base}"),
        revocation: Some("{base}/protocol/openid-connect/revoke"),
        device: Some("{base}/protocol/openid-connect/auth/device"),
        ..at("", "{base}/protocol/openid-connect/auth", "{base}/protocol/openid-connect/token")
    },
    auth: &[Basic, Post, SecretJwt, PrivateKeyJwt, Mtls],
    note: "\"Revoke Refresh Token\" *off* (Keycloak's default): used refresh tokens stay good; add \
           `.reuse_policy(ReusePolicy::NonRotating)` to the session's builder. *On*: leave the default; `NonRotating` would end \
           sessions after a lost answer. Healthy sessions have been refused in clusters (keycloak/keycloak#23687, #50721): an end must be announced twice.",
    source: "https://www.keycloak.org/docs/latest/server_admin/",
    ..*UNKNOWN
};

/// Ory Hydra.
pub const HYDRA: &Provider = &Provider {
    name: "hydra",
    title: "Ory Hydra",
    rotation: Rotation::Always,
    second: Second::SessionEnds,
    configurable: true,
    old_access: OldAccess::Dies,
    signs: &[
        slow_down(&[Is("error", "invalid_request"), Contains("error_description", "multiple concurrent requests")]),
        slow_down(&[Is("error", "invalid_request"), Contains("error_description", "please retry the request")]),
    ],
    endpoints: Endpoints {
        issuer: Some("{base}"),
        revocation: Some("{base}/oauth2/revoke"),
        ..at("", "{base}/oauth2/auth", "{base}/oauth2/token")
    },
    auth: &[Basic, Post, PrivateKeyJwt, Public],
    audience: AssertionAudience::TokenEndpoint,
    note: "A grace period of up to 5 min can be set, inside which a used token brings a sibling. Assertions for the issuer are \
           refused.",
    source: "https://github.com/ory/hydra",
    ..*UNKNOWN
};

/// Authelia.
pub const AUTHELIA: &Provider = &Provider {
    name: "authelia",
    title: "Authelia",
    rotation: Rotation::Always,
    second: Second::SessionEnds,
    signs: &[slow_down(&[
        Is("error", "invalid_request"),
        Contains("error_description", "multiple concurrent requests using the same token"),
    ])],
    lifetimes: lives(Some(90 * 60), None),
    note: "Names the issuer in answers to authorization requests.",
    source: "https://github.com/authelia/oauth2-provider",
    ..*UNKNOWN
};

/// Zitadel.
pub const ZITADEL: &Provider = &Provider {
    name: "zitadel",
    title: "Zitadel",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    signs: &[
        ended(&[Is("error", "invalid_request"), Contains("error_description", "RefreshTokenInvalid")]),
        ended(&[Is("error", "invalid_request"), Contains("error_description", "Errors.User.RefreshToken.Invalid")]),
        ended(&[Is("error", "invalid_request"), Contains("error_description", "Errors.User.NotActive")]),
    ],
    endpoints: Endpoints {
        issuer: Some("{base}"),
        revocation: Some("{base}/oauth/v2/revoke"),
        ..at("", "{base}/oauth/v2/authorize", "{base}/oauth/v2/token")
    },
    note: "Every refusal of its own is `invalid_request`, told apart by its description.",
    source: "https://github.com/zitadel/zitadel",
    ..*UNKNOWN
};

/// Dex.
pub const DEX: &Provider = &Provider {
    name: "dex",
    title: "Dex",
    rotation: Rotation::Always,
    second: Second::Refused,
    configurable: true,
    signs: &[
        ended(&[
            Status(400),
            Is("error", "invalid_request"),
            Contains("error_description", "Refresh token is invalid or has already been claimed"),
        ]),
        ended(&[Status(400), Is("error", "invalid_request"), Contains("error_description", "Refresh token expired")]),
    ],
    endpoints: Endpoints { issuer: Some("{base}"), ..at("", "{base}/auth", "{base}/token") },
    auth: &[Basic, Post],
    note: "`reuseInterval` is off unless set. A second login of one user at one client deletes the first one's refresh token.",
    source: "https://github.com/dexidp/dex",
    ..*UNKNOWN
};

/// authentik.
pub const AUTHENTIK: &Provider = &Provider {
    name: "authentik",
    title: "authentik",
    rotation: Rotation::Always,
    second: Second::Refused,
    configurable: true,
    note: "Needs the scope `offline_access`.",
    source: "https://github.com/goauthentik/authentik",
    ..*UNKNOWN
};

/// Kanidm.
pub const KANIDM: &Provider = &Provider {
    name: "kanidm",
    title: "Kanidm",
    rotation: Rotation::Always,
    second: Second::SessionEnds,
    lifetimes: lives(Some(16 * HOUR), None),
    source: "https://github.com/kanidm/kanidm",
    ..*UNKNOWN
};

/// oidc-provider for Node.
pub const OIDC_PROVIDER: &Provider = &Provider {
    name: "oidc_provider",
    title: "node-oidc-provider",
    rotation: Rotation::Optional,
    second: Second::SessionEnds,
    configurable: true,
    lifetimes: lives(None, Some(14 * DAY)),
    note: "Rotates for public clients, and for others when 70 % of the refresh token's life has passed. Names the issuer in \
           answers to authorization requests.",
    source: "https://github.com/panva/node-oidc-provider",
    ..*UNKNOWN
};

/// Logto.
pub const LOGTO: &Provider = &Provider {
    name: "logto",
    title: "Logto",
    rotation: Rotation::Optional,
    reuse: grace(3),
    second: Second::Sibling,
    configurable: true,
    lifetimes: lives(None, Some(14 * DAY)),
    note: "After 3 s a used refresh token ends the session.",
    source: "https://github.com/logto-io/logto",
    ..*UNKNOWN
};

/// better-auth.
pub const BETTER_AUTH: &Provider = &Provider {
    name: "better_auth",
    title: "better-auth",
    rotation: Rotation::Always,
    second: Second::SessionEnds,
    configurable: true,
    lifetimes: lives(None, Some(30 * DAY)),
    note: "Reuse ends all sessions of the user at this client. An interval inside which the stored answer comes again can be \
           set.",
    source: "https://github.com/better-auth/better-auth",
    ..*UNKNOWN
};

/// Cloudflare's `workers-oauth-provider`, which many MCP servers run.
pub const CLOUDFLARE_WORKERS: &Provider = &Provider {
    name: "cloudflare_workers",
    title: "Cloudflare workers-oauth-provider",
    rotation: Rotation::Always,
    reuse: ReusePolicy::UntilUsed,
    second: Second::SuccessorDies,
    signs: &[slow_down(&[Is("error", "temporarily_unavailable")])],
    lifetimes: lives(None, Some(30 * DAY)),
    note: "The refresh token that was just used and the newest are good; using the old one again kills the successor.",
    source: "https://github.com/cloudflare/workers-oauth-provider",
    ..*UNKNOWN
};

/// Doorkeeper.
pub const DOORKEEPER: &Provider = &Provider {
    name: "doorkeeper",
    title: "Doorkeeper",
    rotation: Rotation::Always,
    second: Second::Refused,
    configurable: true,
    old_access: OldAccess::Dies,
    endpoints: Endpoints {
        revocation: Some("{base}/oauth/revoke"),
        ..at("", "{base}/oauth/authorize", "{base}/oauth/token")
    },
    auth: &[Basic, Post, PrivateKeyJwt, Public],
    note: "With its column `previous_refresh_token` the old pair lives until the new access token is used: then add \
           `.reuse_policy(ReusePolicy::UntilUsed)` to the session's builder. Checks the token before the client.",
    source: "https://github.com/doorkeeper-gem/doorkeeper/wiki/Enable-Refresh-Token-Credentials",
    ..*UNKNOWN
};

/// django-oauth-toolkit.
pub const DJANGO: &Provider = &Provider {
    name: "django",
    title: "django-oauth-toolkit",
    rotation: Rotation::Always,
    second: Second::Refused,
    configurable: true,
    old_access: OldAccess::Dies,
    note: "A grace period can be set, inside which the same pair comes again; so can the end of the session at reuse.",
    source: "https://github.com/django-oauth/django-oauth-toolkit",
    ..*UNKNOWN
};

/// Spring Authorization Server.
pub const SPRING: &Provider = &Provider {
    name: "spring",
    title: "Spring Authorization Server",
    rotation: Rotation::Optional,
    second: Second::Refused,
    configurable: true,
    old_access: OldAccess::Dies,
    lifetimes: lives(None, Some(HOUR)),
    note: "Never rotates by default (`reuseRefreshTokens`): then add `.reuse_policy(ReusePolicy::NonRotating)` to the session's \
           builder. Where it is set to rotate, leave the default.",
    source: "https://github.com/spring-projects/spring-security",
    ..*UNKNOWN
};

/// Duende `IdentityServer`.
pub const DUENDE: &Provider = &Provider {
    name: "duende",
    title: "Duende IdentityServer",
    rotation: Rotation::Optional,
    second: Second::Refused,
    configurable: true,
    endpoints: Endpoints {
        issuer: Some("{base}"),
        revocation: Some("{base}/connect/revocation"),
        ..at("", "{base}/connect/authorize", "{base}/connect/token")
    },
    lifetimes: lives(None, Some(30 * DAY)),
    note: "Never rotates by default since version 7: then add `.reuse_policy(ReusePolicy::NonRotating)` to the session's \
           builder. Where it is set to rotate, leave the default.",
    source: "https://docs.duendesoftware.com/identityserver/tokens/refresh/",
    ..*UNKNOWN
};

/// `OpenIddict`.
pub const OPENIDDICT: &Provider = &Provider {
    name: "openiddict",
    title: "OpenIddict",
    rotation: Rotation::Always,
    reuse: grace(30),
    second: Second::Sibling,
    configurable: true,
    lifetimes: lives(Some(14 * DAY), None),
    note: "After the leeway of 30 s a used refresh token ends the session.",
    source: "https://github.com/openiddict/openiddict-core",
    ..*UNKNOWN
};

/// Connect2id.
pub const CONNECT2ID: &Provider = &Provider {
    name: "connect2id",
    title: "Connect2id",
    rotation: Rotation::Optional,
    reuse: grace(5),
    configurable: true,
    source: "https://connect2id.com/products/server/docs/config/core",
    ..*UNKNOWN
};

/// Casdoor.
pub const CASDOOR: &Provider = &Provider {
    name: "casdoor",
    title: "Casdoor",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    audience: AssertionAudience::TokenEndpoint,
    note: "Assertions for the issuer are refused.",
    source: "https://github.com/casdoor/casdoor",
    ..*UNKNOWN
};

/// Gitea and Forgejo.
pub const GITEA: &Provider = &Provider {
    name: "gitea",
    title: "Gitea, Forgejo",
    rotation: Rotation::Optional,
    second: Second::Refused,
    configurable: true,
    signs: &[
        ended(&[Is("error", "unauthorized_client"), Contains("error_description", "token was already used")]),
        ended(&[Is("error", "unauthorized_client"), Contains("error_description", "unable to parse refresh token")]),
    ],
    endpoints: at("", "{base}/login/oauth/authorize", "{base}/login/oauth/access_token"),
    lifetimes: lives(None, Some(730 * HOUR)),
    note: "Old refresh tokens stay good by default (`INVALIDATE_REFRESH_TOKENS`): then add \
           `.reuse_policy(ReusePolicy::NonRotating)` to the session's builder. Where they are invalidated, leave the default.",
    source: "https://github.com/go-gitea/gitea",
    ..*UNKNOWN
};

/// Nextcloud.
pub const NEXTCLOUD: &Provider = &Provider {
    name: "nextcloud",
    title: "Nextcloud",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    signs: &[ended(&[Status(400), Is("error", "invalid_request")])],
    note: "An address that presents used refresh tokens is slowed down.",
    source: "https://github.com/nextcloud/server",
    ..*UNKNOWN
};
