//! Ours: the layer, with replays and without, and reading the token.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Waker},
    time::Duration,
};

use tokenflight::{
    Bearer, BearerLayer, BearerOptions, Driver, GrantError, Origins, Session, TokenRequest, TokenSet, grant_fn,
};
use tokenflight_test::{ManualTime, MockGrant};
use tower::{Layer, Service};

use crate::{Built, Error, Fixture, Nothing, Recipe, Source, Storming, at_once, callers, read, stack_with, token};

const ORIGIN: &str = "https://api.example.com";

fn fresh() -> TokenSet {
    TokenSet::new(token()).refresh_token("refresh").expires_in(Duration::from_secs(3600))
}

/// A session with a driver, which watches the clock so that requests need not.
fn session() -> Result<(Session, Pin<Box<Driver>>), Error> {
    let session = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build()?;
    at_once(session.login(fresh())).ok_or("the login waits")??;
    let mut driver = Box::pin(session.driver());
    match driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        true => Ok((session, driver)),
        false => Err("the driver has nothing to do".into()),
    }
}

fn layer(options: BearerOptions) -> Built {
    let (session, driver) = session()?;
    stack_with(BearerLayer::new(session, Origins::new([ORIGIN])?).options(options).layer(Nothing), driver)
}

/// The layer, ready to send each request a second time.
pub(crate) fn replaying(_: &Fixture) -> Built {
    layer(BearerOptions::new())
}

/// The layer, with requests that are never replayed.
pub(crate) fn once(_: &Fixture) -> Built {
    layer(BearerOptions::new().never_replay())
}

/// The token as a header value, without the layer.
pub(crate) fn token_read(_: &Fixture) -> Built {
    let (session, driver) = session()?;
    read(move || {
        let _watching = &driver;
        matches!(at_once(session.token()), Some(Ok(token)) if !token.header().clone().is_empty())
    })
}

/// The header that a request would carry, out of the layer's own copy.
pub(crate) fn header_read(_: &Fixture) -> Built {
    let (session, driver) = session()?;
    let mut client = BearerLayer::new(session, Origins::new([ORIGIN])?).layer(Nothing);
    read(move || {
        let _watching = &driver;
        client.authorization().is_some_and(|header| !header.is_empty())
    })
}

async fn renew(source: Source) -> Result<TokenSet, GrantError> {
    Ok(TokenSet::new(source.token().await).refresh_token("next").expires_in(Duration::from_secs(3600)))
}

/// Requests through the layer of a session that has a refresh token and no token.
pub(crate) fn storm(source: Source) -> Storming {
    Box::pin(async move {
        let session = Session::builder(grant_fn(move |_: TokenRequest| renew(source.clone()))).build()?;
        session.login(TokenSet::new("spent").refresh_token("first").expires_in(Duration::ZERO)).await?;
        let client = BearerLayer::new(session, Origins::new([ORIGIN])?).layer(Nothing);
        Ok(callers(client, send))
    })
}

async fn send(mut client: Bearer<Nothing>) -> bool {
    match Recipe::new(8) {
        Ok(recipe) => client.call(recipe.request()).await.is_ok(),
        Err(_) => false,
    }
}
