//! Closed sets, and the names their members are told by.

use http::StatusCode;
use tokenflight_core::{
    Error, ErrorKind, FailureClass, Source, grant,
    store::{Body, Reply},
};
use tokenflight_machine::{Failure, Plan};

use crate::bearer::challenge;

macro_rules! closed {
    ($(#[$doc:meta])* $set:ident { $($member:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $set {
            $($member,)*
        }

        // Without a listener no name is looked up.
        #[cfg_attr(not(feature = "tracing"), allow(dead_code))]
        impl $set {
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $name,)*
                }
            }
        }
    };
}

closed! {
    /// Why a refresh was started.
    Reason {
        First = "first",
        Due = "due",
        Expired = "expired",
        Refused = "refused",
        Forced = "forced",
        Other = "_OTHER",
    }
}

closed! {
    /// How a refresh ended.
    Outcome {
        Ok = "ok",
        NotSent = "not_sent",
        Throttled = "throttled",
        Ambiguous = "ambiguous",
        Terminal = "terminal",
        Config = "config",
        Interaction = "interaction",
        // The refresh token was not presented: an earlier attempt with it never reported back.
        KeptBack = "kept_back",
        // The store was looked into while the authorization server is left alone.
        NothingNew = "nothing_new",
        // The store, or the session in common, says that there is no login any more.
        Over = "over",
        // There was a login or logout meanwhile: nothing of it counts.
        Stale = "stale",
        // No handle of the session was left.
        Closed = "closed",
    }
}

closed! {
    /// Where an adopted token came from.
    Adopted {
        Server = "server",
        Store = "store",
    }
}

closed! {
    /// How a wait for a token ended.
    Waited {
        Token = "token",
        TimedOut = "timed_out",
        Error = "error",
    }
}

closed! {
    /// What a refusal asks for.
    Meaning {
        Refresh = "refresh",
        InsufficientAuthentication = "insufficient_authentication",
        ClaimsRequired = "claims_required",
        InsufficientScope = "insufficient_scope",
        InvalidRequest = "invalid_request",
        OtherScheme = "other_scheme",
        UnknownError = "unknown_error",
    }
}

closed! {
    /// Whether a refused request is to be sent again.
    Replay {
        Yes = "yes",
        // Nothing was kept of it, or not all of its body is at hand.
        NoBody = "no_body",
        // There will be no newer token.
        NoToken = "no_token",
        // It was sent again as often as it may be.
        Bound = "bound",
        // The server asks for something else, or not to be asked again.
        Unwanted = "unwanted",
        // It was refused in its trailers.
        TooLate = "too_late",
    }
}

closed! {
    /// What became of a replay.
    Replayed {
        Accepted = "accepted",
        Refused = "refused",
        Failed = "failed",
    }
}

closed! {
    /// An operation of the store.
    Operation {
        Claim = "claim",
        Commit = "commit",
        End = "end",
        Settle = "settle",
        Reset = "reset",
        Again = "again",
    }
}

closed! {
    /// How an operation of the store ended.
    StoreOutcome {
        Ok = "ok",
        Busy = "busy",
        Conflict = "conflict",
        Error = "error",
    }
}

closed! {
    /// What went wrong: the authorization server's code, if it is one of RFC 6749 §5.2, RFC 8628
    /// §3.5, RFC 8707 §2 or OpenID Connect Core §3.1.2.6, else the kind of our error.
    ErrorType {
        InvalidRequest = "invalid_request",
        InvalidClient = "invalid_client",
        InvalidGrant = "invalid_grant",
        UnauthorizedClient = "unauthorized_client",
        UnsupportedGrantType = "unsupported_grant_type",
        InvalidScope = "invalid_scope",
        InvalidTarget = "invalid_target",
        AccessDenied = "access_denied",
        ExpiredToken = "expired_token",
        SlowDown = "slow_down",
        ServerError = "server_error",
        TemporarilyUnavailable = "temporarily_unavailable",
        InteractionRequired = "interaction_required",
        LoginRequired = "login_required",
        ConsentRequired = "consent_required",
        AccountSelectionRequired = "account_selection_required",
        NotLoggedIn = "not_logged_in",
        LoggedOut = "logged_out",
        NoRefreshToken = "no_refresh_token",
        SessionChanged = "session_changed",
        NotSent = "not_sent",
        Throttled = "throttled",
        Ambiguous = "ambiguous",
        Config = "config",
        Store = "store",
        FreshRefused = "fresh_refused",
        Futile = "futile",
        StillRefused = "still_refused",
        TimedOut = "timed_out",
        Recursion = "recursion",
        Closed = "closed",
        NoTimer = "no_timer",
        Other = "_OTHER",
    }
}

/// Codes of an authorization server. What is not here is `_OTHER`: a code is text of the server's.
const CODES: [ErrorType; 16] = [
    ErrorType::InvalidRequest,
    ErrorType::InvalidClient,
    ErrorType::InvalidGrant,
    ErrorType::UnauthorizedClient,
    ErrorType::UnsupportedGrantType,
    ErrorType::InvalidScope,
    ErrorType::InvalidTarget,
    ErrorType::AccessDenied,
    ErrorType::ExpiredToken,
    ErrorType::SlowDown,
    ErrorType::ServerError,
    ErrorType::TemporarilyUnavailable,
    ErrorType::InteractionRequired,
    ErrorType::LoginRequired,
    ErrorType::ConsentRequired,
    ErrorType::AccountSelectionRequired,
];

