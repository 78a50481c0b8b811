//! Services for businesses.

use tokenflight_core::grant::ReusePolicy;

use super::{
    common::{DAY, HOUR, UNKNOWN, at, grace, lives},
    words::{ended, setup, slow_down},
};
use crate::provider::{
    AuthMethod::{Basic, Post, Public},
    Body, Endpoints, Lifetimes, OldAccess, Provider, Rotation, Second,
    Test::{Contains, Is, Status},
};

/// Salesforce.
pub const SALESFORCE: &Provider = &Provider {
    name: "salesforce",
    title: "Salesforce",
    rotation: Rotation::Optional,
    second: Second::SessionEnds,
    configurable: true,
    signs: &[
        // Another request presents the same token at this moment.
        slow_down(&[Is("error", "invalid_grant"), Contains("error_description", "already being processed")]),
        slow_down(&[Is("error", "invalid_grant"), Contains("error_description", "expired authorization code")]),
        ended(&[Is("error", "inactive_user")]),
    ],
    endpoints: at("https://{}.my.salesforce.com", "{base}/services/oauth2/authorize", "{base}/services/oauth2/token"),
    auth: &[Post, Basic],
    note: "No lifetime is announced: only a refusal tells. Rotation is obligatory for applications in several organizations. The \
           oldest of more than five grants per user and application is dropped.",
    source: "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_refresh_token_flow.htm",
    ..*UNKNOWN
};

/// Shopify, with expiring offline tokens.
pub const SHOPIFY: &Provider = &Provider {
    name: "shopify",
    title: "Shopify",
    rotation: Rotation::Always,
    reuse: ReusePolicy::UntilUsed,
    endpoints: at("https://{}.myshopify.com", "{base}/admin/oauth/authorize", "{base}/admin/oauth/access_token"),
    auth: &[Post],
    lifetimes: lives(None, Some(90 * DAY)),
    sends: &[("expiring", "1")],
    note: "A used refresh token may be presented again until its successor is used, for at most 30 days. The API takes the \
           access token in `X-Shopify-Access-Token`.",
    source: "https://shopify.dev/changelog/more-resilient-refreshes-for-expiring-offline-access-tokens",
    ..*UNKNOWN
};

/// `RingCentral`.
pub const RINGCENTRAL: &Provider = &Provider {
    name: "ringcentral",
    title: "RingCentral",
    rotation: Rotation::Always,
    reuse: ReusePolicy::UntilUsed,
    second: Second::SamePair,
    old_access: OldAccess::Dies,
    endpoints: Endpoints {
        revocation: Some("{base}/restapi/oauth/revoke"),
        ..at("https://platform.ringcentral.com", "{base}/restapi/oauth/authorize", "{base}/restapi/oauth/token")
    },
    auth: &[Basic, Public],
    lifetimes: lives(Some(7 * DAY), None),
    note: "A used refresh token brings the same answer until the new access token is used, for at most an hour; then for 10 s \
           more.",
    source: "https://developers.ringcentral.com/guide/authentication/refresh-tokens",
    ..*UNKNOWN
};

/// Xero.
pub const XERO: &Provider = &Provider {
    name: "xero",
    title: "Xero",
    rotation: Rotation::Always,
    reuse: grace(1_800),
    endpoints: at("", "https://login.xero.com/identity/connect/authorize", "https://identity.xero.com/connect/token"),
    auth: &[Basic, Public],
    lifetimes: lives(Some(60 * DAY), None),
    note: "A used refresh token may be presented again for 30 minutes.",
    source: "https://developer.xero.com/documentation/guides/oauth2/token-types",
    ..*UNKNOWN
};

/// QuickBooks.
pub const QUICKBOOKS: &Provider = &Provider {
    name: "quickbooks",
    title: "QuickBooks",
    rotation: Rotation::Optional,
    second: Second::Refused,
    clustered: true,
    endpoints: Endpoints {
        revocation: Some("https://developer.api.intuit.com/v2/oauth2/tokens/revoke"),
        ..at(
            "",
            "https://appcenter.intuit.com/connect/oauth2",
            "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
        )
    },
    auth: &[Basic],
    lifetimes: lives(Some(100 * DAY), Some(5 * 365 * DAY)),
    note: "The refresh token changes about once a day, and the former one dies then. Healthy sessions are refused now and then: \
           an end must be announced twice. The callback carries `realmId`.",
    source: "https://developer.intuit.com/app/developer/qbo/docs/develop/authentication-and-authorization/oauth-2.0",
    ..*UNKNOWN
};

