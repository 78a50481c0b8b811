//! reqwest-middleware: it has no bearer of its own, so this one is written after its documentation.

use std::hint::black_box;

use async_trait::async_trait;
use http::{Extensions, HeaderValue, Method, Response as HttpResponse, StatusCode, header::AUTHORIZATION};
use reqwest::{Client as Reqwest, Request, Response, Url};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};

use crate::{Built, Error, Fixture, Peer, Recipe, URL, at_once, token};

/// Puts a header on, and sends a refused request a second time.
struct Bearer {
    header: HeaderValue,
}

#[async_trait]
impl Middleware for Bearer {
    async fn handle(&self, mut request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let copy = request.try_clone();
        request.headers_mut().insert(AUTHORIZATION, self.header.clone());
        let response = next.clone().run(request, extensions).await?;
        match copy {
            Some(mut copy) if response.status() == StatusCode::UNAUTHORIZED => {
                copy.headers_mut().insert(AUTHORIZATION, self.header.clone());
                next.run(copy, extensions).await
            }
            _ => Ok(response),
        }
    }
}

/// Answers at once, in the place of the network.
struct Nothing;

#[async_trait]
impl Middleware for Nothing {
    async fn handle(&self, request: Request, _: &mut Extensions, _: Next<'_>) -> Result<Response> {
        drop(black_box(request));
        Ok(HttpResponse::new("").into())
    }
}

struct Client {
    client: ClientWithMiddleware,
    url: Url,
}

impl Client {
    fn new(build: impl FnOnce(ClientBuilder) -> ClientBuilder) -> std::result::Result<Self, Error> {
        let builder = build(ClientBuilder::new(Reqwest::builder().no_proxy().build()?));
        Ok(Self { client: builder.with(Nothing).build(), url: URL.parse()? })
    }
}

impl Peer for Client {
    fn call(&mut self, recipe: &Recipe) -> bool {
        let mut request = Request::new(Method::POST, self.url.clone());
        recipe.fill(request.headers_mut());
        *request.body_mut() = Some(Recipe::body().into());
        matches!(at_once(self.client.execute(request)), Some(Ok(_)))
    }
}

pub(crate) fn nothing(_: &Fixture) -> Built {
    Ok(Box::new(Client::new(|builder| builder)?))
}

pub(crate) fn replaying(_: &Fixture) -> Built {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token()))?;
    header.set_sensitive(true);
    Ok(Box::new(Client::new(|builder| builder.with(Bearer { header }))?))
}
