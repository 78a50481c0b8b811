//! The signs of the table of providers: which row, the body. Some of these paths are no paths.
#![no_main]

use http::{HeaderMap, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokenflight_core::FailureClass;
use tokenflight_oauth2::{
    answer::{Answer, Verdict, judge},
    provider::{self, ALL, Meaning, Provider, Sign, Test},
};

const fn ends(when: &'static [Test]) -> Sign {
    Sign { when, means: Meaning::Ended }
}

static ODD: Provider = Provider {
    signs: &[
        ends(&[]),
        ends(&[Test::Is("", "x"), Test::Is("[", "x")]),
        ends(&[Test::Is("a[", "x")]),
        ends(&[Test::Is("a]", "x")]),
        ends(&[Test::Is("a[*", "x")]),
        ends(&[Test::Is("a..b", "x")]),
        ends(&[Test::Is("a[99999999999999999999999].b", "x")]),
        ends(&[Test::Is("a[-1]", "x")]),
        ends(&[Test::Is("a[*][*].b[0]", "x"), Test::Status(400)]),
        ends(&[Test::Contains("a[*].b", "ß"), Test::Has("a[*]")]),
        ends(&[Test::Contains("error.message", "")]),
        Sign { when: &[Test::Has("claims")], means: Meaning::Interaction },
    ],
    ..*provider::UNKNOWN
};

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let row = ALL.get(usize::from(*choice)).copied().unwrap_or(&ODD);
    let (headers, body) = (HeaderMap::new(), Ok(body.to_vec().into()));
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST, StatusCode::FORBIDDEN, StatusCode::BAD_GATEWAY] {
        if let Verdict::Failed(error) | Verdict::Odd(error) = judge(&Answer::new(status, &headers, &body), row) {
            // Whatever a row says: a failing server ends nothing, and an end has a name.
            assert!(error.class() != FailureClass::Terminal || status != StatusCode::BAD_GATEWAY);
            assert!(error.class() != FailureClass::Terminal || error.error_code().is_some());
            assert!(error.wanted_claims().is_none() || error.class() == FailureClass::Interaction);
            assert!(error.wanted_claims().is_none_or(|claims| !claims.chars().any(char::is_control)));
        }
    }
});
