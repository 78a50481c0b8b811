//! What a token endpoint's answer means: which class a failure belongs to, as one pure function.
//!
//! ```
//! use http::{HeaderMap, StatusCode};
//! use tokenflight_core::FailureClass;
//! use tokenflight_oauth2::{answer::{Answer, Verdict, judge}, provider};
//!
//! let headers = HeaderMap::new();
//! let ended = Ok(r#"{"error":"invalid_grant"}"#.into());
//! let ended = Answer::new(StatusCode::BAD_REQUEST, &headers, &ended);
//! let Verdict::Failed(error) = judge(&ended, provider::UNKNOWN) else { panic!() };
//! assert_eq!(error.class(), FailureClass::Terminal);
//!
//! // An expired client secret must not end the sessions of its users.
//! let client = Ok(r#"{"error":"invalid_client"}"#.into());
//! let client = Answer::new(StatusCode::UNAUTHORIZED, &headers, &client);
//! let Verdict::Failed(error) = judge(&client, provider::UNKNOWN) else { panic!() };
//! assert_eq!(error.class(), FailureClass::Config);
//! ```

mod conceal;
mod fault;
mod judge;
mod members;
mod retry_after;
mod tokens;
mod verdict;

pub(crate) use self::judge::says;
#[cfg(feature = "login")]
pub(crate) use self::{judge::fault, members::Members};
pub use self::{
    judge::{Answer, judge},
    verdict::Verdict,
};
