//! One answer for each question.

use std::time::Duration;

use comfy_table::Table;

use super::table::plain;
use crate::command::soak::{
    alive::Alive,
    books::{Seen, Skew},
    grace::Grace,
    probe::{Answer, OldToken},
    stage::Outcome,
    tail::{Lifetime, MARGIN},
};

/// One line for each question.
pub(super) fn table(most: Duration, outcome: &Outcome) -> Table {
    let mut table = plain();
    table.set_header(["what the provider does", ""]);
    table.add_row(["refresh tokens", &rotation(&outcome.seen)]);
    table.add_row(["the old access token", &old_token(&outcome.old_token)]);
    table.add_row(["announced lifetime", &lifetime(&outcome.lifetime, most)]);
    table.add_row(["its clock", &clock(outcome.seen.skew)]);
    table.add_row(["used refresh tokens", &grace(&outcome.grace)]);
    match &outcome.alive {
        Alive::Yes => {}
        Alive::No(words) => {
            table.add_row(["the session is over", words]);
        }
        Alive::Unclear(words) => {
            table.add_row(["the session may be over", words]);
        }
    }
    table
}

fn rotation(seen: &Seen) -> String {
    match (seen.rotated, seen.kept) {
        (0, 0) => "unknown: no refresh succeeded".to_owned(),
        (0, kept) => format!("stay: none of {kept} refreshes brought another"),
        (rotated, 0) => format!("rotate: each of {rotated} refreshes brought another"),
        (rotated, kept) => format!("rotate sometimes: {rotated} of {} refreshes brought another", rotated + kept),
    }
}

fn old_token(old: &OldToken) -> String {
    match old {
        OldToken::LivesOn => "lives on after a refresh".to_owned(),
        OldToken::Dies => "dies at a refresh: the resource refused it at once".to_owned(),
        OldToken::Same => "stays: the refresh brought the same one again".to_owned(),
        OldToken::Unclear(words) => format!("unclear: {words}"),
    }
}

fn lifetime(lifetime: &Lifetime, most: Duration) -> String {
    let (announced, before, after) = match lifetime {
        Lifetime::Unannounced => return "none".to_owned(),
        Lifetime::Interrupted => return "not followed to its end".to_owned(),
        Lifetime::TooLong(announced) => {
            return format!("{}; not followed, it is longer than --duration {}", seconds(*announced), seconds(most));
        }
        Lifetime::TooShort(announced) => return format!("{}; too short to be checked", seconds(*announced)),
        Lifetime::Followed { announced, before, after } => (announced, before, after),
    };
    let margin = MARGIN.as_secs_f64();
    let verdict = match (before, after) {
        (Answer::Works, Answer::Refused) => {
            format!("truthful: works {margin} s before its end, is refused {margin} s after it")
        }
        (Answer::Works, Answer::Works) => format!("still works {margin} s after its end"),
        (Answer::Refused, _) => {
            format!("ends early: refused {margin} s before its end; --skew and Policy::skew make up for it")
        }
        (Answer::Unclear(words), _) | (_, Answer::Unclear(words)) => format!("unclear: {words}"),
    };
    format!("{}; {verdict}", seconds(*announced))
}

fn clock(skew: Option<Skew>) -> String {
    let Some(Skew { least, most }) = skew else { return "unknown: its answers have no date".to_owned() };
    if least > 0.0 {
        format!("{least:.1} to {most:.1} s ahead of ours")
    } else if most < 0.0 {
        format!("{:.1} to {:.1} s behind ours", -most, -least)
    } else {
        format!("agrees with ours, within {:.1} s", most.max(-least))
    }
}

fn grace(grace: &Grace) -> String {
    let after = |session: &Alive| match session {
        Alive::Yes => "the session survived".to_owned(),
        Alive::No(_) => "the session is over: log in again".to_owned(),
        Alive::Unclear(words) => format!("whether the session survived is unclear: {words}"),
    };
    match grace {
        Grace::NotAsked => "not presented (--probe-grace)".to_owned(),
        Grace::NotRotating => "there are none: the refresh token stays".to_owned(),
        Grace::Answered { after: late, session } => {
            format!("answered again {} after they were used; {}", seconds(*late), after(session))
        }
        Grace::Refused { after: late, session } => {
            format!("refused {} after they were used; {}", seconds(*late), after(session))
        }
        Grace::Unclear(words) => format!("unclear: {words}"),
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_only_wrong_if_the_dates_prove_it() {
        let told = |least, most| clock(Some(Skew { least, most }));
        assert_eq!(told(-0.2, 0.7), "agrees with ours, within 0.7 s");
        assert_eq!(told(4.6, 5.1), "4.6 to 5.1 s ahead of ours");
        assert_eq!(told(-3.5, -3.1), "3.1 to 3.5 s behind ours");
    }

    #[test]
    fn a_token_that_ends_early_is_not_called_truthful() {
        let followed = |before, after| {
            lifetime(&Lifetime::Followed { announced: 60 * Duration::from_secs(1), before, after }, MARGIN)
        };
        assert!(followed(Answer::Works, Answer::Refused).contains("truthful"));
        assert!(followed(Answer::Refused, Answer::Refused).contains("ends early"));
        assert!(followed(Answer::Works, Answer::Works).contains("still works"));
        assert!(followed(Answer::Works, Answer::Unclear("busy".to_owned())).contains("unclear: busy"));
    }
}
