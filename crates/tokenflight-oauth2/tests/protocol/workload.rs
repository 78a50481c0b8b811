//! Identities that a platform hands out: files that are renewed, URLs, variables, and whatever else
//! authenticates a client.

use std::{fs, path::PathBuf};

use tokenflight_oauth2::auth::{Authenticate, EnvVar, SourceError, TokenFile, TokenParts};

use crate::prelude::*;

const GOOD: &str = r#"{"access_token":"a","token_type":"Bearer","expires_in":600}"#;
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn jwt(name: &str, expires: Duration) -> String {
    let claims = format!(r#"{{"sub":"{name}","exp":{}}}"#, expires.as_secs());
    format!("{}.{}.c2ln", BASE64.encode(r#"{"alg":"RS256"}"#), BASE64.encode(claims))
}

fn expiry(token: &str) -> Duration {
    Assertion::new(token).expires_at().unwrap()
}

/// A file of this test alone, gone with it.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tokenflight-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> String {
        self.0.display().to_string()
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A server in this process that notes what it is sent.
fn noting(seen: &Arc<Mutex<Vec<String>>>) -> impl TokenClient {
    let seen = Arc::clone(seen);
    tower::service_fn(move |request: Request<Full<Bytes>>| {
        let seen = Arc::clone(&seen);
        async move {
            use http_body_util::BodyExt;
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let assertion = form_urlencoded::parse(&body).find(|(name, _)| name == "client_assertion");
            seen.lock().unwrap().push(assertion.unwrap().1.into_owned());
            Ok::<_, std::io::Error>(Response::new(Full::<Bytes>::from(GOOD)))
        }
    })
}

fn ask(grant: &impl Grant) -> BoxFuture<'_, Result<(), GrantError>> {
    Box::pin(async move {
        let request = TokenRequest::new(Some(RefreshToken::new("r")), Reason::Due);
        let outcome = grant.request(&request).await;
        if outcome.as_ref().is_err_and(|error| error.class() == FailureClass::NotSent) {
            assert_eq!(request.class_without_answer(), FailureClass::NotSent, "nothing was marked sent");
        }
        outcome.map(|_| ())
    })
}

/// A day with a file that the platform replaces each hour, now and then late, half written, empty
/// or missing for a moment.
#[test]
fn a_day_with_a_file_that_rotates_sends_nothing_expired() {
    let (time, file, seen) = (ManualTime::new(1), Scratch::new(), Arc::default());
    let auth = ClientAuth::federated("me", TokenFile::new(&file.0, time.shared()));
    let endpoint = TokenEndpoint::new("https://as.example/token", noting(&seen)).unwrap().client(auth);
    let grant = endpoint.time(time.shared()).client_credentials();
    let (mut sent, mut kept_back, mut names) = (0, 0, std::collections::HashSet::new());
    for minute in 0..24 * 60 {
        let now = time.now().wall;
        match minute % 60 {
            // The old one has expired some minutes before the new one comes.
            7 => file
                .write(&format!("{}\n", jwt(&format!("hour-{}", minute / 60), now + HOUR - Duration::from_secs(240)))),
            20 => file.write("eyJhbGciOiJSUzI1NiJ9.eyJzdWIi"),
            21 => file.write(""),
            22 => fs::remove_file(&file.0).unwrap(),
            23 => file.write(&jwt(&format!("late-{}", minute / 60), now + HOUR / 2)),
            _ => {}
        }
        match time.run(ask(&grant)) {
            Ok(()) => {
                let last = seen.lock().unwrap().last().unwrap().clone();
                assert!(time.now().wall < expiry(&last) + Duration::from_secs(30), "an expired assertion was sent");
                names.insert(last);
                sent += 1;
            }
            Err(error) => {
                assert_eq!(error.class(), FailureClass::NotSent, "{error}");
                kept_back += 1;
            }
        }
        time.advance(Duration::from_secs(60));
    }
    println!("{sent} requests with {} assertions, 0 of them expired; {kept_back} kept back", names.len());
    assert!(sent > 900 && kept_back > 24 * 3 && names.len() >= 48);
}

/// Read once is the usual mistake: a token torn for a moment is read again within the attempt.
#[test]
fn a_file_that_is_torn_for_a_moment_is_read_again() {
    let (time, file, seen) = (ManualTime::new(1), Scratch::new(), Arc::default());
    let whole = jwt("whole", time.now().wall + HOUR);
    file.write(&whole[..20]);
    let auth = ClientAuth::federated("me", TokenFile::new(&file.0, time.shared()));
    let grant =
        TokenEndpoint::new("https://as.example/token", noting(&seen)).unwrap().client(auth).client_credentials();
    let mut asking = ask(&grant);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asking.as_mut().poll(&mut cx).is_pending());
    file.write(&whole);
    time.advance(Duration::from_millis(50));
    assert!(matches!(asking.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(()))));
    assert_eq!(*seen.lock().unwrap(), [whole]);
}

