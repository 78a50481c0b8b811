//! Identities of clouds: what their environments and files say, and what is made of it.

use tokenflight_oauth2::workload::azure::{self, WorkloadError};

use crate::prelude::*;

const ID_JAG: &str = "urn:ietf:params:oauth:token-type:id-jag";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

async fn ask(grant: &impl Grant, reason: Reason) -> Result<String, GrantError> {
    let request = TokenRequest::new(None, reason);
    let outcome = grant.request(&request).await;
    outcome.map(|set| set.access().expose().to_owned())
}

fn constant(text: &'static str) -> impl Fn() -> std::future::Ready<Result<String, BoxError>> {
    move || std::future::ready(Ok(text.to_owned()))
}

/// An identity provider that vouches for its user at another server, as enterprise-managed
/// authorization has it.
fn vouched(idp: &Scripted, resource: &Scripted) -> OAuthGrant {
    let idp = TokenEndpoint::new(&idp.url(), client()).unwrap().client(ClientAuth::basic("me", "at-idp"));
    let jag = idp.token_exchange(ID_TOKEN, constant("id-token")).parameter("requested_token_type", ID_JAG).assertion();
    TokenEndpoint::new(&resource.url(), client()).unwrap().client(ClientAuth::basic("me", "at-rs")).jwt_bearer(jag)
}

