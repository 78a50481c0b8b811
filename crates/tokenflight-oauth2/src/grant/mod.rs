//! What a token request asks for.

mod assertion;
mod kind;
mod oauth;
mod streaks;

pub use self::oauth::OAuthGrant;