/// On a file system that may block, the read is done elsewhere; one not done there is no token.
#[tokio::test]
async fn a_file_is_read_where_it_may_block() {
    let (time, file) = (ManualTime::new(1), Scratch::new());
    let whole = jwt("whole", time.now().wall + HOUR);
    file.write(&whole);
    let read_by = Arc::new(Mutex::new(Vec::new()));
    let threads = Arc::clone(&read_by);
    let source = TokenFile::new(&file.0, time.shared()).offload(move |read| {
        let threads = Arc::clone(&threads);
        async move {
            let work = move || {
                threads.lock().unwrap().push(std::thread::current().id());
                read();
            };
            tokio::task::spawn_blocking(work).await.unwrap();
        }
    });
    let wanted = Wanted::new("https://as.example", "https://as.example/token");
    assert_eq!(source.next(&wanted).await.unwrap().expose(), whole);
    assert!(!read_by.lock().unwrap().is_empty());
    assert!(read_by.lock().unwrap().iter().all(|thread| *thread != std::thread::current().id()));
    let forgets = TokenFile::new(&file.0, time.shared()).offload(|_| async {});
    assert!(matches!(time.run(forgets.next(&wanted)), Err(SourceError::Unavailable(_))));
}

#[test]
fn a_file_may_hold_an_object_or_an_opaque_token() {
    let (time, file) = (ManualTime::new(1), Scratch::new());
    let wanted = |file: TokenFile| {
        let auth = ClientAuth::federated("me", file);
        let seen = Arc::default();
        let endpoint = TokenEndpoint::new("https://as.example/token", noting(&seen)).unwrap().client(auth);
        let outcome = time.run(ask(&endpoint.client_credentials()));
        outcome.map(|()| seen.lock().unwrap()[0].clone())
    };
    let token = jwt("x", time.now().wall + HOUR);
    file.write(&format!(r#"{{"id_token":"{token}"}}"#));
    assert_eq!(wanted(TokenFile::new(&file.0, time.shared()).json("id_token")).unwrap(), token);
    assert!(wanted(TokenFile::new(&file.0, time.shared()).json("other")).is_err());
    assert!(wanted(TokenFile::new(&file.0, time.shared())).is_err());
    file.write(" opaque\n");
    assert_eq!(wanted(TokenFile::new(&file.0, time.shared()).opaque()).unwrap(), "opaque");
    file.write(&"x".repeat(70_000));
    let error = wanted(TokenFile::new(&file.0, time.shared()).opaque()).unwrap_err();
    assert!(!format!("{error:?}").contains("xxxx"));
}

#[tokio::test]
async fn a_url_is_asked_again_at_half_life_or_after_a_refusal() {
    let time = ManualTime::new(1);
    let token = |name: &str, after: u64| jwt(name, time.now().wall + Duration::from_secs(after));
    let value = |token: &str| json(200, &format!(r#"{{"value":"{token}"}}"#));
    let (one, two) = (token("one", 600), token("two", 6_000));
    let source = Scripted::new([
        value(&one),
        value(&two),
        answer(302, "location: http://127.0.0.1/\r\n", ""),
        answer(401, "", ""),
    ])
    .await;
    let url = UrlSource::new(&source.url(), client(), time.shared()).unwrap().json("value").bearer("job").unwrap();
    let wanted = |refused| {
        let url = &url;
        async move { url.next(&Wanted::new("https://as.example", "https://as.example/token").refused(refused)).await }
    };
    assert_eq!(wanted(false).await.unwrap().expose(), one);
    time.advance(Duration::from_secs(299));
    assert_eq!(wanted(false).await.unwrap().expose(), one);
    time.advance(Duration::from_secs(1));
    assert_eq!(wanted(false).await.unwrap().expose(), two);
    assert!(matches!(wanted(true).await, Err(SourceError::Unavailable(_))), "redirects are not followed");
    assert!(matches!(wanted(true).await, Err(SourceError::Setup(_))), "the job has outlived its identity");
    assert_eq!(wanted(false).await.unwrap().expose(), two);
    assert_eq!(source.seen()[0].header("authorization"), Some("Bearer job"));
    assert!(UrlSource::new("http://as.example", client(), time.shared()).is_err());
}

/// It cannot be renewed, so it is a matter of the job's set-up.
#[test]
fn a_variable_that_is_missing_or_expired_is_a_matter_of_setup() {
    let time = ManualTime::new(1);
    let grant = |name: &str| {
        let auth = ClientAuth::federated("me", EnvVar::new(name, time.shared()));
        let endpoint = TokenEndpoint::new("https://as.example/token", noting(&Arc::default())).unwrap();
        endpoint.client(auth).client_credentials()
    };
    let error = time.run(ask(&grant("TOKENFLIGHT_NO_SUCH_VARIABLE"))).unwrap_err();
    assert_eq!(error.class(), FailureClass::Config);
    let told = std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
    assert!(told.contains("TOKENFLIGHT_NO_SUCH_VARIABLE"), "{told}");
    // One that every test has, and that is no JWT: it has no end.
    assert!(time.run(ask(&grant("CARGO_MANIFEST_DIR"))).is_ok());
}

/// What an async function hands out is not sent either once expired, if the endpoint has a clock.
#[test]
fn an_expired_assertion_of_any_source_is_not_sent() {
    let (time, seen) = (ManualTime::new(1), Arc::default());
    let old = jwt("old", time.now().wall - Duration::from_secs(31));
    let source = move || {
        let old = old.clone();
        async move { Ok::<_, BoxError>(old) }
    };
    let endpoint = TokenEndpoint::new("https://as.example/token", noting(&seen)).unwrap().time(time.shared());
    let grants = [
        endpoint.clone().client(ClientAuth::federated("me", source.clone())).client_credentials(),
        endpoint.jwt_bearer(source),
    ];
    for grant in grants {
        assert_eq!(time.run(ask(&grant)).unwrap_err().class(), FailureClass::NotSent);
    }
    assert!(seen.lock().unwrap().is_empty());
}

/// Notes what it was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(String, String, bool)>>>);

impl Authenticate for Told {
    fn client_id(&self) -> Option<&str> {
        Some("custom")
    }

    fn apply<'a>(&'a self, parts: &'a mut TokenParts<'_>) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let wanted = parts.wanted();
            self.0.lock().unwrap().push((wanted.audience.to_owned(), wanted.endpoint.to_owned(), wanted.refused));
            parts.set("client_id", "custom");
            parts.header("x-key", "s3cr3t-key").map_err(GrantError::config)
        })
    }
}

