//! A service of which any number of replicas run, on any hosts: each answers `GET /` with what the
//! API behind it says, and all share one login at the API's authorization server. The login is a
//! row in Postgres.

mod backends;

pub use self::backends::Backends;

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, CellStore, Driver, GrantKey, Origins, Session};
use tokenflight_oauth2::{ClientAuth, TokenEndpoint, client};
use tokenflight_store_postgres::{Connections, PostgresCell};
use tower::ServiceBuilder;

/// What a replica is told.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // An example's.
pub struct Settings {
    /// Where the database is.
    pub database: String,
    /// The token endpoint.
    pub token_endpoint: String,
    /// The API.
    pub api: String,
}

/// One replica: its routes, its session, and the driver that renews before the token expires.
///
/// # Errors
///
/// The database is not there, or not as the store needs it; an address is none.
pub async fn replica(settings: &Settings) -> Result<(Router, Session, Driver), BoxError> {
    let cell = PostgresCell::open(Connections::new(&settings.database)?).await?;
    let endpoint = TokenEndpoint::new(&settings.token_endpoint, client::https()?)?;
    let grant = endpoint.client(ClientAuth::public("service")).refresh_token();
    let session = Session::builder(grant).key(GrantKey::new("the-api")).store(CellStore::new(cell)).build()?;
    let driver = session.driver();

    let layer = BearerLayer::new(session.clone(), Origins::with_plain_loopback([settings.api.as_str()])?);
    let client = ServiceBuilder::new()
        .layer(layer.replay_with(Body::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    let api = settings.api.clone();
    let ask = move || async move {
        let request = Request::get(format!("{api}/me")).body(Body::empty()).map_err(|_| StatusCode::BAD_GATEWAY)?;
        let answer = client.oneshot(request).await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok::<_, StatusCode>(answer.map(Body::new))
    };
    Ok((Router::new().route("/", get(ask)), session, driver))
}

/// The code on the page about several hosts is compiled with the tests.
#[cfg(all(doctest, feature = "rustls"))]
#[doc = include_str!("../../../docs/several-hosts.md")]
#[derive(Debug)]
pub struct SeveralHosts;
