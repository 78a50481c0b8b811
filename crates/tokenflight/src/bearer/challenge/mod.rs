//! What a refusal asks for: the `WWW-Authenticate` header (RFC 9110 §11.6.1, RFC 6750 §3).
//!
//! [`judge`] says whether a refresh may help, [`read()`] everything a server said about a bearer
//! token, for an application that must act on it: log in with another strength (RFC 9470), ask for
//! a scope, or request a token with claims.
//!
//! Reading never fails, and takes time linear in the first 8 KiB of challenges; what follows them
//! is not read. Servers write this header in many ways, so it is read leniently:
//!
//! * A scheme ends where its token characters end: `Bearer, error=…` and `Bearer:error=…` are
//!   Bearer challenges.
//! * Parameters may be separated by commas, semicolons or blanks; values may be quoted with `"` or
//!   `'`, or not at all.
//! * A parameter that cannot be read is left out and hides no other. Bytes outside ASCII are text.
//! * A line without a scheme says nothing, and nothing at all means that a refresh may help. A
//!   sentence is no scheme, and an error code alone is none.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
//! use tokenflight::bearer::challenge::{Meaning, judge, read};
//!
//! let mut headers = HeaderMap::new();
//! assert_eq!(judge(&headers), Meaning::Refresh); // no challenge at all: illegal, and common
//! headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="insufficient_scope""#));
//! assert_eq!(judge(&headers), Meaning::InsufficientScope);
//!
//! let step_up = r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age=60"#;
//! headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(step_up));
//! let challenge = read(&headers);
//! assert_eq!((challenge.acr_values(), challenge.max_age()), (Some("mfa"), Some(std::time::Duration::from_secs(60))));
//! ```

mod meaning;
mod read;
mod scan;

pub use self::{
    meaning::{Challenge, Meaning},
    read::{judge, read},
};
