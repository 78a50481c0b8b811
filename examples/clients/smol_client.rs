//! Without tokio's runtime: hyper's connection over smol's sockets, and smol's clock for the
//! session and its driver. hyper-util's pooled client wants tokio's timers for its pool, so this
//! opens a connection for each request; hyper itself and the layer want no runtime. (The servers of
//! this story run on tokio, on a thread of their own.)

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use smol::{Executor, net::TcpStream};
use smol_hyper::rt::FuturesIo;
use std::sync::Arc;
use tokenflight::{BearerLayer, BoxError, Origins, Session};
use tower::{ServiceBuilder, service_fn};

/// One connection, one request.
async fn send(
    executor: Arc<Executor<'static>>,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, BoxError> {
    let authority = request.uri().authority().ok_or("no server named")?.to_string();
    request.headers_mut().insert("host", authority.parse()?);
    let stream = FuturesIo::new(TcpStream::connect(authority).await?);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    executor.spawn(async { drop(connection.await) }).detach();
    Ok(sender.send_request(request).await?)
}

/// The session's clock must be `SmolTime`.
pub(crate) fn run(session: &Session, url: &str) -> Result<StatusCode, BoxError> {
    let origins = Origins::with_plain_loopback([url])?;
    let executor = Arc::new(Executor::new());
    executor.spawn(session.driver()).detach();
    let spawner = Arc::clone(&executor);
    let client = service_fn(move |request| send(Arc::clone(&spawner), request));
    let client = ServiceBuilder::new().layer(BearerLayer::new(session.clone(), origins)).service(client);

    smol::block_on(executor.run(async {
        let request = Request::get(format!("{url}/me")).body(Full::default())?;
        Ok(client.oneshot(request).await?.status())
    }))
}

#[allow(dead_code)] // A test runs the story without it.
fn main() -> Result<(), BoxError> {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let fixture = servers.block_on(tokenflight_example_clients::on_smol())?;
    println!("{}", run(&fixture.session(), fixture.url())?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
