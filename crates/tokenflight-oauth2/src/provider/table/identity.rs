//! Hosted identity services.

use tokenflight_core::grant::ReusePolicy;

use super::{
    common::{DAY, HOUR, UNKNOWN, at, grace, lives},
    words::{ended, interaction, setup, slow_down},
};
use crate::provider::{
    AssertionAudience,
    AuthMethod::{Basic, Mtls, Post, PrivateKeyJwt, Public, SecretJwt},
    Endpoints, OldAccess, Provider, Rotation, Second, Sign,
    Test::{Contains, Has, Is},
};

/// Auth0.
pub const AUTH0: &Provider = &Provider {
    name: "auth0",
    title: "Auth0",
    rotation: Rotation::Optional,
    second: Second::SessionEnds,
    configurable: true,
    endpoints: Endpoints {
        issuer: Some("{base}/"),
        revocation: Some("{base}/oauth/revoke"),
        device: Some("{base}/oauth/device/code"),
        ..at("https://{}.auth0.com", "{base}/authorize", "{base}/oauth/token")
    },
    auth: &[Post, Basic, PrivateKeyJwt, Mtls, Public],
    lifetimes: lives(Some(30 * DAY), Some(30 * DAY)),
    note: "The overlap period is set per application and off by default; inside it a used token brings a sibling. \
           Refuses with 403. Switching rotation on or off ends sessions.",
    source: "https://auth0.com/docs/secure/tokens/refresh-tokens/refresh-token-rotation",
    ..*UNKNOWN
};

/// Okta.
pub const OKTA: &Provider = &Provider {
    name: "okta",
    title: "Okta",
    rotation: Rotation::Optional,
    reuse: grace(30),
    second: Second::SessionEnds,
    configurable: true,
    endpoints: Endpoints {
        issuer: Some("{base}/oauth2/default"),
        revocation: Some("{base}/oauth2/default/v1/revoke"),
        device: Some("{base}/oauth2/default/v1/device/authorize"),
        ..at("https://{}.okta.com", "{base}/oauth2/default/v1/authorize", "{base}/oauth2/default/v1/token")
    },
    auth: &[Basic, Post, SecretJwt, PrivateKeyJwt, Public],
    audience: AssertionAudience::TokenEndpoint,
    lifetimes: lives(Some(7 * DAY), None),
    note: "The grace period is 0 to 60 s, 30 by default. Web and native applications do not rotate by default. The addresses \
           are those of the authorization server `default`; the organization's own is at `/oauth2/v1`.",
    source: "https://developer.okta.com/docs/guides/refresh-tokens/main/",
    ..*UNKNOWN
};

/// Microsoft Entra ID.
pub const ENTRA_ID: &Provider = &Provider {
    name: "entra_id",
    title: "Microsoft Entra ID",
    rotation: Rotation::Never,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: ENTRA_SIGNS,
    endpoints: Endpoints {
        issuer: Some("{base}/v2.0"),
        device: Some("{base}/oauth2/v2.0/devicecode"),
        ..at("https://login.microsoftonline.com/{}", "{base}/oauth2/v2.0/authorize", "{base}/oauth2/v2.0/token")
    },
    auth: &[Post, Basic, PrivateKeyJwt, Public],
    audience: AssertionAudience::TokenEndpoint,
    lifetimes: lives(None, Some(90 * DAY)),
    note: "A refresh brings a new refresh token and leaves the old one alive. One refresh token serves many resources: ask with \
           a scope. Consent, MFA or claims for one resource leave the login alive. Certificates sign with `x5t#S256`. Give the \
           tenant's id; with `common` the discovered issuer is a template.",
    source: "https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow",
    ..*UNKNOWN
};