#[tokio::test]
async fn authentication_of_any_kind_is_told_what_for_and_whether_it_was_refused() {
    let refused = || json(401, r#"{"error":"invalid_client","error_description":"s3cr3t-key is wrong"}"#);
    let server = Scripted::new([refused(), refused(), json(200, GOOD), json(200, GOOD)]).await;
    let told = Told::default();
    let endpoint = server.endpoint().issuer("https://as.example");
    let grant = endpoint.client(ClientAuth::custom(told.clone())).refresh_token();
    assert_eq!(grant.client_id(), Some("custom"));
    for _ in 0..4 {
        if let Err(error) = ask(&grant).await {
            assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
        }
    }
    let seen = server.seen();
    assert_eq!((seen[0].field("client_id").as_deref(), seen[0].header("x-key")), (Some("custom"), Some("s3cr3t-key")));
    let told = told.0.lock().unwrap();
    assert!(told.iter().all(|(audience, endpoint, _)| audience == "https://as.example" && *endpoint == server.url()));
    assert_eq!(told.iter().map(|(.., refused)| *refused).collect::<Vec<_>>(), [false, true, true, false]);
}

/// Okta, Entra and Hydra want their token endpoint as the audience, also where the issuer is known.
#[tokio::test]
async fn a_row_says_whom_assertions_are_for() {
    let by_endpoint = [provider::OKTA, provider::ENTRA_ID, provider::HYDRA, provider::CASDOOR].map(|row| (row, false));
    for (provider, issuer) in by_endpoint.into_iter().chain([(provider::UNKNOWN, true)]) {
        let server = Scripted::new([json(200, GOOD)]).await;
        let told = Told::default();
        let endpoint = server.endpoint().issuer("https://as.example");
        let grant = endpoint.provider(provider).client(ClientAuth::custom(told.clone())).refresh_token();
        ask(&grant).await.unwrap();
        let audience = if issuer { "https://as.example".to_owned() } else { server.url() };
        assert_eq!(told.0.lock().unwrap()[0].0, audience, "{}", provider.name);
    }
}

/// SPIFFE wants another type of assertion.
#[tokio::test]
async fn a_source_may_name_the_type_of_its_assertions() {
    let (server, time, file) = (Scripted::new([json(200, GOOD)]).await, ManualTime::new(1), Scratch::new());
    file.write(&jwt("spiffe://x", time.now().wall + HOUR));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe";
    let source = TokenFile::new(&file.0, time.shared()).kind(kind);
    let endpoint = server.endpoint();
    ask(&endpoint.client(ClientAuth::federated("spiffe://x", source)).client_credentials()).await.unwrap();
    assert_eq!(server.seen()[0].field("client_assertion_type").as_deref(), Some(kind));
}
