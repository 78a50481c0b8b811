//! What a failure of the layer is to a gRPC caller.

use std::{error::Error as StdError, iter::successors, sync::Arc};

use bytes::Bytes;
use http::{Response, StatusCode};
use tokenflight::{BoxError, Error, ErrorKind, NoToken};
use tonic::{Code, Status};

fn code(error: &Error) -> Code {
    match error.kind() {
        ErrorKind::TimedOut => Code::DeadlineExceeded,
        _ => Code::Unauthenticated,
    }
}

/// The status of a call that got no answer. A middleware may have wrapped the error of the layer.
pub(crate) fn status_of(error: BoxError) -> Status {
    let mut chain = successors(Some(&*error as &(dyn StdError + 'static)), |error| (*error).source());
    let ours = chain.find_map(|error| error.downcast_ref::<Error>()).cloned();
    match ours {
        Some(ours) => with_source(Status::new(code(&ours), ours.to_string()), ours),
        None => Status::from_error(error),
    }
}

/// The status of a refusal where the layer had no newer token, or none, with what the server said.
pub(crate) fn refused<R>(response: &Response<R>) -> Option<Status> {
    let said = Status::from_header_map(response.headers());
    // One of two layers around a channel may have sent a token, and the other not.
    let Some(ours) = response.extensions().get::<Error>().cloned() else {
        let why = *response.extensions().get::<NoToken>()?;
        let status = said.unwrap_or_else(|| Status::new(code_of(response.status()), why.to_string()));
        return Some(with_source(status, why));
    };
    let status = match said {
        Some(said) => {
            let details = Bytes::copy_from_slice(said.details());
            Status::with_details_and_metadata(code(&ours), said.message(), details, said.metadata().clone())
        }
        None => Status::new(code(&ours), ours.to_string()),
    };
    Some(with_source(status, ours))
}

/// An answer's code without a `grpc-status` (gRPC over HTTP2, "HTTP to gRPC status code mapping").
fn code_of(status: StatusCode) -> Code {
    match status {
        StatusCode::BAD_REQUEST => Code::Internal,
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Code::Unavailable,
        _ => Code::Unknown,
    }
}

fn with_source(mut status: Status, source: impl StdError + Send + Sync + 'static) -> Status {
    status.set_source(Arc::new(source));
    status
}