const ENTRA_SIGNS: &[Sign] = &[
    // A loop of requests is throttled under the name of a dead token.
    slow_down(&[Is("error_codes[*]", "50196")]),
    slow_down(&[Contains("error_description", "AADSTS50196")]),
    // The assertion of a federated credential is too old.
    setup(&[Is("error_codes[*]", "700024")]),
    // Never send this refresh token again.
    ended(&[Is("suberror", "bad_token")]),
    ended(&[Is("suberror", "token_expired")]),
    ended(&[Is("error", "bad_token")]),
    // A refresh token of another family of applications.
    setup(&[Is("suberror", "client_mismatch")]),
    interaction(&[Is("suberror", "consent_required")]),
    interaction(&[Is("suberror", "basic_action")]),
    interaction(&[Is("suberror", "additional_action")]),
    interaction(&[Is("suberror", "message_only")]),
    interaction(&[Is("suberror", "user_password_expired")]),
    interaction(&[Is("suberror", "protection_policy_required")]),
    interaction(&[Is("suberror", "device_authentication_failed")]),
    // Consent, and a second factor.
    interaction(&[Is("error_codes[*]", "65001")]),
    interaction(&[Is("error_codes[*]", "50076")]),
    interaction(&[Is("error_codes[*]", "50078")]),
    interaction(&[Is("error_codes[*]", "50079")]),
    // What is to be asked for is named: it can be asked for.
    interaction(&[Is("error", "invalid_grant"), Has("claims")]),
];

/// Google.
pub const GOOGLE: &Provider = &Provider {
    name: "google",
    title: "Google",
    rotation: Rotation::Never,
    reuse: ReusePolicy::NonRotating,
    second: Second::Nothing,
    signs: &[
        // The session of a Workspace is over, and not the grant.
        interaction(&[Is("error_subtype", "invalid_rapt")]),
        interaction(&[Is("error_subtype", "rapt_required")]),
        setup(&[Is("error", "admin_policy_enforced")]),
    ],
    endpoints: Endpoints {
        issuer: Some("https://accounts.google.com"),
        revocation: Some("https://oauth2.googleapis.com/revoke"),
        device: Some("https://oauth2.googleapis.com/device/code"),
        ..at("", "https://accounts.google.com/o/oauth2/v2/auth", "https://oauth2.googleapis.com/token")
    },
    auth: &[Post, Basic],
    note: "A refresh brings no refresh token: the old one stays. Ask for one with `access_type=offline`. The oldest of more than \
           100 per user and client are dropped.",
    source: "https://developers.google.com/identity/protocols/oauth2",
    ..*UNKNOWN
};

/// Firebase Authentication, Google Identity Platform.
pub const FIREBASE: &Provider = &Provider {
    name: "firebase",
    title: "Firebase Authentication",
    rotation: Rotation::Optional,
    signs: &[ended(&[Is("error.message", "INVALID_REFRESH_TOKEN")]), ended(&[Is("error.message", "USER_DISABLED")])],
    endpoints: Endpoints { token: Some("https://securetoken.googleapis.com/v1/token"), ..Endpoints::NONE },
    note: "The project's key goes into the query: `TokenEndpoint::new(\"https://securetoken.googleapis.com/v1/token?key=…\")`. \
           Errors are nested in `error.message`.",
    source: "https://firebase.google.com/docs/reference/rest/auth",
    ..*UNKNOWN
};

/// AWS Cognito.
pub const COGNITO: &Provider = &Provider {
    name: "cognito",
    title: "AWS Cognito",
    rotation: Rotation::Optional,
    configurable: true,
    endpoints: Endpoints {
        revocation: Some("{base}/oauth2/revoke"),
        ..at("", "{base}/oauth2/authorize", "{base}/oauth2/token")
    },
    auth: &[Basic, Public],
    note: "Rotation and its grace period of 0 to 60 s are set per application; without rotation no refresh token comes back. \
           \"Invalid Refresh Token\" is also said to another application's id and to a missing device key.",
    source: "https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-refresh-token.html",
    ..*UNKNOWN
};

/// WorkOS AuthKit.
pub const WORKOS: &Provider = &Provider {
    name: "workos",
    title: "WorkOS",
    rotation: Rotation::Always,
    reuse: grace(30),
    second: Second::SamePair,
    signs: &[
        ended(&[Is("error", "sso_required")]),
        ended(&[Is("code", "mfa_enrollment")]),
        slow_down(&[Is("error", "too_many_requests")]),
    ],
    note: "A used refresh token brings the same pair again for 30 s; the reference page says \"once\".",
    source: "https://workos.com/docs/authkit/session-resilience",
    ..*UNKNOWN
};

