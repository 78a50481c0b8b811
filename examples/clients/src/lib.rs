//! What the examples talk to: an authorization server and an API on loopback that stand in for
//! yours, and a session whose access token the API no longer takes.

mod api;
pub mod grpc;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use tokenflight::{
    BoxError, Session, SessionBuilder,
    time::{SmolTime, TokioTime},
};
use tokenflight_test::AuthServer;
use tokio::{net::TcpListener, task::JoinHandle};

/// The servers, and a session with one of them.
#[derive(Debug)]
pub struct World {
    /// The authorization server: rotates refresh tokens, and ends the session if one comes twice.
    pub auth: AuthServer,
    /// Logged in; the access token has been revoked since.
    pub session: Session,
    api: Served,
}

impl World {
    /// Starts the servers and logs in.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> Result<Self, BoxError> {
        let world = Self::with(Duration::from_secs(300), |session| session).await?;
        world.auth.expire_all_access();
        Ok(world)
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
        let auth = AuthServer::builder(Arc::new(TokioTime::new())).access_lifetime(lifetime).build();
        let session = Session::builder(auth.grant())
            // A token that is refused in its first ten seconds is usually refused for another
            // reason. These stories are over by then.
            .configure(|policy| policy.fresh_window = Duration::ZERO);
        let session = change(session).build()?;
        session.login(auth.login()).await?;
        let api = serve(api::router(auth.clone())).await?;
        Ok(Self { auth, session, api })
    }

    /// Where the API is, as `http://address:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.api.url
    }

    /// How many token requests there have been.
    #[must_use]
    pub fn token_requests(&self) -> u64 {
        self.auth.report().total.token_requests
    }
}

/// A world whose session keeps smol's time.
///
/// # Errors
///
/// As [`World::start`].
pub async fn on_smol() -> Result<World, BoxError> {
    let world = World::with(Duration::from_secs(300), |session| session.time(SmolTime::new())).await?;
    world.auth.expire_all_access();
    Ok(world)
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
