//! The table. Okta's grace, Cognito's and others' are the vendor's defaults: an administrator may have changed them.

use super::{Body, Meaning, Provider, Replay, Rotation, Sign, ZeroLifetime};

const CHECKED: &str = "2026-11";

/// Nobody knows: strict.
pub const UNKNOWN: &Provider = &Provider {
    name: "unknown",
    rotation: Rotation::Unknown,
    replay: Replay::Strict,
    signs: &[],
    body: Body::Form,
    form_answers: false,
    nested: None,
    bearer_types: &[],
    strict_type: false,
    zero_lifetime: ZeroLifetime::Once,
    clustered: false,
    source: "RFC 6749",
    checked: CHECKED,
};

const fn sign(member: &'static str, value: &'static str, means: Meaning) -> Sign {
    Sign { member, value, means }
}

/// Auth0. The overlap period is set per application and is zero by default; where it is set, replace `replay`.
/// Refuses with 403.
pub const AUTH0: &Provider = &Provider {
    name: "auth0",
    rotation: Rotation::Optional,
    replay: Replay::Strict,
    source: "https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation",
    ..*UNKNOWN
};

/// Okta. The grace period is 0 to 60 s, 30 by default: replace `replay` if the administrator changed it.
pub const OKTA: &Provider = &Provider {
    name: "okta",
    rotation: Rotation::Optional,
    replay: Replay::Grace { seconds: 30 },
    source: "https://developer.okta.com/docs/guides/refresh-tokens/main/",
    ..*UNKNOWN
};

/// Supabase. Errors have no `error` member. For the classic endpoint add `body: Body::Json` and the `apikey`
/// header.
pub const SUPABASE: &Provider = &Provider {
    name: "supabase",
    rotation: Rotation::Always,
    replay: Replay::Grace { seconds: 10 },
    signs: &[
        sign("error_code", "refresh_token_not_found", Meaning::Ended),
        sign("error_code", "refresh_token_already_used", Meaning::Ended),
        sign("error_code", "session_not_found", Meaning::Ended),
        sign("error_code", "session_expired", Meaning::Ended),
        sign("error_code", "over_request_rate_limit", Meaning::SlowDown),
    ],
    source: "https://supabase.com/docs/guides/auth/sessions",
    ..*UNKNOWN
};

/// Keycloak. Healthy sessions have been refused in clusters (keycloak/keycloak#23687, #50721): an end must be
/// announced twice.
pub const KEYCLOAK: &Provider = &Provider {
    name: "keycloak",
    rotation: Rotation::Optional,
    replay: Replay::Strict,
    clustered: true,
    source: "https://www.keycloak.org/docs/latest/server_admin/",
    ..*UNKNOWN
};

/// Microsoft Entra ID. A refresh brings a new refresh token and leaves the old one alive. Lifetimes may be texts;
/// ask with a scope.
pub const ENTRA_ID: &Provider = &Provider {
    name: "entra_id",
    rotation: Rotation::Never,
    replay: Replay::Accepted,
    signs: &[sign("error", "interaction_required", Meaning::Ended)],
    source: "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow",
    ..*UNKNOWN
};

/// Google. A refresh brings no refresh token: the old one stays.
pub const GOOGLE: &Provider = &Provider {
    name: "google",
    rotation: Rotation::Never,
    replay: Replay::Accepted,
    source: "https://developers.google.com/identity/protocols/oauth2",
    ..*UNKNOWN
};

/// GitHub Apps. Errors come with status 200, answers as forms unless JSON is asked for; the old access token dies
/// at once.
pub const GITHUB: &Provider = &Provider {
    name: "github",
    rotation: Rotation::Always,
    replay: Replay::Strict,
    form_answers: true,
    signs: &[
        sign("error", "bad_refresh_token", Meaning::Ended),
        sign("error", "incorrect_client_credentials", Meaning::Setup),
    ],
    source: "https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens",
    ..*UNKNOWN
};

/// Slack. Errors come with status 200 and `ok: false`; a user's tokens are in `authed_user`.
pub const SLACK: &Provider = &Provider {
    name: "slack",
    rotation: Rotation::Always,
    replay: Replay::Strict,
    nested: Some("authed_user"),
    bearer_types: &["bot", "user"],
    signs: &[
        sign("error", "invalid_refresh_token", Meaning::Ended),
        sign("error", "token_revoked", Meaning::Ended),
        sign("error", "token_expired", Meaning::Ended),
        sign("error", "ratelimited", Meaning::SlowDown),
        sign("error", "internal_error", Meaning::Unknown),
        sign("error", "fatal_error", Meaning::Unknown),
    ],
    source: "https://docs.slack.dev/authentication/using-token-rotation",
    ..*UNKNOWN
};

/// Xero. A used refresh token may be presented again for 30 minutes.
pub const XERO: &Provider = &Provider {
    name: "xero",
    rotation: Rotation::Always,
    replay: Replay::Grace { seconds: 1_800 },
    source: "https://developer.xero.com/documentation/guides/oauth2/token-types",
    ..*UNKNOWN
};

