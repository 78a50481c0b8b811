//! azure_core: the policy that every client of the SDK puts its token on with.

use std::{hint::black_box, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    http::{
        AsyncRawResponse, Context, Method, Request, StatusCode, Url,
        headers::{HeaderName, Headers},
        policies::{Policy, PolicyResult, auth::BearerTokenAuthorizationPolicy},
    },
    time::{Duration, OffsetDateTime},
};

use crate::{Built, Error, Fixture, Peer, Recipe, Source, Storming, URL, Value, at_once, callers};

/// Policies, the last of which answers.
#[derive(Clone)]
struct Pipeline {
    first: Arc<dyn Policy>,
    rest: Vec<Arc<dyn Policy>>,
    url: Url,
}

impl Pipeline {
    fn bare() -> Result<Self, Error> {
        Ok(Self { first: Arc::new(Nothing), rest: Vec::new(), url: URL.parse()? })
    }

    fn bearer(source: Source) -> Result<Self, Error> {
        let policy = BearerTokenAuthorizationPolicy::new(Arc::new(Credential(source)), ["scope"]);
        Ok(Self { first: Arc::new(policy), rest: vec![Arc::new(Nothing)], ..Self::bare()? })
    }

    fn request(&self, recipe: &Recipe) -> Request {
        let mut request = Request::new(self.url.clone(), Method::Post);
        for (name, value) in recipe.headers() {
            let name = HeaderName::from(name.as_str().to_owned());
            match value {
                Value::Fixed(value) => request.insert_header(name, value),
                Value::Own(value) => request.insert_header(name, value),
            }
        }
        request.set_body(Recipe::body());
        request
    }

    async fn send(&self, mut request: Request) -> bool {
        self.first.send(&Context::new(), &mut request, &self.rest).await.is_ok()
    }
}

impl Peer for Pipeline {
    fn call(&mut self, recipe: &Recipe) -> bool {
        at_once(self.send(self.request(recipe))) == Some(true)
    }
}

/// Answers at once.
#[derive(Debug)]
struct Nothing;

// The trait's own signature has the context without its lifetime.
#[allow(elided_lifetimes_in_paths)]
#[async_trait]
impl Policy for Nothing {
    async fn send(&self, _: &Context, request: &mut Request, _: &[Arc<dyn Policy>]) -> PolicyResult {
        black_box(request);
        Ok(AsyncRawResponse::from_bytes(StatusCode::Ok, Headers::new(), ""))
    }
}

#[derive(Debug)]
struct Credential(Source);

#[async_trait]
impl TokenCredential for Credential {
    async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new(self.0.token().await, OffsetDateTime::now_utc() + Duration::hours(1)))
    }
}

pub(crate) fn nothing(_: &Fixture) -> Built {
    Ok(Box::new(Pipeline::bare()?))
}

pub(crate) fn policy(_: &Fixture) -> Built {
    Ok(Box::new(Pipeline::bearer(Source::default())?))
}

async fn ask(pipeline: Pipeline) -> bool {
    match Recipe::new(8) {
        Ok(recipe) => pipeline.send(pipeline.request(&recipe)).await,
        Err(_) => false,
    }
}

pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move { Ok(callers(Pipeline::bearer(source)?, ask)) })
}