/// Clerk.
pub const CLERK: &Provider = &Provider {
    name: "clerk",
    title: "Clerk",
    auth: &[Basic, Public],
    note: "Deleting a scope makes refresh tokens fail with `invalid_scope` until the scope is there again.",
    source: "https://clerk.com/docs/guides/configure/auth-strategies/oauth/how-clerk-implements-oauth",
    ..*UNKNOWN
};

/// Stytch Connected Apps.
pub const STYTCH: &Provider = &Provider {
    name: "stytch",
    title: "Stytch",
    rotation: Rotation::Optional,
    configurable: true,
    lifetimes: lives(Some(90 * DAY), None),
    note: "Public clients rotate; confidential ones keep their refresh token, and no other comes.",
    source: "https://stytch.com/docs/b2b/api/connected-app-access-token-exchange",
    ..*UNKNOWN
};

/// FusionAuth.
pub const FUSIONAUTH: &Provider = &Provider {
    name: "fusionauth",
    title: "FusionAuth",
    rotation: Rotation::Optional,
    configurable: true,
    endpoints: at("", "{base}/oauth2/authorize", "{base}/oauth2/token"),
    lifetimes: lives(None, Some(30 * DAY)),
    note: "Reusable by default; one-time use has a grace period of 0 s by default, and ends the session at reuse only if that is \
           switched on. Needs the scope `offline_access`.",
    source: "https://fusionauth.io/docs/apis/tenants",
    ..*UNKNOWN
};

/// PingOne.
pub const PING_ONE: &Provider = &Provider {
    name: "ping_one",
    title: "PingOne",
    rotation: Rotation::Optional,
    configurable: true,
    endpoints: at("https://auth.pingone.com/{}", "{base}/as/authorize", "{base}/as/token"),
    auth: &[Basic, Post, SecretJwt, PrivateKeyJwt, Public],
    note: "The grace period is 0 to 86400 s, none by default. Other regions have other top-level domains.",
    source: "https://registry.terraform.io/providers/pingidentity/pingone/latest/docs",
    ..*UNKNOWN
};

/// PingFederate.
pub const PING_FEDERATE: &Provider = &Provider {
    name: "ping_federate",
    title: "PingFederate",
    rotation: Rotation::Optional,
    reuse: grace(60),
    configurable: true,
    lifetimes: lives(Some(30 * DAY), None),
    note: "Rolling is off by default; when it is on, a refresh token is replaced after a minimum interval, and the old one stays \
           valid for 60 s by default.",
    source: "https://registry.terraform.io/providers/pingidentity/pingfederate/latest/docs",
    ..*UNKNOWN
};

/// SAP Cloud Identity Services.
pub const SAP_IAS: &Provider = &Provider {
    name: "sap_ias",
    title: "SAP Cloud Identity Services",
    rotation: Rotation::Always,
    configurable: true,
    lifetimes: lives(None, Some(12 * HOUR)),
    note: "Usage after renewal is off by default. Set to \"online\" (5 min) or \"mobile\", a used token brings the same \
           successor until that is used: then add `.reuse_policy(ReusePolicy::UntilUsed)` to the session's builder.",
    source: "https://github.com/SAP-docs/btp-cloud-identity-services",
    ..*UNKNOWN
};

/// Snowflake OAuth.
pub const SNOWFLAKE: &Provider = &Provider {
    name: "snowflake",
    title: "Snowflake",
    rotation: Rotation::Optional,
    second: Second::SessionEnds,
    configurable: true,
    old_access: OldAccess::Dies,
    endpoints: at("https://{}.snowflakecomputing.com", "{base}/oauth/authorize", "{base}/oauth/token-request"),
    auth: &[Basic],
    note: "Reusable by default, and no refresh token comes back; single use by the integration's setting or by \
           `enable_single_use_refresh_tokens=true` at the code exchange.",
    source: "https://docs.snowflake.com/en/user-guide/oauth-snowflake-overview",
    ..*UNKNOWN
};

/// Databricks.
pub const DATABRICKS: &Provider = &Provider {
    name: "databricks",
    title: "Databricks",
    rotation: Rotation::Optional,
    configurable: true,
    signs: &[setup(&[Is("error", "invalid_grant"), Contains("error_description", "Invalid Client")])],
    note: "Single use is a setting of the application.",
    source: "https://docs.databricks.com/aws/en/integrations/single-use-tokens",
    ..*UNKNOWN
};
