//! Error codes: the canonical ones (RFC 6749 §5.2 and its extensions) and the servers' own.

use std::time::Duration;

use http::StatusCode;
use tokenflight_core::{FailureClass, GrantError, Secret};

use super::{conceal, members::Members};
use crate::provider::{Meaning, Provider, Sign, Test};

/// What a body says went wrong.
#[derive(Debug)]
pub(super) struct Fault {
    class: FailureClass,
    code: String,
    description: Option<String>,
    claims: Option<String>,
    wait: Option<Duration>,
}

/// RFC 8628 §3.5: five seconds more at each `slow_down`; the interval is five seconds if nothing
/// else was said (§3.2).
const SLOW_DOWN: Duration = Duration::from_secs(5);

impl Fault {
    /// `None` if the body names no error.
    pub(super) fn find(status: StatusCode, members: &Members, provider: &Provider) -> Option<Self> {
        if let Some(sign) = provider.signs.iter().find(|sign| holds(sign, status, members)) {
            return Some(Self::described(class_of(sign.means), &code_of(sign, members), members));
        }
        if let Some(code) = members.text("error") {
            let fault = Self::described(canonical(&code), &code, members);
            let wait = (code == "slow_down" || code == "authorization_pending").then_some(SLOW_DOWN);
            return Some(Self { wait, ..fault });
        }
        // Codes of servers that leave the standard member out, known or not: something is wrong,
        // and it ends nothing.
        let paths = ["error_code", "code", "error.status", "error.type", "error.code", "error.message"];
        if let Some(code) = paths.iter().find_map(|path| members.at(path).into_iter().next()) {
            let alone = members.text("access_token").is_none();
            return alone.then(|| Self::described(FailureClass::Config, &code, members));
        }
        members.is_false("ok").then(|| Self::described(FailureClass::Config, "ok: false", members))
    }

    fn described(class: FailureClass, code: &str, members: &Members) -> Self {
        let texts = ["error_description", "message", "msg", "error.message"];
        let description = texts.iter().find_map(|path| members.at(path).into_iter().next());
        let description = description.filter(|text| text != code);
        let claims = members.text("claims").map(std::borrow::Cow::into_owned);
        Self { class, code: code.to_owned(), description, claims, wait: None }
    }

    pub(super) fn into_error(self, secrets: &[Secret]) -> GrantError {
        let error = GrantError::new(self.class);
        self.describe(error, secrets)
    }

    /// Adds what the body says to an error whose class is decided. What repeats a secret of the
    /// request is told nowhere.
    pub(super) fn describe(self, error: GrantError, secrets: &[Secret]) -> GrantError {
        let mut error = error.code(&conceal::withhold(&self.code, secrets));
        if let Some(text) = &self.description {
            error = error.description(&conceal::withhold(text, secrets));
        }
        if let Some(claims) = self.claims.filter(|_| error.class() == FailureClass::Interaction)
            && !conceal::repeats(&claims, secrets)
        {
            error = error.claims(&claims);
        }
        match self.wait {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }
}

fn holds(sign: &Sign, status: StatusCode, members: &Members) -> bool {
    let test = |test: &Test| match test {
        Test::Status(wanted) => status.as_u16() == *wanted,
        Test::Is(path, value) => members.at(path).iter().any(|text| text == value),
        Test::Contains(path, words) => {
            let words = words.to_ascii_lowercase();
            members.at(path).iter().any(|text| text.to_ascii_lowercase().contains(&words))
        }
        Test::Has(path) => members.has(path),
    };
    !sign.when.is_empty() && sign.when.iter().all(test)
}

/// What a sign is told by: its first exact value, else the standard code, else the path looked at.
fn code_of(sign: &Sign, members: &Members) -> String {
    let exact = sign.when.iter().find_map(|test| match test {
        Test::Is(_, value) => Some((*value).to_owned()),
        _ => None,
    });
    exact.or_else(|| members.text("error").map(std::borrow::Cow::into_owned)).unwrap_or_else(|| "refused".to_owned())
}

const fn class_of(meaning: Meaning) -> FailureClass {
    match meaning {
        Meaning::Ended => FailureClass::Terminal,
        Meaning::SlowDown => FailureClass::Throttled,
        Meaning::Unknown => FailureClass::Ambiguous,
        Meaning::Setup => FailureClass::Config,
        Meaning::Interaction => FailureClass::Interaction,
    }
}

/// The class of a code that any server may use.
fn canonical(code: &str) -> FailureClass {
    match code {
        // The last ones are vendors' words that can mean nothing else, whichever server says them.
        "invalid_grant"
        | "bad_refresh_token"
        | "invalid_refresh_token"
        | "refresh_token_reused"
        | "refresh_token_already_used"
        | "refresh_token_not_found" => FailureClass::Terminal,
        "slow_down" | "authorization_pending" => FailureClass::Throttled,
        "temporarily_unavailable" | "server_error" => FailureClass::Ambiguous,
        // OpenID Connect Core §3.1.2.6, RFC 9470 §3: the user is wanted for what was asked, and the
        // login is not over.
        "interaction_required"
        | "login_required"
        | "consent_required"
        | "account_selection_required"
        | "insufficient_user_authentication" => FailureClass::Interaction,
        // invalid_client, invalid_request, invalid_scope, invalid_target, unauthorized_client,
        // unsupported_grant_type, use_dpop_nonce (RFC 9449: no proofs are made here, so asking
        // again is no help), and all unheard of: it may be the client, and the grant may be fine.
        _ => FailureClass::Config,
    }
}