impl ErrorType {
    pub(crate) fn of_code(code: &str) -> Self {
        CODES.into_iter().find(|known| known.name() == code).unwrap_or(Self::Other)
    }
}

impl From<&Error> for ErrorType {
    fn from(error: &Error) -> Self {
        if let Some(code) = error.code() {
            return Self::of_code(code);
        }
        match error.kind() {
            ErrorKind::NotLoggedIn => Self::NotLoggedIn,
            ErrorKind::LoggedOut => Self::LoggedOut,
            ErrorKind::Ended(reason) => Self::of_code(reason.code()),
            ErrorKind::NoRefreshToken => Self::NoRefreshToken,
            ErrorKind::SessionChanged => Self::SessionChanged,
            ErrorKind::Refresh(FailureClass::NotSent) => Self::NotSent,
            ErrorKind::Refresh(FailureClass::Throttled) => Self::Throttled,
            ErrorKind::Refresh(FailureClass::Ambiguous) => Self::Ambiguous,
            ErrorKind::Refresh(FailureClass::Config) => Self::Config,
            ErrorKind::Store => Self::Store,
            ErrorKind::FreshRefused => Self::FreshRefused,
            ErrorKind::Futile => Self::Futile,
            ErrorKind::StillRefused => Self::StillRefused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::Recursion => Self::Recursion,
            ErrorKind::Closed => Self::Closed,
            ErrorKind::NoTimer => Self::NoTimer,
            _ => Self::Other,
        }
    }
}

/// What a request was refused with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Http(StatusCode),
    /// gRPC's `UNAUTHENTICATED`.
    Grpc,
}

#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
impl Trigger {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http(StatusCode::UNAUTHORIZED) => "http_401",
            Self::Http(_) => "http_other",
            Self::Grpc => "grpc_16",
        }
    }
}

impl From<&Plan> for Reason {
    fn from(plan: &Plan) -> Self {
        match plan.reason {
            grant::Reason::Load => Self::First,
            grant::Reason::Due if plan.usable.is_none() => Self::Expired,
            grant::Reason::Due => Self::Due,
            grant::Reason::Rejected => Self::Refused,
            grant::Reason::Forced => Self::Forced,
            _ => Self::Other,
        }
    }
}

impl From<FailureClass> for Outcome {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::NotSent => Self::NotSent,
            FailureClass::Throttled => Self::Throttled,
            FailureClass::Ambiguous => Self::Ambiguous,
            FailureClass::Terminal => Self::Terminal,
            FailureClass::Config => Self::Config,
            FailureClass::Interaction => Self::Interaction,
        }
    }
}

impl From<Source> for Adopted {
    fn from(source: Source) -> Self {
        match source {
            Source::Server => Self::Server,
            _ => Self::Store,
        }
    }
}

impl From<challenge::Meaning> for Meaning {
    fn from(meaning: challenge::Meaning) -> Self {
        match meaning {
            challenge::Meaning::Refresh => Self::Refresh,
            challenge::Meaning::InsufficientAuthentication => Self::InsufficientAuthentication,
            challenge::Meaning::ClaimsRequired => Self::ClaimsRequired,
            challenge::Meaning::InsufficientScope => Self::InsufficientScope,
            challenge::Meaning::InvalidRequest => Self::InvalidRequest,
            challenge::Meaning::OtherScheme => Self::OtherScheme,
            challenge::Meaning::UnknownError => Self::UnknownError,
        }
    }
}

impl Replay {
    /// Of a refusal that another token may cure: why there is no other token, if that is certain;
    /// whether the server wants the request again; whether all of it was kept.
    pub(crate) fn judged(hopeless: Option<&Error>, wanted: bool, kept: bool) -> Self {
        match (hopeless, wanted, kept) {
            (Some(error), ..) if *error.kind() == ErrorKind::StillRefused => Self::Bound,
            (Some(_), ..) => Self::NoToken,
            (None, false, _) => Self::Unwanted,
            (None, true, false) => Self::NoBody,
            (None, true, true) => Self::Yes,
        }
    }
}

impl From<&Body> for Operation {
    fn from(body: &Body) -> Self {
        match body {
            Body::Claim { .. } => Self::Claim,
            Body::Commit { .. } => Self::Commit,
            Body::End { .. } => Self::End,
            Body::Settle { .. } => Self::Settle,
            Body::Reset { .. } => Self::Reset,
            Body::Again { .. } => Self::Again,
        }
    }
}

impl From<&Result<Reply, Failure>> for StoreOutcome {
    fn from(applied: &Result<Reply, Failure>) -> Self {
        match applied {
            Ok(Reply::Granted(_) | Reply::Stored { .. } | Reply::Nothing) => Self::Ok,
            Ok(Reply::Busy { .. }) => Self::Busy,
            Ok(Reply::Changed(_) | Reply::Conflict(_) | Reply::Overtaken(_)) => Self::Conflict,
            Err(_) => Self::Error,
        }
    }
}
