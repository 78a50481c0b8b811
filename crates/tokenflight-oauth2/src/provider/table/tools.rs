//! Services for developers, teams and the public.

use tokenflight_core::grant::ReusePolicy;

use super::{
    common::{DAY, UNKNOWN, at, grace, lives},
    words::{ended, setup, slow_down, unknown},
};
use crate::provider::{
    AuthMethod::{Basic, Post, Public},
    Body, Endpoints, OldAccess, Provider, Rotation, Second, Sign,
    Test::{Contains, Is},
};

/// GitHub Apps, for users.
pub const GITHUB: &Provider = &Provider {
    name: "github",
    title: "GitHub Apps",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    form_answers: true,
    signs: &[ended(&[Is("error", "bad_refresh_token")]), setup(&[Is("error", "incorrect_client_credentials")])],
    endpoints: Endpoints {
        device: Some("{base}/login/device/code"),
        ..at("https://github.com", "{base}/login/oauth/authorize", "{base}/login/oauth/access_token")
    },
    auth: &[Post],
    lifetimes: lives(None, Some(183 * DAY)),
    note: "Errors come with status 200.",
    source: "https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens",
    ..*UNKNOWN
};

/// GitLab.
pub const GITLAB: &Provider = &Provider {
    name: "gitlab",
    title: "GitLab",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    endpoints: Endpoints {
        revocation: Some("{base}/oauth/revoke"),
        device: Some("{base}/oauth/authorize_device"),
        ..at("https://gitlab.com", "{base}/oauth/authorize", "{base}/oauth/token")
    },
    auth: &[Post, Basic, Public],
    note: "For a server of one's own give its address. Wants the login's `redirect_uri` at a refresh as well.",
    source: "https://docs.gitlab.com/api/oauth2/",
    ..*UNKNOWN
};

/// Bitbucket Cloud.
pub const BITBUCKET: &Provider = &Provider {
    name: "bitbucket",
    title: "Bitbucket Cloud",
    rotation: Rotation::Optional,
    reuse: grace(600),
    endpoints: at("", "https://bitbucket.org/site/oauth2/authorize", "https://bitbucket.org/site/oauth2/access_token"),
    auth: &[Basic, Post],
    lifetimes: lives(Some(90 * DAY), None),
    note: "Moves to rotation in the autumn of 2026: a used refresh token dies ten minutes after its first use. Tokens are longer \
           than 2500 characters.",
    source: "https://github.com/git-ecosystem/git-credential-manager/issues/2429",
    ..*UNKNOWN
};

/// Atlassian (3LO).
pub const ATLASSIAN: &Provider = &Provider {
    name: "atlassian",
    title: "Atlassian",
    rotation: Rotation::Always,
    reuse: grace(600),
    signs: &[
        ended(&[Is("error", "unauthorized_client"), Contains("error_description", "refresh_token")]),
        // A wrong secret.
        setup(&[Is("error", "access_denied")]),
    ],
    endpoints: at("", "https://auth.atlassian.com/authorize", "https://auth.atlassian.com/oauth/token"),
    auth: &[Post],
    lifetimes: lives(Some(90 * DAY), Some(365 * DAY)),
    withholds: &["scope"],
    note: "For ten minutes the old tokens work beside the new ones. Refuses with 403. Log in with `audience=api.atlassian.com` \
           and `prompt=consent`.",
    source: "https://developer.atlassian.com/cloud/oauth/getting-started/refresh-tokens/",
    ..*UNKNOWN
};

/// Linear.
pub const LINEAR: &Provider = &Provider {
    name: "linear",
    title: "Linear",
    rotation: Rotation::Always,
    reuse: grace(1_800),
    endpoints: Endpoints {
        revocation: Some("https://api.linear.app/oauth/revoke"),
        ..at("", "https://linear.app/oauth/authorize", "https://api.linear.app/oauth/token")
    },
    auth: &[Post, Basic, Public],
    note: "Scopes are joined by commas in the request, and may be an array in the answer.",
    source: "https://linear.app/developers/oauth-2-0-authentication",
    ..*UNKNOWN
};

