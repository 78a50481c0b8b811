use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;
use tokenflight::BoxError;
use tonic::Status;

use crate::status::{refused, status_of};

pin_project! {
    /// The response to come, or its status.
    ///
    /// # Cancel safety
    ///
    /// As the inner service's future.
    #[derive(Debug)]
    pub struct StatusFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F> StatusFuture<F> {
    pub(crate) const fn new(inner: F) -> Self {
        Self { inner }
    }
}

impl<F, R, E> Future for StatusFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Response<R>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(cx).map(|answer| match answer {
            Ok(response) => refused(&response).map_or(Ok(response), Err),
            Err(error) => Err(status_of(error.into())),
        })
    }
}
