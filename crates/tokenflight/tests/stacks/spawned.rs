//! A call can be awaited in a spawned task, whatever is boxed in its stack. The compiler proves
//! `Send` there for boxed errors and bodies with any lifetime in the place of `'static`, and cannot
//! if a future's type asks anything of them. That it compiles is the test.

use std::future::ready;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{
    BodyExt, Full,
    combinators::{BoxBody, UnsyncBoxBody},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokenflight::{BearerLayer, BoxError, Origins, Session, bearer::ReplayBody};
use tower::{
    service_fn,
    util::{BoxCloneService, BoxCloneSyncService},
};
use tower_layer::Layer;
use tower_service::Service;

use crate::fixture::Fixture;

type Erased<R, E = BoxError> = BoxCloneService<Request<Full<Bytes>>, Response<R>, E>;
type Boxed = UnsyncBoxBody<Bytes, BoxError>;

/// What a task may be spawned with.
fn spawned(future: impl Future<Output = Result<(), BoxError>> + Send + 'static) {
    drop(future);
}

fn layer(session: &Session) -> BearerLayer {
    BearerLayer::new(session.clone(), Origins::new(["https://api.example.com"]).unwrap())
}

fn request<B: Default>() -> Request<B> {
    Request::new(B::default())
}

#[test]
fn a_call_can_be_awaited_in_a_task_whatever_is_boxed_in_its_stack() {
    let session = Fixture::new().session;
    fn answer<R: Default, E>(_: Request<Full<Bytes>>) -> std::future::Ready<Result<Response<R>, E>> {
        ready(Ok(Response::default()))
    }
    a_service_with_a_boxed_error(&session, BoxCloneService::new(service_fn(answer)));
    made_ready_and_called(&session, BoxCloneSyncService::new(service_fn(answer)));
    a_function(&session);
    boxed_responses(&session, BoxCloneService::new(service_fn(answer)));
    let client = Client::builder(TokioExecutor::new());
    boxed_requests(&session, client.build_http());
    boxed_by_a_function_pointer(&session, client.build_http());
    boxed_by_a_closure(&session, client.build_http());
}

fn a_service_with_a_boxed_error(session: &Session, inner: Erased<Full<Bytes>>) {
    let client = layer(session).layer(inner);
    spawned(async move { client.oneshot(request::<Full<Bytes>>()).await.map(drop) });
}

fn made_ready_and_called(
    session: &Session,
    inner: BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError>,
) {
    let mut client = layer(session).layer(inner);
    spawned(async move { client.ready::<Full<Bytes>>().await?.call(request()).await.map(drop) });
}

fn a_function(session: &Session) {
    let inner =
        service_fn(|_: Request<Full<Bytes>>| async { Ok::<_, BoxError>(Response::new(Full::<Bytes>::default())) });
    let client = layer(session).layer(inner);
    spawned(async move { client.oneshot(request::<Full<Bytes>>()).await.map(drop) });
}

fn boxed_responses(session: &Session, inner: Erased<Boxed, std::io::Error>) {
    let client = layer(session).layer(inner);
    spawned(async move {
        let response = client.oneshot(request::<Full<Bytes>>()).await?;
        response.into_body().collect().await.map(drop)
    });
}

fn boxed_requests(session: &Session, inner: Client<HttpConnector, Boxed>) {
    let client = layer(session).replay_with(UnsyncBoxBody::new).layer(inner);
    spawned(async move { client.oneshot(request::<Boxed>()).await.map(drop) });
}

fn boxed_by_a_function_pointer(session: &Session, inner: Client<HttpConnector, BoxBody<Bytes, BoxError>>) {
    let client = layer(session).replay_with(BoxBody::new as fn(_) -> BoxBody<Bytes, BoxError>).layer(inner);
    spawned(async move { client.oneshot(request::<BoxBody<Bytes, BoxError>>()).await.map(drop) });
}

fn boxed_by_a_closure(session: &Session, inner: Client<HttpConnector, Boxed>) {
    let boxed = |body: ReplayBody<Full<Bytes>>| body.map_err(BoxError::from).boxed_unsync();
    let client = layer(session).replay_with(boxed).layer(inner);
    spawned(async move { client.oneshot(request::<Full<Bytes>>()).await.map(drop) });
}
