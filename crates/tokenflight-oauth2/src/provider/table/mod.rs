//! The rows. Each says where it was read and when.

mod identity;
mod saas;
mod servers;
mod tools;
mod words;

use tokenflight_core::grant::ReusePolicy;

pub use self::{identity::*, saas::*, servers::*, tools::*};
use super::{AssertionAudience, Body, Endpoints, Lifetimes, OldAccess, Provider, Rotation, Second, ZeroLifetime};

const CHECKED: &str = "2026-11";
const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;

/// Nothing is known: strict.
pub const UNKNOWN: &Provider = &Provider {
    name: "unknown",
    title: "Any other",
    rotation: Rotation::Unknown,
    reuse: ReusePolicy::Strict,
    second: Second::Unknown,
    configurable: false,
    old_access: OldAccess::Lives,
    signs: &[],
    body: Body::Form,
    form_answers: false,
    nested: None,
    bearer_types: &[],
    strict_type: false,
    zero_lifetime: ZeroLifetime::Once,
    clustered: false,
    endpoints: Endpoints::NONE,
    auth: &[],
    audience: AssertionAudience::Issuer,
    lifetimes: Lifetimes { unannounced: None, idle: None, absolute: None, earliest: None },
    sends: &[],
    withholds: &[],
    note: "",
    source: "RFC 6749",
    checked: CHECKED,
};

/// A reuse policy with a window in seconds.
const fn grace(seconds: u64) -> ReusePolicy {
    ReusePolicy::grace(std::time::Duration::from_secs(seconds))
}

/// Lifetimes of refresh tokens, in seconds.
const fn lives(idle: Option<u32>, absolute: Option<u32>) -> Lifetimes {
    Lifetimes { unannounced: None, idle, absolute, earliest: None }
}

/// Endpoints below a common beginning.
const fn at(base: &'static str, authorization: &'static str, token: &'static str) -> Endpoints {
    Endpoints { base, authorization: Some(authorization), token: Some(token), ..Endpoints::NONE }
}

/// Every provider that is known, by name.
pub const ALL: &[&Provider] = &[
    AIRTABLE,
    ATLASSIAN,
    AUTH0,
    AUTHELIA,
    AUTHENTIK,
    BETTER_AUTH,
    BITBUCKET,
    BOX,
    CASDOOR,
    CLERK,
    CLOUDFLARE_WORKERS,
    COGNITO,
    CONNECT2ID,
    DATABRICKS,
    DEX,
    DISCORD,
    DJANGO,
    DOORKEEPER,
    DROPBOX,
    DUENDE,
    ENTRA_ID,
    EXACT_ONLINE,
    FIGMA,
    FIREBASE,
    FUSIONAUTH,
    GITEA,
    GITHUB,
    GITLAB,
    GOOGLE,
    HUBSPOT,
    HYDRA,
    JOBBER,
    KANIDM,
    KEYCLOAK,
    LINEAR,
    LINKEDIN,
    LOGTO,
    NEXTCLOUD,
    NOTION,
    NOTION_MCP,
    OIDC_PROVIDER,
    OKTA,
    OPENIDDICT,
    PING_FEDERATE,
    PING_ONE,
    QUICKBOOKS,
    RINGCENTRAL,
    SALESFORCE,
    SAP_IAS,
    SHOPIFY,
    SLACK,
    SNOWFLAKE,
    SPOTIFY,
    SPRING,
    SQUARE,
    STRAVA,
    STRIPE_APPS,
    STYTCH,
    SUPABASE,
    TWITCH,
    WORKOS,
    X,
    XERO,
    ZENDESK,
    ZITADEL,
    ZOHO,
    ZOOM,
];
