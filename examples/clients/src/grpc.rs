//! A gRPC server that refuses in gRPC's way: `UNAUTHENTICATED` in the headers of an empty answer.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use http::HeaderMap;
use std::io;
use tokenflight_test::AuthServer;
use tonic::{Status, service::Routes};
use tonic_health::{ServingStatus, server::health_reporter};

use crate::{Served, api::is_good, serve};

/// The health service, behind tokens.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve_health(auth: AuthServer) -> io::Result<Served> {
    serve_routes(health().await, auth).await
}

/// The health service, with refusals changed by a function.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve_with(auth: AuthServer, change: fn(Response) -> Response) -> io::Result<Served> {
    serve(guarded(health().await, Guard { auth, change })).await
}

/// The health service, with the headers of every call shown to a function first.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve_watched(
    auth: AuthServer,
    watch: impl Fn(&HeaderMap) + Clone + Send + Sync + 'static,
) -> io::Result<Served> {
    let guard = Guard { auth, change: |refusal| refusal };
    let watched = middleware::from_fn(move |request: Request, next: Next| {
        watch(request.headers());
        next.run(request)
    });
    serve(guarded(health().await, guard).layer(watched)).await
}

/// Any services, behind tokens.
///
/// # Errors
///
/// When no port can be had.
pub async fn serve_routes(routes: Routes, auth: AuthServer) -> io::Result<Served> {
    serve(guarded(routes, Guard { auth, change: |refusal| refusal })).await
}

async fn health() -> Routes {
    let (reporter, health) = health_reporter();
    reporter.set_service_status("", ServingStatus::Serving).await;
    Routes::new(health)
}

#[derive(Clone)]
struct Guard {
    auth: AuthServer,
    change: fn(Response) -> Response,
}

fn guarded(routes: Routes, guard: Guard) -> Router {
    routes.into_axum_router().layer(middleware::from_fn_with_state(guard, authorise))
}

async fn authorise(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    if is_good(&guard.auth, request.headers()) {
        return next.run(request).await;
    }
    (guard.change)(Status::unauthenticated("the token has expired").into_http())
}

/// What the deadline of a call is, as its server sees it.
#[must_use]
pub fn deadline(headers: &HeaderMap) -> Option<&str> {
    headers.get("grpc-timeout")?.to_str().ok()
}
