//! The reuse policy that fits what was seen.

use std::{fmt, time::Duration};

use tokenflight::ReusePolicy;
use tokenflight_oauth2::provider::{self, Provider};

use crate::command::soak::{books::Seen, grace::Grace};

/// What to tell the session about used refresh tokens, and why.
#[derive(Debug)]
pub(super) struct Advice {
    policy: ReusePolicy,
    why: String,
}

/// A window under this is shorter than the attempt that would have to fit into it.
const LEAST_WINDOW: Duration = Duration::from_secs(1);

/// What was seen comes before the table; where neither says anything the strict way does no harm.
pub(super) fn recommend(seen: &Seen, grace: &Grace, row: &Provider) -> Advice {
    let advice = |policy, why: &str| Advice { policy, why: why.to_owned() };
    match grace {
        Grace::Answered { after, .. } if *after >= LEAST_WINDOW => {
            return advice(ReusePolicy::grace(*after), "a used refresh token was answered as late as that");
        }
        Grace::Answered { .. } => {
            return advice(ReusePolicy::Strict, "a longer --probe-grace would tell how long the window is");
        }
        Grace::Refused { .. } => return advice(ReusePolicy::Strict, "a used refresh token was refused"),
        _ => {}
    }
    if seen.rotated == 0 && seen.kept > 0 {
        return advice(ReusePolicy::NonRotating, "no refresh brought another refresh token");
    }
    if row.name == provider::UNKNOWN.name {
        let why = "nothing is known about used refresh tokens; the table has rows for some providers";
        return advice(ReusePolicy::Strict, why);
    }
    Advice { policy: row.reuse, why: format!("that is the table's row `{}`, as of {}", row.name, row.checked) }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recommended: ")?;
        match self.policy {
            ReusePolicy::Grace { window, .. } if window.subsec_nanos() == 0 => {
                write!(f, "ReusePolicy::grace(Duration::from_secs({}))", window.as_secs())?;
            }
            ReusePolicy::Grace { window, .. } => {
                write!(f, "ReusePolicy::grace(Duration::from_millis({}))", window.as_millis())?;
            }
            ReusePolicy::NonRotating => f.write_str("ReusePolicy::NonRotating")?,
            _ => f.write_str("ReusePolicy::Strict")?,
        }
        write!(f, ": {}.", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::soak::alive::Alive;

    fn seen(rotated: u64, kept: u64) -> Seen {
        Seen { rotated, kept, ..Seen::default() }
    }

    fn policy(seen: &Seen, grace: &Grace, row: &Provider) -> ReusePolicy {
        recommend(seen, grace, row).policy
    }

    #[test]
    fn no_token_is_advised_to_be_presented_twice_without_evidence() {
        assert_eq!(policy(&seen(5, 0), &Grace::NotAsked, provider::UNKNOWN), ReusePolicy::Strict);
        assert_eq!(policy(&seen(0, 0), &Grace::NotAsked, provider::UNKNOWN), ReusePolicy::Strict);
        assert_eq!(policy(&seen(1, 4), &Grace::NotRotating, provider::UNKNOWN), ReusePolicy::Strict);
    }

    #[test]
    fn what_was_seen_comes_before_what_the_table_says() {
        let late = Duration::from_secs(20);
        let answered = Grace::Answered { after: late, session: Alive::Yes };
        let refused = Grace::Refused { after: late, session: Alive::No(String::new()) };
        assert_eq!(policy(&seen(5, 0), &answered, provider::UNKNOWN), ReusePolicy::grace(late));
        assert_eq!(policy(&seen(5, 0), &refused, provider::OKTA), ReusePolicy::Strict);
        assert_eq!(policy(&seen(0, 5), &Grace::NotAsked, provider::OKTA), ReusePolicy::NonRotating);
        assert_eq!(policy(&seen(5, 0), &Grace::NotAsked, provider::OKTA), provider::OKTA.reuse);
    }

    #[test]
    fn advice_is_written_as_code() {
        let answered = Grace::Answered { after: Duration::from_millis(2_500), session: Alive::Yes };
        let text = recommend(&seen(5, 0), &answered, provider::UNKNOWN).to_string();
        assert!(text.contains("ReusePolicy::grace(Duration::from_millis(2500))"), "{text}");
    }
}
