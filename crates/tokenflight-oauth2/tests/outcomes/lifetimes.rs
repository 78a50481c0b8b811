//! Lifetimes in all spellings.

use tokenflight_oauth2::provider::ZeroLifetime;

use crate::fixture::*;

fn read(members: &str, provider: &Provider) -> TokenSet {
    let body = format!(r#"{{"access_token":"a",{members}}}"#);
    match judge(&Answer::new(StatusCode::OK, &HeaderMap::new(), &Ok(body.into())), provider) {
        Verdict::Tokens(set) => set,
        verdict => panic!("{members}: {verdict:?}"),
    }
}

#[test]
fn lifetimes_are_read_in_all_spellings() {
    const TEN_YEARS: u64 = 10 * 365 * 24 * 60 * 60;
    for (spelled, expected) in [
        ("3600", Some(3600)),
        ("\"3599\"", Some(3599)),
        ("\" 3599 \"", Some(3599)),
        ("3600.9", Some(3600)),
        ("3.6e3", Some(3600)),
        ("0", Some(0)),
        ("-1", Some(0)),
        ("\"-7\"", Some(0)),
        ("1e400", Some(TEN_YEARS)),
        ("\"1e400\"", Some(TEN_YEARS)),
        ("99999999999999999999999999", Some(TEN_YEARS)),
        ("4294967296", Some(TEN_YEARS)),
        ("\"NaN\"", None),
        ("\"soon\"", None),
        ("\"\"", None),
        ("null", None),
        ("true", None),
        ("[3600]", None),
        ("{\"seconds\":3600}", None),
    ] {
        let set = read(&format!(r#""expires_in":{spelled}"#), provider::UNKNOWN);
        assert_eq!(set.lifetime().map(|lifetime| lifetime.as_secs()), expected, "{spelled}");
    }
    assert_eq!(read(r#""x":1"#, provider::UNKNOWN).lifetime(), None);
}

#[test]
fn zero_means_for_ever_where_the_server_is_known_for_it() {
    const FOR_EVER: Provider = Provider { zero_lifetime: ZeroLifetime::Never, ..*provider::UNKNOWN };
    assert_eq!(read(r#""expires_in":0"#, &FOR_EVER).lifetime(), None);
    assert_eq!(read(r#""expires_in":1"#, &FOR_EVER).lifetime(), Some(Duration::from_secs(1)));
}

/// What the token says of itself counts where the server says nothing.
#[test]
fn a_jwt_tells_its_own_lifetime() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    let part = |text: &str| BASE64.encode(text);
    let token = format!("{}.{}.sig", part(r#"{"alg":"none"}"#), part(r#"{"iat":1.7e9,"exp":1700000300}"#));
    let body = format!(r#"{{"access_token":"{token}"}}"#);
    let verdict = judge(&Answer::new(StatusCode::OK, &HeaderMap::new(), &Ok(body.into())), provider::UNKNOWN);
    let Verdict::Tokens(set) = verdict else { panic!("{verdict:?}") };
    assert_eq!(set.lifetime(), Some(Duration::from_secs(300)));
}

#[test]
fn the_servers_wish_when_to_renew_is_read_and_the_rest_stays_reachable() {
    let set = read(r#""refresh_in":"1800","id_token":"i.d.t","deep":[[[1]]],"scope":["a","b"]"#, provider::UNKNOWN);
    assert_eq!(set.refresh_hint(), Some(Duration::from_secs(1800)));
    assert_eq!(set.granted_scope(), Some("a b"));
    assert_eq!(set.extra_members(), Some(r#"{"deep":[[[1]]],"id_token":"i.d.t"}"#));
    assert!(!format!("{set:?}").contains("i.d.t"));
    assert_eq!(read(r#""refresh_in":-1"#, provider::UNKNOWN).refresh_hint(), None);
    assert_eq!(read(r#""refresh_in":1e300"#, provider::UNKNOWN).refresh_hint(), None);
}
