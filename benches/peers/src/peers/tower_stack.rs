//! tower and tower-http: a fixed header, and tower's retry over it.

use std::future::{Ready, ready};

use http::{HeaderValue, Response, StatusCode, header::AUTHORIZATION};
use tower::{
    Layer,
    retry::{Policy, RetryLayer},
};
use tower_http::{auth::AddAuthorizationLayer, set_header::SetRequestHeaderLayer};

use crate::{Built, Fixture, Nothing, Req, stack, token};

pub(crate) fn set_header(_: &Fixture) -> Built {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token()))?;
    header.set_sensitive(true);
    stack(SetRequestHeaderLayer::overriding(AUTHORIZATION, header).layer(Nothing))
}

fn authorize() -> AddAuthorizationLayer {
    AddAuthorizationLayer::bearer(&token()).as_sensitive(true)
}

pub(crate) fn add_authorization(_: &Fixture) -> Built {
    stack(authorize().layer(Nothing))
}

pub(crate) fn retry(_: &Fixture) -> Built {
    stack(RetryLayer::new(Once { sent: false }).layer(authorize().layer(Nothing)))
}

/// Sends a refused request a second time, for which each must be copied.
#[derive(Clone, Copy, Debug)]
struct Once {
    sent: bool,
}

impl<B, E> Policy<Req, Response<B>, E> for Once {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Response<B>, E>) -> Option<Ready<()>> {
        let refused = result.as_ref().is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED);
        let again = refused && !self.sent;
        self.sent = true;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
