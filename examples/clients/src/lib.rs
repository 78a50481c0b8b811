//! What the examples talk to: an authorization server and an API on loopback that stand in for
//! yours, and a session whose access token the API no longer takes.

mod api;
pub mod grpc;

use std::{io, time::Duration};

use axum::Router;
use tokenflight::{BoxError, Session, SessionBuilder, time::SmolTime};
use tokenflight_test::{AuthServer, Servers};
use tokio::{net::TcpListener, task::JoinHandle};

/// The servers, with an API that has more to say, and a session.
#[derive(Debug)]
pub struct Fixture {
    servers: Servers,
    api: Served,
}

impl Fixture {
    /// Starts the servers and logs in.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> Result<Self, BoxError> {
        let fixture = Self::with(Duration::from_secs(300), |session| session).await?;
        fixture.auth().expire_all_access();
        Ok(fixture)
    }

    /// As [`start`](Self::start), with access tokens that live for so long and are good at first.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn with(
        lifetime: Duration,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Self, BoxError> {
        let servers = Servers::with(|auth| auth.access_lifetime(lifetime), change).await?;
        let api = serve(api::router(servers.auth().clone())).await?;
        Ok(Self { servers, api })
    }

    /// The authorization server: rotates refresh tokens, and ends the session if one comes twice.
    #[must_use]
    pub const fn auth(&self) -> &AuthServer {
        self.servers.auth()
    }

    /// Logged in; the access token has been revoked since.
    #[must_use]
    pub fn session(&self) -> Session {
        self.servers.session()
    }

    /// Where the API is, as `http://address:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.api.url
    }

    /// How many token requests there have been.
    #[must_use]
    pub fn token_requests(&self) -> u64 {
        self.auth().report().total.token_requests
    }
}

/// The same with a session that keeps smol's time.
///
/// # Errors
///
/// As [`Fixture::start`].
pub async fn on_smol() -> Result<Fixture, BoxError> {
    let fixture = Fixture::with(Duration::from_secs(300), |session| session.time(SmolTime::new())).await?;
    fixture.auth().expire_all_access();
    Ok(fixture)
}

/// A server on loopback. Dropping it closes it.
#[derive(Debug)]
pub struct Served {
    /// Where it is, as `http://address:port`.
    pub url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves on a free port.
///
/// # Errors
///
/// When no port can be had.
#[allow(clippy::disallowed_methods)] // The servers are tokio's.
pub async fn serve(router: Router) -> io::Result<Served> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let task = tokio::spawn(async move {
        // It ends with the process or when it is dropped.
        let _ = axum::serve(listener, router).await;
    });
    Ok(Served { url, task })
}

/// The crates the examples are written with, for pieces of code that tests compile: so they meet
/// the very builds that the examples have.
pub mod crates {
    pub use {
        bytes, http, http_body_util, hyper_rustls, hyper_util, reqwest, tokenflight, tokenflight_oauth2,
        tokenflight_reqwest, tokenflight_store_file, tokenflight_tonic, tokio, tonic, tonic_health, tower,
    };
}
