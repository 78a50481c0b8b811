//! A stream of events that outlives its token. The layer sees the request that opens it and nothing
//! of what flows later, so `Session::watch` tells when there is a newer token, and the client opens
//! the next stream before the old one ends. The same way suits a WebSocket: its handshake is a
//! request like any other, refused and replayed like any other.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::Fixture;
use tower::{Service, ServiceBuilder};

/// Listens over so many streams; returns all that was heard.
pub(crate) async fn run(fixture: &Fixture, streams: usize) -> Result<String, BoxError> {
    let origins = Origins::with_plain_loopback([fixture.url()])?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut client = ServiceBuilder::new().layer(BearerLayer::new(fixture.session(), origins)).service(client);

    let mut heard = String::new();
    let mut watch = fixture.session().watch();
    for _ in 0..streams {
        let request = Request::get(format!("{}/events", fixture.url())).body(Empty::new())?;
        let generation = fixture.session().state().generation;
        let mut events = client.ready().await?.call(request).await?.into_body();
        loop {
            tokio::select! {
                frame = events.frame() => {
                    let Some(frame) = frame.transpose()? else { break };
                    heard.extend(frame.data_ref().map(|data| String::from_utf8_lossy(data).into_owned()));
                }
                state = watch.changed() => if state.generation > generation { break },
            }
        }
    }
    Ok(heard)
}

#[tokio::main]
#[allow(dead_code, clippy::disallowed_methods)] // A test runs the story without it; the driver runs on tokio.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::with(Duration::from_secs(5), |session| session).await?;
    tokio::spawn(fixture.session().driver());
    println!("{}", run(&fixture, 3).await?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
