//! How long a token lives: what the server says, else what the token says of itself, else unknown.

use std::{fmt::Write as _, time::Duration};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use proptest::prelude::*;
use tokenflight_core::{MAX_LIFETIME, TokenSet};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn any_spelling_of_expires_in_becomes_a_sane_lifetime() {
    let rows = [
        (3600.0, Some(secs(3600))),
        (0.0, Some(Duration::ZERO)),
        (-0.0, Some(Duration::ZERO)),
        (-1.0, Some(Duration::ZERO)),
        (f64::NEG_INFINITY, Some(Duration::ZERO)),
        (0.5, Some(Duration::from_millis(500))),
        (1.5e3, Some(secs(1500))),
        (f64::MIN_POSITIVE, Some(Duration::ZERO)),
        (1e18, Some(MAX_LIFETIME)),
        (f64::MAX, Some(MAX_LIFETIME)),
        (f64::INFINITY, Some(MAX_LIFETIME)),
        (f64::NAN, None),
    ];
    for (seconds, lifetime) in rows {
        assert_eq!(TokenSet::new("opaque").expires_in_seconds(seconds).lifetime(), lifetime, "{seconds}");
    }
    assert_eq!(TokenSet::new("opaque").expires_in(Duration::MAX).lifetime(), Some(MAX_LIFETIME));
    assert_eq!(TokenSet::new("opaque").refresh_in(Duration::MAX).refresh_hint(), Some(MAX_LIFETIME));
    assert_eq!(TokenSet::new("opaque").lifetime(), None);
}

fn jwt(claims: &str) -> String {
    let mut token = BASE64_URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    let _ = write!(
        token,
        ".{}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(claims.as_bytes()),
        BASE64_URL_SAFE_NO_PAD.encode(b"not a signature")
    );
    token
}

#[cfg(feature = "jwt")]
#[test]
fn a_jwt_hints_at_its_lifetime_by_the_distance_of_its_dates() {
    let rows = [
        (r#"{"iat":1700000000,"exp":1700003600}"#, Some(secs(3600))),
        (r#"{"sub":"x","exp":1700003600,"aud":["a"],"iat":1700000000,"nbf":1}"#, Some(secs(3600))),
        // In the past and in the far future alike: only the distance counts.
        (r#"{"iat":0,"exp":60}"#, Some(secs(60))),
        (r#"{"iat":9000000000,"exp":9000000060}"#, Some(secs(60))),
        // Fractions and exponents.
        (r#"{"iat":1700000000.25,"exp":1700000060.5}"#, Some(secs(60))),
        (r#"{"iat":1.7e9,"exp":1.70000006e9}"#, Some(secs(60))),
        (r#"{"iat":1700000000,"exp":1700000000.9}"#, Some(Duration::ZERO)),
        // Nonsense.
        (r#"{"iat":1700000000,"exp":1700000000}"#, None),
        (r#"{"iat":1700003600,"exp":1700000000}"#, None),
        (r#"{"iat":-5,"exp":1700000000}"#, None),
        (r#"{"iat":0,"exp":-1}"#, None),
        (r#"{"iat":0,"exp":1e300}"#, None),
        (r#"{"iat":0,"exp":9007199254740993}"#, Some(MAX_LIFETIME)),
        (r#"{"iat":0,"exp":9007199254740994}"#, None),
        (r#"{"iat":0,"exp":1e999}"#, None),
        (r#"{"exp":1700003600}"#, None),
        (r#"{"iat":1700000000}"#, None),
        (r#"{"iat":"1700000000","exp":"1700003600"}"#, None),
        (r#"{"iat":null,"exp":null}"#, None),
        ("{}", None),
        ("[]", None),
        ("not json", None),
        // Servers that date the beginning only by when the token becomes valid.
        (r#"{"nbf":1478420962,"exp":1478421862,"auth_time":1478420962}"#, Some(secs(900))),
        (r#"{"nbf":1478420962,"exp":1478421862,"iat":null}"#, Some(secs(900))),
        (r#"{"nbf":1700000000,"iat":1700000010,"exp":1700000070}"#, Some(secs(60))),
        (r#"{"nbf":1700000100,"exp":1700000000}"#, None),
        (r#"{"nbf":-1,"exp":1700000000}"#, None),
        (r#"{"nbf":1700000000}"#, None),
        // Long lives are cut like any other.
        (r#"{"iat":0,"exp":4000000000}"#, Some(MAX_LIFETIME)),
    ];
    for (claims, lifetime) in rows {
        assert_eq!(TokenSet::new(jwt(claims)).lifetime(), lifetime, "{claims}");
    }
}

#[test]
fn what_the_server_says_goes_before_what_the_token_says() {
    let token = jwt(r#"{"iat":1700000000,"exp":1700003600}"#);
    assert_eq!(TokenSet::new(token.clone()).expires_in(secs(60)).lifetime(), Some(secs(60)));
    assert_eq!(TokenSet::new(token).expires_in_seconds(-1.0).lifetime(), Some(Duration::ZERO));
}

#[test]
fn what_is_not_a_jwt_hints_at_nothing() {
    let good = jwt(r#"{"iat":0,"exp":60}"#);
    let parts: Vec<&str> = good.split('.').collect();
    let rows = [
        String::new(),
        "opaque".to_owned(),
        "..".to_owned(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        parts[1].to_owned(),
        format!("{}.!!!.{}", parts[0], parts[2]),
        format!("{good}.extra.parts"),
    ];
    for token in rows {
        assert_eq!(TokenSet::new(token.clone()).lifetime(), None, "{token}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_token_text_makes_anything_panic(token in ".{0,60}") {
        let set = TokenSet::new(token);
        let _ = (set.lifetime(), set.check());
    }

    #[test]
    fn no_claims_make_anything_panic(iat in any::<f64>(), exp in any::<f64>()) {
        let token = jwt(&format!(r#"{{"iat":{iat},"exp":{exp}}}"#));
        let lifetime = TokenSet::new(token).lifetime();
        prop_assert!(lifetime.is_none_or(|lifetime| lifetime <= MAX_LIFETIME));
    }

    #[test]
    fn no_number_of_seconds_makes_anything_panic(seconds in any::<f64>()) {
        let lifetime = TokenSet::new("opaque").expires_in_seconds(seconds).lifetime();
        prop_assert_eq!(lifetime.is_none(), seconds.is_nan());
        prop_assert!(lifetime.is_none_or(|lifetime| lifetime <= MAX_LIFETIME));
    }
}
