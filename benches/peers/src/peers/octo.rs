//! octocrab: an installation of an app, whose requests go through the whole client and are sent
//! again once if refused.
//!
//! What asks for a token is signed, here by RustCrypto. In a storm callers find the token that
//! others fetched while they signed, so the number of requests depends on that speed and on luck.

use std::{
    hint::black_box,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use octocrab::{
    AuthState, OctoBody, Octocrab, OctocrabBuilder,
    auth::{AppAuth, EncodingKey},
    models::{AppId, InstallationId},
};
use serde_json::json;
use tower::{BoxError, Service};

use super::KEY;
use crate::{Built, Error, Fixture, Peer, Recipe, Source, Storming, callers};

/// Only requests to this host get the token.
const URL: &str = "https://api.github.com/v1/things?page=2";

/// Answers everything at once, and what asks for a token from the source.
#[derive(Clone)]
struct Server(Source);

type Answer = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, BoxError>> + Send>>;

impl Service<Request<OctoBody>> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = BoxError;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<OctoBody>) -> Answer {
        if !request.uri().path().ends_with("/access_tokens") {
            drop(black_box(request));
            return Box::pin(async { Ok(Response::new(Full::default())) });
        }
        let source = self.0.clone();
        Box::pin(async move {
            // It has an expiry, as the real one does, so that the clock is asked.
            let body = json!({"token": source.token().await, "expires_at": "2100-01-01T00:00:00Z", "permissions": {}});
            Ok(Response::builder().status(201).body(Full::from(body.to_string()))?)
        })
    }
}

fn client(source: Source, auth: AuthState) -> Result<Octocrab, Error> {
    Ok(OctocrabBuilder::new_empty().with_service(Server(source)).with_auth(auth).build()?)
}

fn installation(source: Source) -> Result<Octocrab, Error> {
    let app = AppAuth { app_id: AppId(1), key: EncodingKey::from_rsa_pem(KEY.as_bytes())? };
    Ok(client(source, AuthState::App(app))?.installation(InstallationId(1))?)
}

fn request(recipe: &Recipe) -> Request<OctoBody> {
    let mut request = Request::new(OctoBody::from(Recipe::body()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(URL);
    recipe.fill(request.headers_mut());
    request
}

struct Client {
    client: Octocrab,
    fixture: Fixture,
}

impl Peer for Client {
    fn call(&mut self, recipe: &Recipe) -> bool {
        // Its service lives in a task, which must run.
        self.fixture.wait(self.client.execute(request(recipe))).is_ok()
    }
}

fn peer(fixture: &Fixture, make: impl FnOnce() -> Result<Octocrab, Error>) -> Built {
    // Making it spawns its task.
    let client = fixture.wait(async { make() })?;
    Ok(Box::new(Client { client, fixture: fixture.clone() }))
}

pub(crate) fn nothing(fixture: &Fixture) -> Built {
    peer(fixture, || client(Source::default(), AuthState::None))
}

pub(crate) fn app(fixture: &Fixture) -> Built {
    peer(fixture, || installation(Source::default()))
}

async fn ask(client: Arc<Octocrab>) -> bool {
    match Recipe::new(8) {
        Ok(recipe) => client.execute(request(&recipe)).await.is_ok(),
        Err(_) => false,
    }
}

pub(crate) fn storm(source: Source) -> Storming {
    // A clone has a cache of its own; the client is meant to be shared.
    Box::pin(async move { Ok(callers(Arc::new(installation(source)?), ask)) })
}
