//! An authorization server that rotates refresh tokens, detects reuse and judges its clients.
//!
//! A *family* is what one [login](AuthServer::login) created: all refresh and access tokens that
//! descend from it. With the defaults a refresh token is good for one answer; presenting it again
//! kills the family, as the strict servers of the field do. [`Builder`] has the milder habits.
//!
//! What happens on the way to an answer is scripted with [`Faults`]. A request is processed at one
//! definite moment, after half of its latency; a caller that goes later leaves the rotation done.
//!
//! The server counts. [`AuthServer::report`] has the numbers, for each label that was given at a
//! login, and says whether its session lives; [`Builder::on_reuse`] is told of a reuse at once;
//! [`AuthServer::assert_unharmed`] is the verdict most tests want.

mod answer;
mod builder;
mod config;
mod exchange;
mod family;
pub(crate) mod fault;
mod grant;
mod outgoing;
mod report;
mod reused;
#[cfg(feature = "net")]
mod serve;
pub(crate) mod server;
pub(crate) mod verdict;

pub use self::{
    answer::Answer,
    builder::Builder,
    config::{Announce, Client, Grace, Reuse, Rotation},
    fault::{Canned, Faults},
    grant::AuthGrant,
    outgoing::Outgoing,
    report::{Counts, Report},
    reused::Reused,
};
pub(crate) use self::{fault::Fault, server::AuthServer, verdict::Verdict};
