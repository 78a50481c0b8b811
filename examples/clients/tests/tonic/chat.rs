//! A bidirectional service, written by hand: answers every message with itself.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt, future::BoxFuture, stream::BoxStream};
use http::uri::PathAndQuery;
use tokenflight::BoxError;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    client::GrpcService,
    server::{NamedService, StreamingService},
};
use tonic_health::pb::HealthCheckRequest as Message;
use tonic_prost::ProstCodec;
use tower::Service;

#[derive(Clone, Debug, Default)]
pub(crate) struct Chat {
    refusing: Arc<AtomicUsize>,
}

impl Chat {
    /// Ends so many answers as if the token had expired under way.
    pub(crate) fn refusing_at_the_end(self, answers: usize) -> Self {
        self.refusing.store(answers, SeqCst);
        self
    }
}

impl NamedService for Chat {
    const NAME: &'static str = "Chat";
}

impl StreamingService<Message> for Chat {
    type Response = Message;
    type ResponseStream = BoxStream<'static, Result<Message, Status>>;
    type Future = BoxFuture<'static, Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Message>>) -> Self::Future {
        let refuses = self.refusing.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        let end = refuses.then(|| Err(Status::unauthenticated("the token has expired")));
        let answers = request.into_inner().chain(futures_util::stream::iter(end)).boxed();
        Box::pin(async { Ok(Response::new(answers)) })
    }
}

impl Service<http::Request<Body>> for Chat {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let chat = self.clone();
        Box::pin(async move {
            let mut grpc = tonic::server::Grpc::new(ProstCodec::<Message, Message>::default());
            Ok(grpc.streaming(chat, request).await)
        })
    }
}

/// Opens a conversation.
pub(crate) async fn converse<S>(
    client: S,
    messages: impl Stream<Item = &'static str> + Send + 'static,
) -> Result<Streaming<Message>, Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut grpc = tonic::client::Grpc::new(client);
    grpc.ready().await.map_err(|error| Status::unknown(error.into().to_string()))?;
    let messages = messages.map(|text| Message { service: text.to_owned() });
    let path = PathAndQuery::from_static("/Chat/Converse");
    let answer = grpc.streaming(Request::new(messages), path, ProstCodec::<Message, Message>::default()).await?;
    Ok(answer.into_inner())
}

/// A conversation of one message.
pub(crate) async fn ask<S>(client: S, text: &'static str) -> Result<Message, Status>
where
    S: GrpcService<Body>,
    S::ResponseBody: http_body::Body<Data = bytes::Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let mut answers = converse(client, futures_util::stream::iter([text])).await?;
    answers.message().await?.ok_or_else(|| Status::not_found("there is no answer"))
}
