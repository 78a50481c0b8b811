//! The authorization server of a profile.

mod auth;
mod endpoint;
mod metadata;
mod silent;

pub(crate) use self::{
    auth::keep_secret,
    endpoint::{endpoint, endpoint_over, issued_by, row},
    metadata::forget,
};