/// Slack.
pub const SLACK: &Provider = &Provider {
    name: "slack",
    title: "Slack",
    rotation: Rotation::Always,
    second: Second::Refused,
    nested: Some("authed_user"),
    bearer_types: &["bot", "user"],
    signs: SLACK_SIGNS,
    endpoints: at("", "https://slack.com/oauth/v2/authorize", "https://slack.com/api/oauth.v2.access"),
    auth: &[Post, Basic],
    note: "Errors come with status 200 and `ok: false`. The tokens of a user are in `authed_user`, and are refreshed by \
           themselves.",
    source: "https://docs.slack.dev/authentication/using-token-rotation",
    ..*UNKNOWN
};

const SLACK_SIGNS: &[Sign] = &[
    ended(&[Is("error", "invalid_refresh_token")]),
    ended(&[Is("error", "token_revoked")]),
    ended(&[Is("error", "token_expired")]),
    ended(&[Is("error", "account_inactive")]),
    ended(&[Is("error", "authorization_not_found")]),
    slow_down(&[Is("error", "ratelimited")]),
    slow_down(&[Is("error", "accesslimited")]),
    unknown(&[Is("error", "internal_error")]),
    unknown(&[Is("error", "fatal_error")]),
    unknown(&[Is("error", "service_unavailable")]),
    unknown(&[Is("error", "request_timeout")]),
    setup(&[Is("error", "invalid_client_id")]),
    setup(&[Is("error", "bad_client_secret")]),
    setup(&[Is("error", "token_rotation_not_enabled")]),
    setup(&[Is("error", "invalid_auth")]),
];

/// Notion's API.
pub const NOTION: &Provider = &Provider {
    name: "notion",
    title: "Notion",
    rotation: Rotation::Always,
    body: Body::Json,
    signs: &[
        setup(&[Is("code", "unauthorized")]),
        slow_down(&[Is("code", "rate_limited")]),
        unknown(&[Is("code", "internal_server_error")]),
        unknown(&[Is("code", "service_unavailable")]),
    ],
    endpoints: at("", "https://api.notion.com/v1/oauth/authorize", "https://api.notion.com/v1/oauth/token"),
    auth: &[Basic],
    note: "Takes JSON; errors may come in the shape of its API.",
    source: "https://developers.notion.com/reference/refresh-a-token",
    ..*UNKNOWN
};

/// Notion's MCP server, which is another server with other rules.
pub const NOTION_MCP: &Provider = &Provider {
    name: "notion_mcp",
    title: "Notion MCP",
    rotation: Rotation::Always,
    reuse: ReusePolicy::UntilUsed,
    second: Second::SuccessorDies,
    note: "Two refresh tokens are good at a time, and using one kills the other. A much older one ends the session.",
    source: "https://github.com/makenotion/notion-cookbook",
    ..*UNKNOWN
};

/// Figma.
pub const FIGMA: &Provider = &Provider {
    name: "figma",
    title: "Figma",
    rotation: Rotation::Never,
    endpoints: Endpoints {
        refresh: Some("https://api.figma.com/v1/oauth/refresh"),
        ..at("", "https://www.figma.com/oauth", "https://api.figma.com/v1/oauth/token")
    },
    auth: &[Basic],
    note: "Refreshes at an address of their own, and no refresh token comes back. Scopes are joined by commas.",
    source: "https://developers.figma.com/docs/rest-api/authentication/",
    ..*UNKNOWN
};

