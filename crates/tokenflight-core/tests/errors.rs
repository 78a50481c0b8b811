//! What is printed of a failure and its sources.

use std::{error::Error as StdError, iter::successors};

use tokenflight_core::{EndReason, Error, ErrorKind, FailureClass, GrantError};

fn chain(error: &Error) -> Vec<String> {
    successors(Some(error as &(dyn StdError + 'static)), |error| (*error).source()).map(ToString::to_string).collect()
}

#[test]
fn no_line_of_a_chain_repeats_another() {
    let failure = || GrantError::config("the header was 3 characters long").code("invalid_client");
    for (failure, explained) in [(failure(), false), (failure().description("unknown client"), true)] {
        let alone = failure.to_string();
        assert!(alone.contains("configured wrongly: invalid_client"), "{alone}");
        let lines = chain(&Error::from(failure));
        assert!(lines[0].contains("configured wrongly: invalid_client"), "{lines:?}");
        assert_eq!(lines[1].contains("unknown client"), explained, "{lines:?}");
        assert!(!lines[1].contains("invalid_client") && !lines[1].contains("configured"), "{lines:?}");
        assert_eq!(lines[2], "the header was 3 characters long");
    }
}

/// Also if another process has met the end, and the store tells of it.
#[test]
fn the_end_of_a_session_names_the_servers_code_in_its_top_line() {
    let met = Error::from(GrantError::new(FailureClass::Terminal).code("invalid_grant"));
    let found = Error::new(ErrorKind::Ended(EndReason::new("invalid_grant")));
    for error in [&met, &found] {
        assert!(error.to_string().contains("invalid_grant"), "{error}");
        assert_eq!(error.code(), Some("invalid_grant"), "{error}");
    }
    assert!(chain(&met)[1].contains("invalid_grant"), "{met:?}");
}
