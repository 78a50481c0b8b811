//! Google Cloud's external accounts (AIP-4117): each form of the file, and files not to believe.

use serde_json::json;
use tokenflight_oauth2::workload::gcp::{ExternalAccount, ExternalAccountError as Error};

use crate::prelude::*;

pub(crate) const POOL: &str =
    "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/p";
const WORKFORCE: &str = "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p";
pub(crate) const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const STS: &str = "https://sts.googleapis.com/v1/token";
pub(crate) const IAM: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/sa@p.iam.gserviceaccount.com:generateAccessToken";

/// A configuration with this source, and with these members beside or instead of the usual ones.
pub(crate) fn config(source: &Value, more: &Value) -> String {
    let mut config = json!({
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": JWT,
        "token_url": STS,
        "credential_source": source,
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    config.to_string()
}

/// One request as Google's services saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    url: String,
    authorization: Option<String>,
    headers: http::HeaderMap,
    body: String,
}

impl Seen {
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.body.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into())
    }
}

/// Google and a metadata server in this process, with what they were asked.
#[derive(Clone, Default)]
pub(crate) struct Cloud(Arc<Mutex<Vec<Seen>>>);

impl Cloud {
    pub(crate) fn client(&self, identity: &str, generated: (StatusCode, String)) -> impl TokenClient + use<> {
        let (seen, identity) = (Arc::clone(&self.0), identity.to_owned());
        tower::service_fn(move |request: Request<Full<Bytes>>| {
            let (seen, identity, generated) = (Arc::clone(&seen), identity.clone(), generated.clone());
            async move {
                let (head, body) = request.into_parts();
                let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
                let (status, answer) = match head.uri.host() {
                    Some("sts.googleapis.com") => (StatusCode::OK, exchanged()),
                    Some("iamcredentials.googleapis.com") => generated,
                    _ => (StatusCode::OK, identity),
                };
                let authorization = head.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
                seen.lock().unwrap().push(Seen {
                    url: head.uri.to_string(),
                    authorization,
                    headers: head.headers,
                    body,
                });
                let mut response = Response::new(Full::<Bytes>::from(answer));
                *response.status_mut() = status;
                let date = http::HeaderValue::from_static("Sun, 29 Nov 2026 12:00:00 GMT");
                response.headers_mut().insert("date", date);
                Ok::<_, std::io::Error>(response)
            }
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

fn exchanged() -> String {
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    json!({"access_token": "federated", "issued_token_type": kind, "token_type": "Bearer", "expires_in": 3599})
        .to_string()
}

pub(crate) fn generated() -> (StatusCode, String) {
    let body = json!({"accessToken": "ya29.impersonated", "expireTime": "2026-11-29T12:45:00Z"});
    (StatusCode::OK, body.to_string())
}

pub(crate) fn ask(time: &ManualTime, grant: &dyn Grant) -> Result<TokenSet, GrantError> {
    let request = TokenRequest::new(None, Reason::Due);
    time.run(grant.request(&request))
}

pub(crate) fn account(json: &str) -> ExternalAccount {
    ExternalAccount::from_json(json).unwrap()
}

#[test]
fn a_file_and_a_service_account_make_a_token() {
    let (time, file, cloud) = (ManualTime::new(1), Scratch::new(), Cloud::default());
    let identity = jwt("pod", time.now().wall + HOUR);
    file.write(&identity);
    let json = config(
        &json!({"file": file.path()}),
        &json!({
            "service_account_impersonation_url": IAM,
            "service_account_impersonation": {"token_lifetime_seconds": 2800},
        }),
    );
    let grant = account(&json).scope("a b").scope("c").grant(cloud.client("", generated()), time.shared()).unwrap();
    assert!(!grant.needs_refresh_token());
    let set = ask(&time, &grant).unwrap();
    assert_eq!(set.access().expose(), "ya29.impersonated");
    // By the service's own clock; and never longer than was asked for.
    assert_eq!(set.lifetime(), Some(Duration::from_secs(2_700)));
    let seen = cloud.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].url, STS);
    assert_eq!(seen[0].field("audience").as_deref(), Some(POOL));
    assert_eq!(seen[0].field("subject_token"), Some(identity));
    assert_eq!(seen[0].field("subject_token_type").as_deref(), Some(JWT));
    assert_eq!(seen[0].field("scope").as_deref(), Some("https://www.googleapis.com/auth/cloud-platform"));
    assert_eq!(seen[0].authorization, None);
    assert_eq!(seen[1].url, IAM);
    assert_eq!(seen[1].authorization.as_deref(), Some("Bearer federated"));
    let body: Value = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(body, json!({"delegates": [], "scope": ["a", "b", "c"], "lifetime": "2800s"}));
}

#[test]
fn without_a_service_account_the_exchanged_token_is_the_one() {
    let (time, file, cloud) = (ManualTime::new(1), Scratch::new(), Cloud::default());
    file.write(&json!({"nested": "x", "access_token": jwt("pod", time.now().wall + HOUR)}).to_string());
    let format = json!({"type": "json", "subject_token_field_name": "access_token"});
    let json = config(&json!({"file": file.path(), "format": format}), &json!({}));
    let grant = account(&json).scope("read").grant(cloud.client("", generated()), time.shared()).unwrap();
    assert_eq!(ask(&time, &grant).unwrap().access().expose(), "federated");
    assert_eq!(cloud.seen()[0].field("scope").as_deref(), Some("read"));
    assert_eq!(grant.issuer(), Some("https://sts.googleapis.com"));
}

/// Azure's metadata server, as the documentation's example has it: plain HTTP, at an address that
/// leaves no host.
#[test]
fn a_metadata_server_hands_out_the_identity() {
    let (time, cloud) = (ManualTime::new(1), Cloud::default());
    let url = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api://x";
    let format = json!({"type": "json", "subject_token_field_name": "access_token"});
    let json = config(&json!({"url": url, "headers": {"Metadata": "True"}, "format": format}), &json!({}));
    let identity = jwt("vm", time.now().wall + HOUR);
    let client = cloud.client(&json!({"access_token": identity}).to_string(), generated());
    let grant = account(&json).grant(client, time.shared()).unwrap();
    ask(&time, &grant).unwrap();
    let seen = cloud.seen();
    assert_eq!((seen[0].url.as_str(), seen[0].headers.get("metadata").unwrap().as_bytes()), (url, &b"True"[..]));
    assert_eq!(seen[1].field("subject_token"), Some(identity));
}

#[test]
fn people_of_a_workforce_bring_their_project_unless_a_client_has_its_own() {
    let (time, file) = (ManualTime::new(1), Scratch::new());
    file.write("<saml>");
    let asked = |more: Value| {
        let cloud = Cloud::default();
        let mut members = json!({
            "audience": WORKFORCE,
            "subject_token_type": "urn:ietf:params:oauth:token-type:saml2",
            "workforce_pool_user_project": "my-project",
        });
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let json = config(&json!({"file": file.path()}), &members);
        let grant = account(&json).grant(cloud.client("", generated()), time.shared()).unwrap();
        ask(&time, &grant).unwrap();
        cloud.seen().remove(0)
    };
    let seen = asked(json!({}));
    assert_eq!(seen.field("subject_token").as_deref(), Some("<saml>"));
    assert_eq!(seen.field("options").as_deref(), Some("%7B%22userProject%22%3A%22my-project%22%7D"));
    let seen = asked(json!({"client_id": "id", "client_secret": "s3cr3t"}));
    assert_eq!((seen.field("options"), seen.authorization.as_deref()), (None, Some("Basic aWQ6czNjcjN0")));
}

/// Literal: https://cloud.google.com/iam/docs/reference/credentials/rest, an account that may not
/// impersonate, 2026-11.
#[test]
fn a_service_account_that_may_not_be_impersonated_is_a_matter_of_setup() {
    let (time, file, cloud) = (ManualTime::new(1), Scratch::new(), Cloud::default());
    file.write(&jwt("pod", time.now().wall + HOUR));
    let json = config(&json!({"file": file.path()}), &json!({"service_account_impersonation_url": IAM}));
    let refused = |status: u16, body: Value| {
        let client = cloud.client("", (StatusCode::from_u16(status).unwrap(), body.to_string()));
        let grant = account(&json).grant(client, time.shared()).unwrap();
        ask(&time, &grant).unwrap_err()
    };
    let text = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
    let error = refused(403, json!({"error": {"code": 403, "message": text, "status": "PERMISSION_DENIED"}}));
    assert_eq!((error.class(), error.error_code()), (FailureClass::Config, Some("PERMISSION_DENIED")));
    assert_eq!(error.error_description(), Some(text));
    assert_eq!(refused(429, json!({})).class(), FailureClass::Throttled);
    assert_eq!(refused(503, json!({})).class(), FailureClass::Ambiguous);
    assert_eq!(refused(200, json!({})).class(), FailureClass::Ambiguous);
    let error = refused(400, json!({"error": "invalid_grant", "error_description": "no federated here"}));
    assert_eq!(error.class(), FailureClass::Config, "no login could be over");
    assert!(!format!("{error} {error:?}").contains("no federated"), "the caller's token is told nowhere: {error:?}");
}

/// Every form of AIP-4117, and what each is taken for.
#[test]
fn every_form_of_the_file_is_read() {
    let source = json!({"file": "/var/run/token"});
    let executable = |more: Value| {
        let mut executable = json!({"command": "/bin/identity --json"});
        executable.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"executable": executable})
    };
    let aws = json!({
        "environment_id": "aws1",
        "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
        "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
    });
    let good = [
        (source.clone(), json!({})),
        (
            source.clone(),
            json!({"token_info_url": "https://sts.googleapis.com/v1/introspect", "quota_project_id": "q"}),
        ),
        (source.clone(), json!({"universe_domain": "googleapis.com"})),
        (source.clone(), json!({"service_account_impersonation_url": IAM})),
        (source.clone(), json!({"service_account_impersonation": {"token_lifetime_seconds": 43200}})),
        (source.clone(), json!({"audience": WORKFORCE, "workforce_pool_user_project": "p"})),
        (source.clone(), json!({"client_id": "id", "client_secret": "s"})),
        (source.clone(), json!({"token_url": null, "universe_domain": "example.goog"})),
        (json!({"file": "/t", "format": {"type": "text"}}), json!({})),
        (json!({"file": "/t", "format": {"type": "json", "subject_token_field_name": "id_token"}}), json!({})),
        (json!({"url": "https://idp.example/token"}), json!({})),
        (json!({"url": "http://169.254.169.254/x", "headers": {"Metadata": "True"}}), json!({})),
        (executable(json!({})), json!({})),
        (executable(json!({"timeout_millis": 5000, "output_file": "/tmp/out.json"})), json!({})),
    ];
    for (source, more) in &good {
        let read = ExternalAccount::from_json(&config(source, more));
        assert!(read.is_ok(), "{source} {more}: {read:?}");
    }
    let unsupported = [aws, json!({"certificate": {"use_default_certificate_config": true}})];
    for source in &unsupported {
        let error = ExternalAccount::from_json(&config(source, &json!({}))).unwrap_err();
        assert!(matches!(error, Error::Unsupported(_)), "{error:?}");
    }
    let bad = [
        (source.clone(), json!({"type": "service_account"})),
        (source.clone(), json!({"audience": ""})),
        (source.clone(), json!({"subject_token_type": null})),
        (source.clone(), json!({"workforce_pool_user_project": "p"})),
        (source.clone(), json!({"client_secret": "s"})),
        (source.clone(), json!({"service_account_impersonation": {"token_lifetime_seconds": 599}})),
        (source.clone(), json!({"service_account_impersonation": {"token_lifetime_seconds": 43201}})),
        (json!({}), json!({})),
        (json!("file"), json!({})),
        (json!({"file": "/t", "url": "https://idp.example"}), json!({})),
        (json!({"file": "/t", "format": {"type": "json"}}), json!({})),
        (json!({"file": "/t", "format": {"type": "xml"}}), json!({})),
        (executable(json!({"timeout_millis": 4999})), json!({})),
        (executable(json!({"command": " "})), json!({})),
    ];
    for (source, more) in &bad {
        let error = ExternalAccount::from_json(&config(source, more)).unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{source} {more}: {error:?}");
    }
    for text in ["", "[]", "{\"type\":\"external_account\",", "s3cr3t"] {
        let error = ExternalAccount::from_json(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
    println!("{} forms read, {} unsupported, {} malformed", good.len(), unsupported.len(), bad.len());
}

/// Nothing is sent, read or run for a file that leads elsewhere.
#[test]
fn a_hostile_file_sends_nothing() {
    let (time, ran) = (ManualTime::new(1), Arc::new(AtomicUsize::new(0)));
    let source = json!({"file": "/etc/hostname"});
    let elsewhere = "https://evil.example/v1/token";
    for (source, more) in [
        (source.clone(), json!({"token_url": elsewhere})),
        (source.clone(), json!({"token_url": "https://sts.googleapis.com.evil.example/v1/token"})),
        (source.clone(), json!({"token_url": "https://evil.example/sts.googleapis.com"})),
        (source.clone(), json!({"token_url": "https://sts.googleapis.com@evil.example/v1/token"})),
        (source.clone(), json!({"token_url": "http://sts.googleapis.com/v1/token"})),
        (source.clone(), json!({"token_url": "http://127.0.0.1:9/v1/token"})),
        (source.clone(), json!({"token_url": "https://sts.googleapis.com:8443/v1/token"})),
        (source.clone(), json!({"token_url": "https://iamcredentials.googleapis.com/v1/token"})),
        (source.clone(), json!({"token_url": null, "universe_domain": "evil.example"})),
        (source.clone(), json!({"token_url": elsewhere, "universe_domain": "evil.example"})),
        (source.clone(), json!({"service_account_impersonation_url": "https://evil.example/x:generateAccessToken"})),
        (json!({"url": "http://evil.example/identity"}), json!({})),
        (json!({"url": "https://idp.example", "headers": {"bad name": "x"}}), json!({})),
        // Allowed by the program, but not by the environment.
        (json!({"executable": {"command": "rm -rf /"}}), json!({})),
    ] {
        let cloud = Cloud::default();
        let count = Arc::clone(&ran);
        let account = account(&config(&source, &more)).allow_executables(move |_: CommandLine| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(Vec::new()) }
        });
        let error = account.grant(cloud.client("", generated()), time.shared()).map(|_| ()).unwrap_err();
        assert!(!matches!(error, Error::Malformed(_)), "{error:?}");
        assert!(cloud.seen().is_empty());
    }
    assert_eq!(ran.load(Ordering::SeqCst), 0);
}

/// What the program itself says counts: another universe, or addresses that it trusts.
#[test]
fn a_program_may_name_a_universe_or_trust_the_file() {
    let time = ManualTime::new(1);
    let client = || Cloud::default().client("", generated());
    let own = config(&json!({"file": "/t"}), &json!({"token_url": null, "universe_domain": "apis.example"}));
    let grant = account(&own).universe_domain("apis.example").grant(client(), time.shared()).unwrap();
    assert_eq!(grant.issuer(), Some("https://sts.apis.example"));
    let proxy = config(&json!({"file": "/t"}), &json!({"token_url": "https://proxy.example/token"}));
    assert!(account(&proxy).trust_urls().grant(client(), time.shared()).is_ok());
    let plain = config(&json!({"file": "/t"}), &json!({"token_url": "http://proxy.example/token"}));
    assert!(account(&plain).trust_urls().grant(client(), time.shared()).is_err(), "never in the clear");
}
