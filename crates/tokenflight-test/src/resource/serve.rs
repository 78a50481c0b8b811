//! The resource server over a socket.

use std::{convert::Infallible, io};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{RefusalBody, ResourceServer};
use crate::net::{self, Cut, Reply, Served};

/// One piece of a flood.
const PIECE: Bytes = Bytes::from_static(&[b'.'; 4096]);

impl ResourceServer {
    /// Serves every path over HTTP/1.1 on a free loopback port.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O enabled.
    pub fn serve(&self) -> io::Result<Served> {
        let server = self.clone();
        net::serve(move |request| {
            let server = server.clone();
            async move { server.handle(request).await }
        })
    }

    async fn handle(&self, request: Request<Incoming>) -> Result<Response<Reply>, Cut> {
        let (head, mut body) = request.into_parts();
        // Read it to the end, or the connection could not be used again.
        while let Some(frame) = body.frame().await {
            frame.map_err(|_| Cut)?;
        }
        let Ok::<_, Infallible>(response) = self.ask(&head.headers).await;
        let refused = response.status() == self.refusal().status;
        let (head, body) = response.into_parts();
        let Ok::<_, Infallible>(body) = body.collect().await;
        let body = body.to_bytes();
        let reply = match self.refusal().body {
            RefusalBody::Stalls if refused => Reply::Stall(body),
            RefusalBody::Floods if refused => Reply::Flood(PIECE),
            _ => Reply::Whole(body),
        };
        Ok(Response::from_parts(head, reply))
    }
}
