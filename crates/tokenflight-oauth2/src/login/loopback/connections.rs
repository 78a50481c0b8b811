//! The connections that are open at the port: browsers open some that they may never use.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
    time::Duration,
};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::request::Place;
use crate::login::{Callback, CodeLogin};

/// Connections served side by side. One more, and the oldest is closed: a program that opens them
/// and says nothing must not keep the browser out.
const MOST: usize = 32;
/// How long a connection may take to make its request.
const PATIENCE: Duration = Duration::from_secs(10);

type Serving<'a> = Pin<Box<dyn Future<Output = Option<Callback>> + Send + 'a>>;

#[derive(Default)]
pub(super) struct Connections<'a>(VecDeque<Serving<'a>>);

impl<'a> Connections<'a> {
    pub(super) fn push(&mut self, stream: TcpStream, place: &'a Place, login: &'a CodeLogin) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(Box::pin(serve(stream, place, login)));
    }

    /// The answer, when a connection has brought it and has had its own answer.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Callback> {
        let mut found = None;
        self.0.retain_mut(|serving| match serving.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(callback) => {
                found = found.take().or(callback);
                false
            }
        });
        found.map_or(Poll::Pending, Poll::Ready)
    }
}

/// One request and its answer.
async fn serve(stream: TcpStream, place: &Place, login: &CodeLogin) -> Option<Callback> {
    let found = Mutex::new(None);
    let answer = service_fn(|request: Request<Incoming>| {
        let (response, callback) = place.answer(&request, login);
        if let (Some(callback), Ok(mut found)) = (callback, found.lock()) {
            *found = Some(callback);
        }
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    // A browser that goes away, or a program that speaks no HTTP, ends its connection only.
    let _ = http.serve_connection(TokioIo::new(stream), answer).await;
    found.into_inner().ok().flatten()
}