/// QuickBooks. The refresh token changes about once a day; until then the same one comes back.
pub const QUICKBOOKS: &Provider = &Provider {
    name: "quickbooks",
    rotation: Rotation::Optional,
    replay: Replay::Accepted,
    source: "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0",
    ..*UNKNOWN
};

/// HubSpot. Errors have a `status` instead of an `error`.
pub const HUBSPOT: &Provider = &Provider {
    name: "hubspot",
    rotation: Rotation::Never,
    replay: Replay::Accepted,
    signs: &[
        sign("status", "BAD_REFRESH_TOKEN", Meaning::Ended),
        sign("status", "BAD_CLIENT_SECRET", Meaning::Setup),
        sign("status", "BAD_CLIENT_ID", Meaning::Setup),
    ],
    source: "https://developers.hubspot.com/docs/api-reference/auth-oauth-v1/guide",
    ..*UNKNOWN
};

/// Salesforce. Says no lifetime: set the policy's `default_lifetime` to the org's session timeout. Where rotation
/// is off, replace `replay` by `Accepted`.
pub const SALESFORCE: &Provider = &Provider {
    name: "salesforce",
    rotation: Rotation::Optional,
    replay: Replay::Strict,
    source: "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm",
    ..*UNKNOWN
};

/// Atlassian (3LO). Refuses with 403, by `invalid_grant` or `unauthorized_client`.
pub const ATLASSIAN: &Provider = &Provider {
    name: "atlassian",
    rotation: Rotation::Always,
    replay: Replay::Grace { seconds: 600 },
    signs: &[sign("error", "unauthorized_client", Meaning::Ended)],
    source: "https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/",
    ..*UNKNOWN
};

/// Spotify. Rotates for PKCE clients; others may set `replay` to `Accepted`. An outage once refused everybody: an
/// end must be announced twice.
pub const SPOTIFY: &Provider = &Provider {
    name: "spotify",
    rotation: Rotation::Optional,
    replay: Replay::Strict,
    clustered: true,
    source: "https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens",
    ..*UNKNOWN
};

/// Twitch. Errors have a `message` and no `error` that is a code; `scope` is an array.
pub const TWITCH: &Provider = &Provider {
    name: "twitch",
    rotation: Rotation::Optional,
    replay: Replay::Accepted,
    signs: &[
        sign("message", "Invalid refresh token", Meaning::Ended),
        sign("message", "invalid client", Meaning::Setup),
        sign("message", "invalid client secret", Meaning::Setup),
    ],
    source: "https://dev.twitch.tv/docs/authentication/refresh-tokens/",
    ..*UNKNOWN
};

/// Discord. Takes forms only.
pub const DISCORD: &Provider = &Provider {
    name: "discord",
    rotation: Rotation::Always,
    replay: Replay::Strict,
    source: "https://docs.discord.com/developers/topics/oauth2",
    ..*UNKNOWN
};

/// Notion. Takes JSON, with HTTP Basic; errors may come in the shape of its API.
pub const NOTION: &Provider = &Provider {
    name: "notion",
    rotation: Rotation::Always,
    replay: Replay::Strict,
    body: Body::Json,
    signs: &[
        sign("code", "unauthorized", Meaning::Setup),
        sign("code", "rate_limited", Meaning::SlowDown),
        sign("code", "internal_server_error", Meaning::Unknown),
        sign("code", "service_unavailable", Meaning::Unknown),
    ],
    source: "https://developers.notion.com/reference/refresh-a-token",
    ..*UNKNOWN
};

/// AWS Cognito. The grace period is 0 to 60 s when rotation is on: replace `replay` if it is shorter. Without
/// rotation no refresh token comes back.
pub const COGNITO: &Provider = &Provider {
    name: "cognito",
    rotation: Rotation::Optional,
    replay: Replay::Grace { seconds: 60 },
    source: "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html",
    ..*UNKNOWN
};

/// WorkOS. A used refresh token brings the same pair again for 30 s.
pub const WORKOS: &Provider = &Provider {
    name: "workos",
    rotation: Rotation::Always,
    replay: Replay::Grace { seconds: 30 },
    source: "https://workos.com/docs/reference/authkit/session-tokens/refresh-token",
    ..*UNKNOWN
};

/// Doorkeeper. With its `previous_refresh_token` column the old token lives until the new access token is used
/// strict without it, so strict here.
pub const DOORKEEPER: &Provider = &Provider {
    name: "doorkeeper",
    rotation: Rotation::Optional,
    replay: Replay::Strict,
    source: "https://github.com/doorkeeper-gem/doorkeeper/wiki/Enable-Refresh-Token-Credentials",
    ..*UNKNOWN
};

/// Every provider that is known, by name.
pub const ALL: &[&Provider] = &[
    ATLASSIAN, AUTH0, COGNITO, DISCORD, DOORKEEPER, ENTRA_ID, GITHUB, GOOGLE, HUBSPOT, KEYCLOAK, NOTION, OKTA,
    QUICKBOOKS, SALESFORCE, SLACK, SPOTIFY, SUPABASE, TWITCH, WORKOS, XERO,
];
