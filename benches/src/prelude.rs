//! What several of the files here use.

pub(crate) use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::FutureExt;
pub(crate) use http::{HeaderValue, Request, Response, StatusCode};
pub(crate) use http_body_util::Full;
pub(crate) use tokenflight::{BearerOptions, Driver, GrantError, Session, TokenRequest, grant_fn};
pub(crate) use tokenflight_test::ManualTime;
pub(crate) use tokio::sync::watch;
pub(crate) use tower::{Layer, Service};

pub(crate) use crate::parts::{self, Req, Requests};
