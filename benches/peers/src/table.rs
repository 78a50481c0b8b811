//! All cases. What a peer cannot do stands beside it, because a number without it says little.

use crate::{
    Case,
    Measured::{Base, Layer, Read},
    peers::{aliri, aws, azure, gcp, google, kube, middleware, octo, ours, tower_stack, yup},
    service,
};

const FIXED: &str = "token fixed when built";
const NO_RETRY: &str = "no retry on 401";
const FORMATS: &str = "formats on every request";
const STAYS: &str = "refused token stays cached";
const NO_LAYER: &str = "no layer";
const OWN: &str = "only inside its own clients";
const NO_FLIGHT: &str = "no single flight";

/// A base: counted so that others can be counted net of it.
const fn base(name: &'static str, what: &'static str, build: fn(&crate::Fixture) -> crate::Built) -> Case {
    Case { name, package: "", measured: Base, what, cannot: &[], base: "", ours: "", build, storm: None }
}

/// What stands before a client, net of a service that answers, compared with ours that sends once.
const LAYER: Case =
    Case { measured: Layer, base: "nothing", ours: "tokenflight without replays", ..base("", "", service::nothing) };

/// What reads the token.
const READ: Case =
    Case { measured: Read, base: "empty", ours: "tokenflight Session::token", ..base("", "", service::empty) };

/// Every case: the bases, the layers and the reads, ours first.
pub const CASES: &[Case] = &[
    base("empty", "nothing at all", service::empty),
    base("nothing", "an http request, and a service that answers", service::nothing),
    base("azure-nothing", "azure_core's request, and a policy that answers", azure::nothing),
    base("aws-nothing", "smithy's request", aws::nothing),
    base("octocrab-nothing", "octocrab without authorization", octo::nothing),
    base("reqwest-nothing", "a client with a middleware that answers", middleware::nothing),
    Case {
        name: "tokenflight",
        what: "BearerLayer, as it is by default",
        cannot: &[],
        ours: "tokenflight",
        build: ours::replaying,
        storm: Some(ours::storm),
        ..LAYER
    },
    Case {
        name: "tokenflight without replays",
        what: "BearerLayer, replays switched off",
        cannot: &[NO_RETRY],
        build: ours::once,
        ..LAYER
    },
    Case {
        name: "tower-http SetRequestHeader",
        package: "tower-http",
        what: "SetRequestHeader",
        cannot: &[FIXED, NO_RETRY],
        build: tower_stack::set_header,
        ..LAYER
    },
    Case {
        name: "tower-http AddAuthorization",
        package: "tower-http",
        what: "AddAuthorization, sensitive",
        cannot: &[FIXED, NO_RETRY],
        build: tower_stack::add_authorization,
        ..LAYER
    },
    Case {
        name: "tower Retry",
        package: "tower",
        what: "Retry on 401 over tower-http's AddAuthorization",
        cannot: &[FIXED, "retries with the refused token"],
        ours: "tokenflight",
        build: tower_stack::retry,
        ..LAYER
    },
    Case {
        name: "kube-client",
        package: "kube-client",
        what: "its auth layer, token file",
        cannot: &[NO_RETRY, FORMATS, STAYS],
        build: kube::layer,
        ..LAYER
    },
    Case {
        name: "azure_core",
        package: "azure_core",
        what: "BearerTokenAuthorizationPolicy",
        cannot: &[OWN, "no retry on 401 but by a callback", FORMATS],
        base: "azure-nothing",
        build: azure::policy,
        storm: Some(azure::storm),
        ..LAYER
    },
    Case {
        name: "aws-smithy-runtime",
        package: "aws-smithy-runtime",
        what: "lazy identity cache and bearer signer",
        cannot: &[OWN, NO_RETRY, FORMATS, STAYS],
        base: "aws-nothing",
        build: aws::signed,
        storm: Some(aws::storm),
        ..LAYER
    },
    Case {
        name: "octocrab",
        package: "octocrab",
        what: "execute with installation auth, with its retry on 401",
        cannot: &[OWN, FORMATS, NO_FLIGHT],
        base: "octocrab-nothing",
        ours: "tokenflight",
        build: octo::app,
        storm: Some(octo::storm),
        ..LAYER
    },
    Case {
        name: "reqwest-middleware",
        package: "reqwest-middleware",
        what: "a middleware by hand, with a retry on 401",
        cannot: &["no bearer of its own", FIXED, "retries with the refused token"],
        base: "reqwest-nothing",
        ours: "tokenflight",
        build: middleware::replaying,
        ..LAYER
    },
    Case {
        name: "tokenflight Session::token",
        what: "Session::token and a clone of its header",
        cannot: &[NO_LAYER, NO_RETRY],
        build: ours::token_read,
        ..READ
    },
    Case {
        name: "tokenflight Bearer::authorization",
        what: "Bearer::authorization",
        cannot: &[NO_RETRY],
        build: ours::header_read,
        ..READ
    },
    Case {
        name: "aliri_tokens",
        package: "aliri_tokens",
        what: "TokenWatcher, and format",
        cannot: &[NO_LAYER, NO_RETRY, FORMATS, STAYS],
        build: aliri::fresh,
        ..READ
    },
    Case {
        name: "google-cloud-auth",
        package: "google-cloud-auth",
        what: "headers() of user credentials",
        cannot: &[NO_LAYER, NO_RETRY, FORMATS, STAYS],
        build: google::fresh,
        storm: Some(google::storm),
        ..READ
    },
    Case {
        name: "google-cloud-auth, kept headers",
        package: "google-cloud-auth",
        what: "headers() by a caller who kept the last ones",
        cannot: &[NO_LAYER, NO_RETRY, "the caller keeps the header", STAYS],
        build: google::known,
        ..READ
    },
    Case {
        name: "gcp_auth",
        package: "gcp_auth",
        what: "token() of a service account, and format",
        cannot: &[NO_LAYER, NO_RETRY, FORMATS, STAYS, "may fetch several times in a row"],
        build: gcp::fresh,
        storm: Some(gcp::storm),
        ..READ
    },
    Case {
        name: "yup-oauth2",
        package: "yup-oauth2",
        what: "token() of a service account, and format",
        cannot: &[NO_LAYER, NO_RETRY, FORMATS, NO_FLIGHT],
        build: yup::fresh,
        storm: Some(yup::storm),
        ..READ
    },
];
