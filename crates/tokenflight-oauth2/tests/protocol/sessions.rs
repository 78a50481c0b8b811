//! What answers of servers do to whole sessions: one process, several, and several audiences.

use tokenflight::{Audiences, ErrorKind, Event};

use crate::prelude::*;

const PAIR: &str = r#"{"access_token":"access-1","refresh_token":"refresh-1","token_type":"Bearer","expires_in":3600}"#;

/// A server in this process that answers by the scope that it is asked for.
fn by_scope(rule: fn(&str) -> (u16, &'static str)) -> impl TokenClient {
    tower::service_fn(move |request: Request<Full<Bytes>>| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let scope = form_urlencoded::parse(&body).find(|(name, _)| name == "scope");
        let (status, body) = rule(&scope.map(|(_, scope)| scope.into_owned()).unwrap_or_default());
        let mut response = Response::new(Full::<Bytes>::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok::<_, std::io::Error>(response)
    })
}

/// The whole chain of an error, as a log would show it.
pub(crate) fn told(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(|error| format!("{error}; ")).collect()
}

/// Entra wants the user for one resource. The refresh token is good for the others, and the program
/// learns for what to ask.
#[test]
fn consent_for_one_resource_leaves_the_login_alive_for_the_others() {
    const ARM: &str = "https://management.azure.com/.default";
    let client = by_scope(|scope| match scope {
        ARM => (
            400,
            r#"{"error":"invalid_grant","error_description":"AADSTS65001: The user or administrator has not consented","error_codes":[65001],"suberror":"consent_required","claims":"{\"access_token\":{}}"}"#,
        ),
        _ => (200, PAIR),
    });
    let time = ManualTime::new(1);
    let endpoint = TokenEndpoint::new("https://login.example/token", client).unwrap().provider(provider::ENTRA_ID);
    let endpoint = endpoint.client(ClientAuth::public("me"));
    let audiences = Audiences::builder()
        .audience("graph", endpoint.clone().refresh_token().scope("https://graph.microsoft.com/.default"))
        .audience("arm", endpoint.refresh_token().scope(ARM))
        .time(time.clone())
        .build()
        .unwrap();
    let session = |name| audiences.session(name).unwrap();
    time.run(audiences.login(TokenSet::new("a").refresh_token("r0"))).unwrap();
    assert!(time.run(session("graph").token()).is_ok());
    let error = time.run(session("arm").token()).unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Interaction));
    assert!(!error.needs_login(), "the login is not over");
    let grant = std::error::Error::source(&error).and_then(|error| error.downcast_ref::<GrantError>());
    assert_eq!(grant.and_then(GrantError::wanted_scope), Some(ARM));
    assert_eq!(grant.and_then(GrantError::wanted_claims), Some(r#"{"access_token":{}}"#));
    time.advance(HOUR);
    assert!(time.run(session("graph").refresh()).is_ok(), "the login lives for every other resource");
}

/// One process is deployed with another client's id. It neither presents what it was not issued nor
/// believes a refusal of it.
#[tokio::test]
async fn a_process_of_another_client_neither_presents_nor_ends() {
    let server = Scripted::new([json(200, PAIR)]).await;
    let (time, store, events) = (ManualTime::new(1), MemoryStore::new(), Arc::new(Mutex::new(Vec::new())));
    let session = |id: &str| {
        let grant = server.endpoint().client(ClientAuth::public(id)).refresh_token();
        let seen = Arc::clone(&events);
        let builder = Session::builder(grant).store(store.clone()).time(time.clone());
        builder.on_event(move |event| seen.lock().unwrap().push(event.clone())).build().unwrap()
    };
    let good = session("prod");
    good.login(TokenSet::new("a").refresh_token("refresh-0").expires_in(HOUR)).await.unwrap();
    good.refresh().await.unwrap();
    let sent = server.seen().len();
    server.follow([json(400, r#"{"error":"invalid_grant","error_description":"issued to another client"}"#)]);
    let wrong = session("staging");
    for _ in 0..3 {
        let error = wrong.refresh().await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Refresh(FailureClass::Config)), "{error:?}");
        let told = told(&error);
        assert!(told.contains("prod") && told.contains("staging"), "{told}");
        time.advance(HOUR / 6);
    }
    assert_eq!(server.seen().len(), sent, "nothing was presented");
    server.follow([json(200, PAIR)]);
    assert!(session("prod").token().await.is_ok() && good.refresh().await.is_ok());
    assert!(!events.lock().unwrap().iter().any(|event| matches!(event, Event::Ended { .. })));
}

/// The same server in another spelling is the same issuer. `localhost` and `127.0.0.1` are two, and
/// the error names both.
#[tokio::test]
async fn an_issuer_is_compared_as_an_address() {
    let server = Scripted::new([json(200, PAIR)]).await;
    let (time, store) = (ManualTime::new(1), MemoryStore::new());
    let session = |issuer: Option<&str>, url: &str| {
        let mut endpoint = TokenEndpoint::new(url, client()).unwrap().client(ClientAuth::public("me"));
        if let Some(issuer) = issuer {
            endpoint = endpoint.issuer(issuer);
        }
        Session::builder(endpoint.refresh_token()).store(store.clone()).time(time.clone()).build().unwrap()
    };
    let first = session(Some("https://as.example"), &server.url());
    first.login(TokenSet::new("a").refresh_token("refresh-0").expires_in(HOUR)).await.unwrap();
    first.refresh().await.unwrap();
    for same in ["https://AS.example", "https://as.example:443", "https://as.example/"] {
        time.advance(HOUR / 6);
        let found = session(Some(same), &server.url()).refresh().await;
        assert!(found.is_ok(), "{same}: {found:?}");
    }

    let store = MemoryStore::new();
    let plain = |url: &str| {
        let endpoint = TokenEndpoint::new(url, client()).unwrap().client(ClientAuth::public("me"));
        Session::builder(endpoint.refresh_token()).store(store.clone()).time(time.clone()).build().unwrap()
    };
    let first = plain(&server.url());
    first.login(TokenSet::new("a").refresh_token("refresh-0").expires_in(HOUR)).await.unwrap();
    first.refresh().await.unwrap();
    let error = plain(&server.url().replace("127.0.0.1", "localhost")).refresh().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Config));
    let told = told(&error);
    let port = server.addr.port();
    for issuer in [format!("http://localhost:{port}"), format!("http://127.0.0.1:{port}")] {
        assert!(told.contains(&issuer), "{told}");
    }
}

