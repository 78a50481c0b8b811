//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery).
//!
//! ```
//! use tokenflight_oauth2::discovery::Metadata;
//!
//! let document = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}"#;
//! let metadata = Metadata::parse("https://as.example", document.as_bytes()).unwrap();
//! assert_eq!(metadata.token_endpoint(), "https://as.example/token");
//! // The issuer must be the expected one, byte for byte (RFC 8414 §3.3).
//! assert!(Metadata::parse("https://as.example/", document.as_bytes()).is_err());
//! ```

mod error;
mod fetch;
mod metadata;

pub use self::{
    error::DiscoveryError,
    fetch::{Kind, discover, discover_within},
    metadata::Metadata,
};
