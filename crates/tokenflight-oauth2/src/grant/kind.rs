use crate::auth::Source;

/// The grant types (RFC 6749 §1.3, RFC 7523 §2.1, RFC 8693).
#[derive(Clone)]
pub(super) enum Kind {
    Refresh,
    ClientCredentials,
    JwtBearer(Source),
    Exchange { subject_type: String, source: Source },
}

impl Kind {
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Refresh => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer(_) => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Exchange { .. } => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }
}