/// HubSpot.
pub const HUBSPOT: &Provider = &Provider {
    name: "hubspot",
    title: "HubSpot",
    rotation: Rotation::Never,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: &[
        ended(&[Is("status", "BAD_REFRESH_TOKEN")]),
        setup(&[Is("status", "BAD_CLIENT_SECRET")]),
        setup(&[Is("status", "BAD_CLIENT_ID")]),
    ],
    endpoints: at("", "https://app.hubspot.com/oauth/authorize", "https://api.hubapi.com/oauth/2026-03/token"),
    auth: &[Post],
    note: "Errors carry `error` and `status`; those of version 1, which closes in February 2027, `status` alone.",
    source: "https://developers.hubspot.com/changelog/new-oauth-v3-api-endpoints-and-standardized-error-responses",
    ..*UNKNOWN
};

/// Zendesk.
pub const ZENDESK: &Provider = &Provider {
    name: "zendesk",
    title: "Zendesk",
    rotation: Rotation::Always,
    second: Second::Refused,
    old_access: OldAccess::Dies,
    endpoints: at("https://{}.zendesk.com", "{base}/oauth/authorizations/new", "{base}/oauth/tokens"),
    auth: &[Post, Public],
    sends: &[("expires_in", "1800")],
    note: "The lifetime must be asked for in each request, or older clients get a token without end.",
    source: "https://support.zendesk.com/hc/en-us/articles/9182123625370",
    ..*UNKNOWN
};

/// Zoho.
pub const ZOHO: &Provider = &Provider {
    name: "zoho",
    title: "Zoho",
    rotation: Rotation::Never,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: &[
        ended(&[Is("error", "invalid_code")]),
        setup(&[Is("error", "invalid_client")]),
        setup(&[Is("error", "invalid_client_secret")]),
        // Throttling, in the user's language.
        slow_down(&[Is("status", "failure")]),
        slow_down(&[Is("error", "Access Denied")]),
    ],
    endpoints: Endpoints {
        revocation: Some("{base}/oauth/v2/token/revoke"),
        ..at("https://accounts.zoho.{}", "{base}/oauth/v2/auth", "{base}/oauth/v2/token")
    },
    auth: &[Post],
    note: "The data centre is the tenant: `com`, `eu`, `in`, `com.au`, `jp`, `sa`, `uk`; the callback names it. Errors come with \
           status 200. The API wants `Zoho-oauthtoken` as the scheme. An eleventh access token kills the first.",
    source: "https://www.zoho.com/accounts/protocol/oauth/multi-dc.html",
    ..*UNKNOWN
};

/// Zoom.
pub const ZOOM: &Provider = &Provider {
    name: "zoom",
    title: "Zoom",
    rotation: Rotation::Always,
    second: Second::Refused,
    endpoints: Endpoints {
        revocation: Some("https://zoom.us/oauth/revoke"),
        ..at("", "https://zoom.us/oauth/authorize", "https://zoom.us/oauth/token")
    },
    auth: &[Basic],
    source: "https://developers.zoom.us/docs/integrations/oauth/",
    ..*UNKNOWN
};

/// Square.
pub const SQUARE: &Provider = &Provider {
    name: "square",
    title: "Square",
    rotation: Rotation::Optional,
    configurable: true,
    body: Body::Json,
    endpoints: at("", "https://connect.squareup.com/oauth2/authorize", "https://connect.squareup.com/oauth2/token"),
    auth: &[Post, Public],
    lifetimes: Lifetimes { unannounced: Some(30 * DAY), idle: None, absolute: None, earliest: None },
    note: "With a secret the same refresh token comes back and never ends; with PKCE alone each one counts once and lives for 90 \
           days. The lifetime is told as a date.",
    source: "https://developer.squareup.com/reference/square/o-auth-api/obtain-token",
    ..*UNKNOWN
};

