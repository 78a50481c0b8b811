//! Error codes: the canonical ones (RFC 6749 §5.2 and its extensions) and the vendors' own.

use std::time::Duration;

use tokenflight_core::{FailureClass, GrantError};

use super::members::Members;
use crate::provider::{Meaning, Provider};

/// What a body says went wrong.
#[derive(Debug)]
pub(super) struct Fault {
    class: FailureClass,
    code: String,
    description: Option<String>,
    wait: Option<Duration>,
}

/// RFC 8628 §3.5: five seconds more at each `slow_down`; the interval is five seconds if nothing else was said (§3.2).
const SLOW_DOWN: Duration = Duration::from_secs(5);

impl Fault {
    /// `None` if the body names no error.
    pub(super) fn find(members: &Members, provider: &Provider) -> Option<Self> {
        let description =
            || members.text("error_description").or_else(|| members.text("message")).or_else(|| members.text("msg"));
        let described = |class, code: &str| {
            let description = description().map(std::borrow::Cow::into_owned).filter(|text| text != code);
            Self { class, code: code.to_owned(), description, wait: None }
        };
        // What is known of this server comes first: exact matches only.
        for sign in provider.signs {
            if members.text(sign.member).is_some_and(|text| text == sign.value) {
                return Some(described(class_of(sign.means), sign.value));
            }
        }
        if let Some(code) = members.text("error") {
            let mut fault = described(canonical(&code), &code);
            fault.wait = (code == "slow_down" || code == "authorization_pending").then_some(SLOW_DOWN);
            return Some(fault);
        }
        // Codes of servers that leave the standard member out, known or not: something is wrong, and it ends nothing.
        if let Some(code) = members.text("error_code").or_else(|| members.text("code")) {
            return members.text("access_token").is_none().then(|| described(FailureClass::Config, &code));
        }
        members.is_false("ok").then(|| described(FailureClass::Config, "ok: false"))
    }

    pub(super) fn into_error(self) -> GrantError {
        let error = GrantError::new(self.class);
        self.describe(error)
    }

    /// Adds what the body says to an error whose class is decided.
    pub(super) fn describe(self, error: GrantError) -> GrantError {
        let mut error = error.code(&self.code);
        if let Some(text) = &self.description {
            error = error.description(text);
        }
        match self.wait {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }
}

const fn class_of(meaning: Meaning) -> FailureClass {
    match meaning {
        Meaning::Ended => FailureClass::Terminal,
        Meaning::SlowDown => FailureClass::Throttled,
        Meaning::Unknown => FailureClass::Ambiguous,
        Meaning::Setup => FailureClass::Config,
    }
}

/// The class of a code that any server may use.
fn canonical(code: &str) -> FailureClass {
    match code {
        // The last ones are vendors' words that can mean nothing else, whoever says them.
        "invalid_grant"
        | "bad_refresh_token"
        | "invalid_refresh_token"
        | "refresh_token_reused"
        | "refresh_token_already_used"
        | "refresh_token_not_found" => FailureClass::Terminal,
        "slow_down" | "authorization_pending" => FailureClass::Throttled,
        "temporarily_unavailable" | "server_error" => FailureClass::Ambiguous,
        // The server wants its nonce in the proof and has not looked at the token yet (RFC 9449 §8).
        "use_dpop_nonce" => FailureClass::NotSent,
        // invalid_client, invalid_request, invalid_scope, invalid_target, unauthorized_client, unsupported_grant_type, and
        // everything nobody has heard of: it may be the client, and the grant may be fine.
        _ => FailureClass::Config,
    }
}
