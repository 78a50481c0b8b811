//! Where a token request goes, and as whom.

mod exchange;
mod revocation;
mod token_endpoint;

#[cfg(feature = "login")]
pub(crate) use self::exchange::Heard;
pub(crate) use self::exchange::{DatesRefused, Failed};
pub use self::token_endpoint::TokenEndpoint;