/// There is no login that could be over: the next attempt may succeed, and so does one that the
/// user asks for; a session that had a token before is no other.
#[tokio::test]
async fn a_session_without_a_login_recovers_from_a_refusal() {
    type Make = fn(TokenEndpoint) -> OAuthGrant;
    let makes: [Make; 3] = [
        TokenEndpoint::client_credentials,
        |endpoint| endpoint.jwt_bearer(|| async { Ok::<_, BoxError>("assertion".to_owned()) }),
        |endpoint| {
            let source = || async { Ok::<_, BoxError>("assertion".to_owned()) };
            endpoint.token_exchange("urn:ietf:params:oauth:token-type:jwt", source)
        },
    ];
    for make in makes {
        let refused = json(400, r#"{"error":"invalid_grant","error_description":"Invalid JWT: check your iat."}"#);
        let first = json(200, r#"{"access_token":"first","expires_in":60}"#);
        let fine = json(200, r#"{"access_token":"fine","expires_in":3600}"#);
        let server = Scripted::new([first, refused, fine]).await;
        let time = ManualTime::new(1);
        let grant = make(server.endpoint());
        let session = Session::builder(grant).time(time.clone()).build().unwrap();
        assert_eq!(session.token().await.unwrap().access().expose(), "first");
        time.advance(HOUR);
        let error = session.token().await.unwrap_err();
        assert!(!error.needs_login() && error.class() == Some(FailureClass::Config), "{error:?}");
        // No caller hurries it.
        assert!(session.token().await.is_err());
        assert_eq!(server.seen().len(), 2);
        time.advance(HOUR / 6);
        assert_eq!(session.refresh().await.unwrap().access().expose(), "fine");
    }
}