#[tokio::test]
async fn what_one_server_issues_is_presented_to_another() {
    let issued = format!(r#"{{"access_token":"the-jag","issued_token_type":"{ID_JAG}","token_type":"N_A"}}"#);
    let idp = Scripted::new([json(200, &issued)]).await;
    let resource = Scripted::new([json(200, r#"{"access_token":"good","token_type":"Bearer"}"#)]).await;
    let session = Session::builder(vouched(&idp, &resource)).build().unwrap();
    assert_eq!(session.token().await.unwrap().access().expose(), "good");
    assert_eq!(idp.seen()[0].field("subject_token").as_deref(), Some("id-token"));
    assert_eq!(resource.seen()[0].field("assertion").as_deref(), Some("the-jag"));
}

#[tokio::test]
async fn what_was_issued_must_be_what_was_asked_for() {
    let urn = |kind: &str| format!("urn:ietf:params:oauth:token-type:{kind}");
    for (issued, requested, taken) in [
        (ID_JAG.to_owned(), Some(ID_JAG.to_owned()), true),
        (urn("access_token"), Some(ID_JAG.to_owned()), false),
        (urn("jwt"), Some(urn("access_token")), true),
        (urn("saml2"), None, true),
        (urn("refresh_token"), None, false),
    ] {
        let answer = format!(r#"{{"access_token":"x","issued_token_type":"{issued}","token_type":"N_A"}}"#);
        let idp = Scripted::new([json(200, &answer)]).await;
        let mut exchange = TokenEndpoint::new(&idp.url(), client()).unwrap().token_exchange(ID_TOKEN, constant("id"));
        if let Some(requested) = requested {
            exchange = exchange.parameter("requested_token_type", requested);
        }
        let resource = Scripted::new([json(200, r#"{"access_token":"good"}"#)]).await;
        let grant = TokenEndpoint::new(&resource.url(), client()).unwrap().jwt_bearer(exchange.assertion());
        let outcome = ask(&grant, Reason::Due).await;
        assert_eq!(outcome.is_ok(), taken, "{issued}: {outcome:?}");
        assert_eq!(resource.seen().len(), usize::from(taken), "nothing else is presented");
    }
}

/// The first server's word on when to come again, and why, is not lost; its refusal ends nothing.
#[tokio::test]
async fn the_first_servers_refusal_is_told_by_the_second_grant() {
    let busy = answer(
        429,
        "content-type: application/json\r\nretry-after: 17\r\n",
        r#"{"error":"slow_down","error_description":"later, please"}"#,
    );
    let no = json(400, r#"{"error":"invalid_grant","error_description":"the user has left"}"#);
    let idp = Scripted::new([busy, no.clone(), no]).await;
    let resource = Scripted::new([json(200, r#"{"access_token":"good"}"#)]).await;
    let grant = vouched(&idp, &resource);
    let error = ask(&grant, Reason::Due).await.unwrap_err();
    assert_eq!((error.class(), error.wait()), (FailureClass::NotSent, Some(Duration::from_secs(17))));
    assert_eq!((error.error_code(), error.error_description()), (Some("slow_down"), Some("later, please")));
    let error = ask(&grant, Reason::Due).await.unwrap_err();
    assert_eq!((error.class(), error.error_description()), (FailureClass::Config, Some("the user has left")));
    // The same identity is presented again only when the user asks for it.
    assert!(ask(&grant, Reason::Due).await.is_err() && idp.seen().len() == 2);
    assert!(ask(&grant, Reason::Forced).await.is_err() && idp.seen().len() == 3);
    assert!(resource.seen().is_empty());
}

#[tokio::test]
async fn an_issued_assertion_ends_with_its_lifetime() {
    let answer = r#"{"access_token":"opaque","token_type":"N_A","expires_in":120}"#;
    let idp = Scripted::new([json(200, answer)]).await;
    let exchange = TokenEndpoint::new(&idp.url(), client()).unwrap().token_exchange(ID_TOKEN, constant("id"));
    let source = exchange.assertion();
    let wanted = Wanted::new("https://as.example", "https://as.example/token").at(Duration::from_secs(1_000));
    let assertion = source.next(&wanted).await.unwrap();
    assert_eq!(assertion.expires_at(), Some(Duration::from_secs(1_120)));
    assert_eq!(assertion.expose(), "opaque");
}

/// A key service that hangs takes ten seconds of the attempt, not all of it, and nothing was sent.
#[test]
fn a_source_that_hangs_is_given_up_before_the_attempt_is() {
    let time = ManualTime::new(1);
    let hangs = || std::future::pending::<Result<String, BoxError>>();
    let endpoint = TokenEndpoint::new("https://as.example/token", client()).unwrap().time(time.shared());
    for grant in
        [endpoint.clone().jwt_bearer(hangs), endpoint.client(ClientAuth::federated("me", hangs)).client_credentials()]
    {
        let request = TokenRequest::new(None, Reason::Due);
        let before = time.now().boot;
        let error = time.run(grant.request(&request)).unwrap_err();
        assert_eq!(error.class(), FailureClass::NotSent);
        assert_eq!(time.now().boot - before, Duration::from_secs(10));
        assert_eq!(request.class_without_answer(), FailureClass::NotSent);
    }
}

/// What AKS sets.
fn environment(file: &Scratch, authority: Option<String>) -> impl Fn(&str) -> Option<String> {
    let file = file.path();
    move |name| match name {
        "AZURE_CLIENT_ID" => Some("0000-client".to_owned()),
        "AZURE_TENANT_ID" => Some("1111-tenant".to_owned()),
        "AZURE_FEDERATED_TOKEN_FILE" => Some(file.clone()),
        "AZURE_AUTHORITY_HOST" => authority.clone(),
        _ => None,
    }
}

#[tokio::test]
async fn a_pod_of_azure_presents_its_file_and_reads_it_again_after_a_refusal() {
    // Literal: AADSTS700024,
    // https://learn.microsoft.com/entra/identity-platform/reference-error-codes, 2026-11.
    let stale = r#"{"error":"invalid_client","error_description":"AADSTS700024: Client assertion is not within its valid time range. Current time: 2026-11-29T12:00:00Z, assertion valid from 2026-11-29T10:00:00Z, expiry time of assertion 2026-11-29T11:00:00Z.","error_codes":[700024]}"#;
    let (time, file) = (ManualTime::new(1), Scratch::new());
    let server = Scripted::new([json(401, stale), json(200, r#"{"access_token":"graph","expires_in":3599}"#)]).await;
    let variables = environment(&file, Some(format!("http://{}/", server.addr)));
    let endpoint = azure::workload(variables, client(), time.shared()).unwrap();
    let grant = endpoint.client_credentials().scope("https://graph.microsoft.com/.default");
    let (old, new) = (jwt("old", time.now().wall + HOUR), jwt("new", time.now().wall + 2 * HOUR));
    file.write(&old);
    let error = ask(&grant, Reason::Due).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Config, "nothing is ended");
    let told = std::error::Error::source(&error).unwrap().to_string();
    assert!(told.contains("renew what has expired"), "{told}");
    file.write(&new);
    assert_eq!(ask(&grant, Reason::Due).await.unwrap(), "graph");
    let seen = server.seen();
    assert!(seen[0].head.starts_with("POST /1111-tenant/oauth2/v2.0/token "), "{}", seen[0].head);
    assert_eq!(seen[0].field("client_id").as_deref(), Some("0000-client"));
    assert_eq!(seen[0].field("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(seen[0].field("client_assertion"), Some(old));
    assert_eq!(seen[1].field("client_assertion"), Some(new));
}

#[test]
fn an_environment_without_a_workload_says_what_is_missing() {
    let (time, file) = (ManualTime::new(1), Scratch::new());
    for name in ["AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE"] {
        for absent in [None, Some(" ".to_owned())] {
            let whole = environment(&file, None);
            let lookup = |asked: &str| if asked == name { absent.clone() } else { whole(asked) };
            let error = azure::workload(lookup, client(), time.shared()).unwrap_err();
            assert_eq!(error, WorkloadError::Missing(name));
            assert!(error.to_string().contains(name));
        }
    }
    let refused = |authority: &str| {
        azure::workload(environment(&file, Some(authority.to_owned())), client(), time.shared()).unwrap_err()
    };
    assert_eq!(refused("http://login.example"), WorkloadError::Authority(EndpointError::Insecure));
    let elsewhere = |name: &str| match name {
        "AZURE_TENANT_ID" => Some("x/../../evil".to_owned()),
        name => environment(&file, None)(name),
    };
    assert_eq!(azure::workload(elsewhere, client(), time.shared()).unwrap_err(), WorkloadError::Tenant);
}

/// GitHub Actions: two variables, and an audience that is asked for.
#[tokio::test]
async fn a_job_of_github_asks_for_an_identity_for_its_audience() {
    let time = ManualTime::new(1);
    let token = jwt("job", time.now().wall + HOUR);
    let platform = Scripted::new([json(200, &format!(r#"{{"count":1,"value":"{token}"}}"#))]).await;
    let url = format!("http://{}/idtoken/1/2?api-version=2.0", platform.addr);
    let variables = |name: &str| match name {
        "ACTIONS_ID_TOKEN_REQUEST_URL" => Some(url.clone()),
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN" => Some("job-token".to_owned()),
        _ => None,
    };
    let source = UrlSource::github_with(variables, "api://x y", client(), time.shared()).unwrap();
    let wanted = Wanted::new("https://as.example", "https://as.example/token");
    assert_eq!(source.next(&wanted).await.unwrap().expose(), token);
    let seen = &platform.seen()[0];
    assert!(seen.head.starts_with("GET /idtoken/1/2?api-version=2.0&audience=api%3A%2F%2Fx+y "), "{}", seen.head);
    assert_eq!(seen.header("authorization"), Some("Bearer job-token"));
    let error = UrlSource::github_with(|_| None, "x", client(), time.shared()).unwrap_err();
    let told = format!("{error:?}");
    assert!(told.contains("ACTIONS_ID_TOKEN_REQUEST_URL") && told.contains("id-token: write"), "{told}");
}

/// Entra's code for a stale assertion counts as its refusal: a caching source forgets what it has.
#[tokio::test]
async fn a_refusal_under_a_vendors_code_reaches_the_source() {
    let stale = r#"{"error":"invalid_client","error_description":"AADSTS700024","error_codes":[700024]}"#;
    let server = Scripted::new([json(401, stale), json(200, r#"{"access_token":"a"}"#)]).await;
    struct Notes(Arc<Mutex<Vec<bool>>>);
    impl Assertions for Notes {
        fn next<'a>(
            &'a self,
            wanted: &'a Wanted<'_>,
        ) -> BoxFuture<'a, Result<Assertion, tokenflight_oauth2::auth::SourceError>> {
            self.0.lock().unwrap().push(wanted.refused);
            Box::pin(async { Ok(Assertion::new("x")) })
        }
    }
    let told = Arc::default();
    let endpoint = server.endpoint().provider(provider::ENTRA_ID);
    let grant = endpoint.client(ClientAuth::federated("me", Notes(Arc::clone(&told)))).client_credentials();
    assert!(ask(&grant, Reason::Due).await.is_err());
    assert!(ask(&grant, Reason::Due).await.is_ok());
    assert_eq!(*told.lock().unwrap(), [false, true]);
}
