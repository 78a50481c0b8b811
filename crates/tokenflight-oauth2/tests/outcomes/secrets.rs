//! Servers repeat in their descriptions what they were sent. It is told nowhere: in no error, no
//! event, no state, no store.

use tokenflight::Secret;

use crate::fixture::*;

/// With characters that a form and a URL write otherwise.
const TOKEN: &str = "1//refresh+s3cr3t/of=several~words";
const SECRET: &str = "cl13nt s3cr3t&long";

fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn what_a_server_repeats_of_a_request_is_told_nowhere() {
    let plain = serde_json::Value::from(format!("no such token: {TOKEN}")).to_string();
    let bodies = [
        format!(r#"{{"error":"invalid_grant","error_description":{plain}}}"#),
        format!(r#"{{"error":"invalid_grant","error_description":"refresh_token={}"}}"#, escaped(TOKEN)),
        format!(r#"{{"error":"invalid_grant","error_description":"{}"}}"#, escaped(&escaped(TOKEN)).to_lowercase()),
        // Cut by the server, or by us.
        format!(r#"{{"error":"invalid_grant","error_description":"{}{}..."}}"#, "x".repeat(220), &TOKEN[..30]),
        format!(r#"{{"error":"invalid_grant","error_description":"{}{TOKEN}"}}"#, "x".repeat(240)),
        // A control character inside is taken out before the text is told.
        format!(r#"{{"error":"invalid_grant","error_description":"{}\u0007{}"}}"#, &TOKEN[..8], &TOKEN[8..]),
        format!(r#"{{"error":"{SECRET}"}}"#),
        format!(r#"{{"error":"invalid_client","error_description":"client_secret {SECRET} does not match"}}"#),
        format!(r#"{{"error":"invalid_client","message":"me:{}"}}"#, escaped(SECRET)),
        format!(r#"{{"errors":[],"error":{{"message":"bad {TOKEN}"}}}}"#),
    ];
    for body in bodies {
        for auth in
            [ClientAuth::post("me", SECRET), ClientAuth::basic("me", SECRET), ClientAuth::plain_basic("me", SECRET)]
        {
            let server = Scripted::new([json(400, &body)]).await;
            let store = MemoryStore::new();
            let endpoint = server.endpoint().client(auth);
            let told = Arc::new(Mutex::new(String::new()));
            let events = Arc::clone(&told);
            let session = Session::builder(endpoint.refresh_token())
                .store(store.clone())
                .key(key())
                .on_event(move |event| *events.lock().unwrap() += &format!("{event:?}"))
                .build()
                .unwrap();
            session.login(TokenSet::new("a").refresh_token(TOKEN)).await.unwrap();
            let error = session.refresh().await.unwrap_err();
            let mut all = format!("{} {:?} {:?}", shown(&error), session.state(), store.load(&key()).await);
            all += &told.lock().unwrap();
            for secret in [TOKEN, &TOKEN[..14], SECRET, "s3cr3t", &escaped(TOKEN), &escaped(SECRET)] {
                assert!(!all.contains(secret), "{body} tells {secret}: {all}");
            }
        }
    }
}

#[tokio::test]
async fn assertions_and_subject_tokens_are_secrets_as_well() {
    let source = || async { Ok::<_, BoxError>("eyJhbGciOiJub25lIn0.eyJzdWIiOiJzM2NyM3QifQ.c2ln".to_owned()) };
    let body = r#"{"error":"invalid_grant","error_description":"bad assertion eyJhbGciOiJub25lIn0.eyJzdWIiOiJzM2NyM3QifQ.c2ln"}"#;
    for exchange in [false, true] {
        let server = Scripted::new([json(400, body)]).await;
        let endpoint = server.endpoint();
        let grant = if exchange { endpoint.token_exchange("x", source) } else { endpoint.jwt_bearer(source) };
        let error = grant.request(&TokenRequest::new(None, Reason::Due)).await.unwrap_err();
        assert_eq!(error.error_code(), Some("invalid_grant"));
        assert!(!format!("{error} {error:?}").contains("eyJzdWIi"), "{error:?}");
    }
}

#[test]
fn a_harmless_description_stays_readable() {
    let body = Ok(r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#.into());
    let headers = HeaderMap::new();
    // Too short to be a secret, or not repeated.
    let secrets = [Secret::new("e"), Secret::new("Token"), Secret::new("another-secret")];
    for (secrets, told) in [(&secrets[..1], true), (&secrets[2..], true), (&secrets[1..2], false), (&[], true)] {
        let answer = Answer::new(StatusCode::BAD_REQUEST, &headers, &body).hiding(secrets);
        let Verdict::Failed(error) = judge(&answer, provider::UNKNOWN) else { panic!() };
        assert_eq!(error.to_string().contains("expired or revoked"), told, "{error}");
        assert_eq!(error.error_code(), Some("invalid_grant"));
    }
}