/// Stripe Apps.
pub const STRIPE_APPS: &Provider = &Provider {
    name: "stripe_apps",
    title: "Stripe Apps",
    rotation: Rotation::Always,
    endpoints: at("", "https://marketplace.stripe.com/oauth/v2/authorize", "https://api.stripe.com/v1/oauth/token"),
    auth: &[Basic],
    lifetimes: Lifetimes { unannounced: Some(HOUR), idle: Some(365 * DAY), absolute: None, earliest: None },
    note: "HTTP Basic with the secret key as the name and an empty password.",
    source: "https://docs.stripe.com/stripe-apps/api-authentication/oauth",
    ..*UNKNOWN
};

/// Exact Online.
pub const EXACT_ONLINE: &Provider = &Provider {
    name: "exact_online",
    title: "Exact Online",
    rotation: Rotation::Always,
    second: Second::Refused,
    signs: &[
        // Too early: the token that is there is good.
        slow_down(&[Is("error", "access_denied"), Contains("error_description", "access_token not expired")]),
        ended(&[Status(401), Contains("error_description", "old refresh token used")]),
    ],
    endpoints: at("https://start.exactonline.{}", "{base}/api/oauth2/auth", "{base}/api/oauth2/token"),
    auth: &[Post],
    lifetimes: Lifetimes { unannounced: None, idle: Some(30 * DAY), absolute: None, earliest: Some(30) },
    note: "The country is the tenant: `nl`, `be`, `de`, `fr`, `es`, `co.uk`, `com`.",
    source: "https://support.exactonline.com/community/s/knowledge-base",
    ..*UNKNOWN
};

/// Jobber.
pub const JOBBER: &Provider = &Provider {
    name: "jobber",
    title: "Jobber",
    rotation: Rotation::Optional,
    configurable: true,
    endpoints: at("", "https://api.getjobber.com/api/oauth/authorize", "https://api.getjobber.com/api/oauth/token"),
    auth: &[Post],
    lifetimes: Lifetimes { unannounced: Some(HOUR), idle: None, absolute: None, earliest: None },
    note: "Rotation is a setting of the application, on by default.",
    source: "https://developer.getjobber.com/docs/building_your_app/refresh_token_rotation",
    ..*UNKNOWN
};

/// Box.
pub const BOX: &Provider = &Provider {
    name: "box",
    title: "Box",
    rotation: Rotation::Always,
    second: Second::Refused,
    endpoints: at("", "https://account.box.com/api/oauth2/authorize", "https://api.box.com/oauth2/token"),
    auth: &[Post],
    lifetimes: lives(Some(60 * DAY), None),
    note: "Answers refreshes at the same time with an empty 409 now and then.",
    source: "https://developer.box.com/guides/authentication/tokens/refresh/",
    ..*UNKNOWN
};

/// Dropbox.
pub const DROPBOX: &Provider = &Provider {
    name: "dropbox",
    title: "Dropbox",
    rotation: Rotation::Never,
    endpoints: at("", "https://www.dropbox.com/oauth2/authorize", "https://api.dropboxapi.com/oauth2/token"),
    auth: &[Post, Public],
    note: "Ask for a refresh token with `token_access_type=offline`. A refresh brings none: the old one stays.",
    source: "https://developers.dropbox.com/oauth-guide",
    ..*UNKNOWN
};

/// Airtable.
pub const AIRTABLE: &Provider = &Provider {
    name: "airtable",
    title: "Airtable",
    rotation: Rotation::Always,
    old_access: OldAccess::Dies,
    endpoints: at("", "https://airtable.com/oauth2/v1/authorize", "https://airtable.com/oauth2/v1/token"),
    auth: &[Basic, Public],
    lifetimes: lives(Some(60 * DAY), None),
    note: "Revokes an integration that breaks its rules.",
    source: "https://airtable.com/developers/web/api/oauth-reference",
    ..*UNKNOWN
};
