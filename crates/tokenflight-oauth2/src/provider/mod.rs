//! What is known of authorization servers, as data. Vendors change their rules without notice: a
//! row is a case to survive, not a contract, and everything in it can be replaced. Unknown servers
//! are taken to be strict.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::grant::ReusePolicy;
//! use tokenflight_oauth2::provider::{self, Provider};
//!
//! assert_eq!(provider::find("okta"), Some(provider::OKTA));
//! // The administrator has set the grace period to a minute there.
//! static PATIENT_OKTA: Provider =
//!     Provider { reuse: ReusePolicy::grace(Duration::from_secs(60)), ..*provider::OKTA };
//! assert_eq!(PATIENT_OKTA.name, "okta");
//! ```
//!
//! The page
//! [`docs/providers.md`](https://github.com/tokenflight/tokenflight/blob/main/docs/providers.md)
//! in the repository shows all rows.

mod endpoints;
mod row;
mod sign;
mod table;

pub use self::{
    endpoints::Endpoints,
    row::{AssertionAudience, AuthMethod, Body, Lifetimes, OldAccess, Provider, Rotation, Second, ZeroLifetime},
    sign::{Meaning, Sign, Test},
    table::*,
};
