//! Servers that repeat the whole request in their description: no secret in it is told.

use crate::{prelude::*, support::shown};

/// One that answers each form with a refusal that holds it: as it came, or one value, not encoded.
fn echo(named: Option<&'static str>, seen: &Arc<Mutex<String>>) -> impl TokenClient + use<> {
    let seen = Arc::clone(seen);
    tower::service_fn(move |request: Request<Full<Bytes>>| {
        let seen = Arc::clone(&seen);
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let value = |name| form_urlencoded::parse(&body).find(|(known, _)| known == name).unwrap().1.into_owned();
            let told = named.map_or_else(|| String::from_utf8(body.to_vec()).unwrap(), value);
            seen.lock().unwrap().clone_from(&told);
            let body = serde_json::json!({"error": "invalid_grant", "error_description": format!("not good: {told}")});
            let mut response = Response::new(Full::<Bytes>::from(body.to_string()));
            *response.status_mut() = StatusCode::BAD_REQUEST;
            Ok::<_, std::io::Error>(response)
        }
    })
}

#[tokio::test]
async fn the_code_and_the_verifier_of_a_login_are_told_nowhere() {
    for named in [Some("code"), Some("code_verifier"), None] {
        let seen = Arc::default();
        let endpoint = TokenEndpoint::new("https://as.example/token", echo(named, &seen)).unwrap();
        let endpoint = endpoint.client(ClientAuth::public("me"));
        let login = CodeLogin::start(&endpoint, "https://as.example/authorize", "http://127.0.0.1/callback", None);
        let login = login.unwrap();
        let state = login.url().split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap().to_owned();
        let callback = Callback::parse(&format!("code=4/0AbCdEf-s3cr3t&state={state}"));
        let error = login.finish(callback).await.unwrap_err();
        let (told, seen) = (shown(&error), seen.lock().unwrap().clone());
        assert!(told.contains("invalid_grant") && !seen.is_empty());
        assert!(!told.contains("s3cr3t") && !told.contains(&seen), "{named:?}: {told}");
    }
}

#[tokio::test]
async fn the_assertion_of_a_client_is_told_nowhere() {
    let source = || async { Ok::<_, BoxError>("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtZSJ9.s3cr3t".to_owned()) };
    for named in [Some("client_assertion"), None] {
        let endpoint = TokenEndpoint::new("https://as.example/token", echo(named, &Arc::default())).unwrap();
        let grant = endpoint.client(ClientAuth::federated("me", source)).refresh_token();
        let request = TokenRequest::new(Some(RefreshToken::new("refresh-s3cr3t")), Reason::Due);
        let told = shown(&grant.request(&request).await.unwrap_err());
        assert!(told.contains("invalid_grant") && !told.contains("s3cr3t") && !told.contains("eyJzdWIi"), "{told}");
    }
}

#[tokio::test]
async fn the_code_of_a_device_is_told_nowhere() {
    let granted =
        r#"{"device_code":"d3vice-s3cr3t","user_code":"u","verification_uri":"https://as.example/d","expires_in":600}"#;
    let refused = r#"{"error":"invalid_request","error_description":"no such code: d3vice-s3cr3t"}"#;
    let server = Scripted::new([json(200, granted), json(400, refused)]).await;
    let endpoint = server.endpoint().client(ClientAuth::public("me"));
    let login = DeviceLogin::start(&endpoint, &server.url(), None).await.unwrap();
    let time = ManualTime::new(1);
    let waiting = login.wait(&time);
    tokio::pin!(waiting);
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut waiting => break outcome,
            () = tokio::task::yield_now() => { if time.pending_sleeps() > 0 { time.advance_to_next(); } }
        }
    };
    let told = shown(&outcome.unwrap_err());
    assert!(told.contains("invalid_request") && !told.contains("s3cr3t"), "{told}");
}