/// X, formerly Twitter.
pub const X: &Provider = &Provider {
    name: "x",
    title: "X",
    rotation: Rotation::Always,
    second: Second::SessionEnds,
    signs: &[ended(&[
        Is("error", "invalid_request"),
        Contains("error_description", "value passed for the token was invalid"),
    ])],
    endpoints: at("", "https://x.com/i/oauth2/authorize", "https://api.x.com/2/oauth2/token"),
    auth: &[Basic, Public],
    note: "A dead refresh token is an `invalid_request` with a text. Needs the scope `offline.access`.",
    source: "https://docs.x.com/fundamentals/authentication/oauth-2-0/user-access-token",
    ..*UNKNOWN
};

/// LinkedIn.
pub const LINKEDIN: &Provider = &Provider {
    name: "linkedin",
    title: "LinkedIn",
    rotation: Rotation::Never,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: &[ended(&[
        Is("error", "invalid_request"),
        Contains("error_description", "refresh token is invalid, expired or revoked"),
    ])],
    endpoints: at(
        "",
        "https://www.linkedin.com/oauth/v2/authorization",
        "https://www.linkedin.com/oauth/v2/accessToken",
    ),
    auth: &[Post],
    lifetimes: lives(None, Some(365 * DAY)),
    note: "Refresh tokens for approved applications only; the same one comes back.",
    source: "https://learn.microsoft.com/linkedin/shared/authentication/programmatic-refresh-tokens",
    ..*UNKNOWN
};

/// Spotify.
pub const SPOTIFY: &Provider = &Provider {
    name: "spotify",
    title: "Spotify",
    rotation: Rotation::Optional,
    configurable: true,
    clustered: true,
    endpoints: at("", "https://accounts.spotify.com/authorize", "https://accounts.spotify.com/api/token"),
    auth: &[Basic, Public],
    lifetimes: lives(None, Some(183 * DAY)),
    note: "Rotates for PKCE clients; for others write `reuse: ReusePolicy::NonRotating`. A login lasts six months from its \
           consent, however often it is refreshed. An outage once refused every user: an end must be announced twice.",
    source: "https://developer.spotify.com/blog/2026-06-18-refresh-token-expiration",
    ..*UNKNOWN
};

/// Strava.
pub const STRAVA: &Provider = &Provider {
    name: "strava",
    title: "Strava",
    rotation: Rotation::Optional,
    second: Second::Refused,
    signs: &[ended(&[Is("errors[*].resource", "RefreshToken")]), setup(&[Is("errors[*].resource", "Application")])],
    endpoints: at("", "https://www.strava.com/oauth/authorize", "https://www.strava.com/api/v3/oauth/token"),
    auth: &[Post],
    note: "With more than an hour left the same access token comes back. The refresh token changes now and then, and the former \
           one dies. Errors are a list.",
    source: "https://developers.strava.com/docs/authentication/",
    ..*UNKNOWN
};

/// Twitch.
pub const TWITCH: &Provider = &Provider {
    name: "twitch",
    title: "Twitch",
    rotation: Rotation::Optional,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: &[
        ended(&[Is("message", "Invalid refresh token")]),
        setup(&[Is("message", "invalid client")]),
        setup(&[Is("message", "invalid client secret")]),
    ],
    endpoints: at("", "https://id.twitch.tv/oauth2/authorize", "https://id.twitch.tv/oauth2/token"),
    auth: &[Post],
    note: "Errors have a `message` and no code; `scope` is an array.",
    source: "https://dev.twitch.tv/docs/authentication/refresh-tokens/",
    ..*UNKNOWN
};

/// Discord.
pub const DISCORD: &Provider = &Provider {
    name: "discord",
    title: "Discord",
    endpoints: Endpoints {
        revocation: Some("https://discord.com/api/oauth2/token/revoke"),
        ..at("", "https://discord.com/oauth2/authorize", "https://discord.com/api/oauth2/token")
    },
    auth: &[Basic, Post],
    note: "Whether refresh tokens rotate is not documented. Too many refusals get an address blocked.",
    source: "https://docs.discord.com/developers/topics/oauth2",
    ..*UNKNOWN
};
