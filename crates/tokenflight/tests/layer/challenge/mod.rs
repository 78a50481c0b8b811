//! What a `WWW-Authenticate` header means, however it is written.

mod lenient;

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use proptest::{collection::vec, prelude::*, sample::select};
use tokenflight::bearer::challenge::{Challenge, Meaning, judge, read};

use Meaning::{
    ClaimsRequired, InsufficientAuthentication, InsufficientScope, InvalidRequest, OtherScheme, Refresh, UnknownError,
};

fn headers(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(line).expect("bytes a header may hold"));
    }
    headers
}

#[track_caller]
fn assert_means(lines: &[&str], meaning: Meaning) {
    let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    assert_eq!(judge(&headers(&bytes)), meaning, "{lines:?}");
}

#[track_caller]
fn assert_table(rows: &[(&str, Meaning)]) {
    for (line, meaning) in rows {
        assert_means(&[line], *meaning);
    }
}

#[test]
fn each_row_of_the_table_is_judged_as_it_says() {
    assert_table(&[
        (r#"Bearer error="invalid_token""#, Refresh),
        (r#"Bearer realm="api", error="invalid_token", error_description="The access token expired""#, Refresh),
        ("Bearer", Refresh),
        (r#"Bearer realm="api""#, Refresh),
        (
            r#"Bearer error="insufficient_user_authentication", acr_values="myACR", max_age="5""#,
            InsufficientAuthentication,
        ),
        (r#"Bearer error="insufficient_scope", scope="a b""#, InsufficientScope),
        (r#"Bearer error="invalid_request""#, InvalidRequest),
        (r#"DPoP error="use_dpop_nonce""#, OtherScheme),
        (r#"Basic realm="api""#, OtherScheme),
        ("Negotiate", OtherScheme),
        (r#"Digest realm="r", qop="auth,auth-int", nonce="n""#, OtherScheme),
        (r#"Bearer error="teapot""#, UnknownError),
    ]);
}

#[test]
fn no_header_at_all_and_an_empty_one_ask_for_a_refresh() {
    assert_eq!(judge(&HeaderMap::new()), Refresh);
    assert_table(&[("", Refresh), (" ", Refresh), (",", Refresh), (" , ,, ", Refresh), ("\t", Refresh)]);
}

#[test]
fn scheme_and_parameter_names_may_have_any_case_and_error_codes_may_not() {
    assert_table(&[
        (r#"bearer error="insufficient_scope""#, InsufficientScope),
        (r#"BEARER ERROR="insufficient_scope""#, InsufficientScope),
        (r#"bEaReR Error="invalid_request""#, InvalidRequest),
        (r#"Bearer error="INVALID_TOKEN""#, UnknownError),
        (r#"Bearerx error="insufficient_scope""#, OtherScheme),
        (r#"Bearer-Token error="insufficient_scope""#, OtherScheme),
        (r#"XBearer error="insufficient_scope""#, OtherScheme),
    ]);
}

#[test]
fn values_may_be_tokens_or_quoted_and_escaped_and_hold_commas() {
    assert_table(&[
        ("Bearer error=insufficient_scope", InsufficientScope),
        ("Bearer error=invalid_token", Refresh),
        (r#"Bearer error="insufficient\_scope""#, InsufficientScope),
        (r#"Bearer realm="a, b", error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm="Basic realm=\"x\", Negotiate", error="invalid_request""#, InvalidRequest),
        (r#"Bearer realm="a\\", error="invalid_request""#, InvalidRequest),
        (r#"Bearer realm="\"", error="insufficient_scope", scope="x""#, InsufficientScope),
        // What stands inside a string is not a parameter.
        (r#"Bearer realm="error=\"insufficient_scope\"""#, Refresh),
        (r#"Bearer realm=", error=insufficient_scope, ""#, Refresh),
        (r#"Basic realm="Bearer error=insufficient_scope""#, OtherScheme),
        (r#"Basic realm=", Bearer error=insufficient_scope""#, OtherScheme),
    ]);
}

#[test]
fn several_challenges_in_a_line_are_told_apart() {
    assert_table(&[
        (r#"Basic realm="x", Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="insufficient_scope", Basic realm="x""#, InsufficientScope),
        (r#"Basic realm="x", charset="UTF-8", Bearer realm="y", error="invalid_request""#, InvalidRequest),
        (r#"Bearer, Basic realm="x""#, Refresh),
        (r#"Basic, Bearer"#, Refresh),
        (r#"Bearer,Negotiate"#, Refresh),
        // The error belongs to the other scheme.
        (r#"Bearer realm="x", DPoP error="insufficient_scope""#, Refresh),
        (r#"DPoP error="invalid_token", algs="ES256", Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Basic realm="x", Digest realm="y", error="insufficient_scope""#, OtherScheme),
    ]);
}

#[test]
fn a_scheme_with_a_token68_beside_ours_does_not_hide_it() {
    assert_table(&[
        ("Negotiate YIIBhgYGKwYBBQUCoIIBejCCAXagDTALBgkqhkiG9xIBAgKhAwIBAKI=", OtherScheme),
        (r#"Negotiate YIIBhg==, Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="insufficient_scope", Negotiate YIIBhg=="#, InsufficientScope),
        (r#"NTLM TlRMTVNTUAAC/+a==, Negotiate oYG2, Bearer realm="x", error="invalid_request""#, InvalidRequest),
        ("Negotiate abc=, Bearer", Refresh),
        ("Bearer abc123==", Refresh),
    ]);
}

#[test]
fn empty_list_members_and_odd_spaces_change_nothing() {
    assert_table(&[
        (r#", Bearer error="insufficient_scope""#, InsufficientScope),
        (r#",,, Basic realm="x" ,, ,Bearer ,error="insufficient_scope",,"#, InsufficientScope),
        (r#"  Bearer   error="insufficient_scope"  "#, InsufficientScope),
        ("Bearer\terror=\"insufficient_scope\"", InsufficientScope),
        ("Bearer realm=\"x\"\t,\terror=\"insufficient_scope\"", InsufficientScope),
        (r#"Bearer error = "insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm = "x" , error = "insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm="x", error ="invalid_request", Basic realm= "y""#, InvalidRequest),
    ]);
}

/// The symptom: a header with an empty member between two challenges took the whole request down.
#[test]
fn an_empty_member_between_two_challenges_does_not_panic() {
    assert_table(&[("Bearer,Bearer,, Bearer", Refresh), ("Basic, ,Negotiate", OtherScheme), ("a,,b", OtherScheme)]);
}

#[test]
fn several_header_lines_are_read_together() {
    assert_means(&["Basic", r#"Bearer error="insufficient_scope""#], InsufficientScope);
    assert_means(&[r#"Bearer error="insufficient_scope""#, "Basic"], InsufficientScope);
    assert_means(&["Basic", "Negotiate abc=", "Digest realm=x"], OtherScheme);
    assert_means(&["Basic", "Bearer"], Refresh);
}

#[test]
fn of_several_bearer_challenges_the_one_that_forbids_a_refresh_is_believed() {
    assert_means(&[r#"Bearer error="invalid_token""#, r#"Bearer error="insufficient_scope""#], InsufficientScope);
    assert_means(&[r#"Bearer error="insufficient_scope""#, r#"Bearer error="invalid_token""#], InsufficientScope);
    assert_means(&[r#"Bearer realm="a", Bearer error="invalid_request""#], InvalidRequest);
    assert_means(&["Bearer", "Bearer"], Refresh);
}

/// Never an error, never a panic; what cannot be read says nothing.
#[test]
fn what_cannot_be_read_carries_no_information() {
    assert_table(&[
        (r#"Bearer realm="never closed"#, Refresh),
        (r#"Bearer error="insufficient_scope"#, Refresh),
        ("Bearer error=", Refresh),
        ("Bearer =", Refresh),
        ("Bearer realm=\"x\\", Refresh),
        ("Bearer @@@@", Refresh),
    ]);
}

#[test]
fn other_headers_are_not_looked_at() {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_static(r#"Bearer error="insufficient_scope""#);
    headers.insert(http::header::PROXY_AUTHENTICATE, value.clone());
    headers.insert(http::header::AUTHORIZATION, value);
    assert_eq!(judge(&headers), Refresh);
}

fn said(lines: &[&str]) -> Challenge {
    let bytes: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
    read(&headers(&bytes))
}

/// RFC 9470 §3
#[test]
fn what_a_stronger_authentication_needs_is_told() {
    let line = r#"Bearer error="insufficient_user_authentication",
        error_description="A different authentication level is required", acr_values="myACR phr", max_age="5""#;
    let challenge = said(&[&line.replace('\n', "")]);
    assert_eq!(challenge.meaning(), InsufficientAuthentication);
    assert_eq!(challenge.error(), Some("insufficient_user_authentication"));
    assert_eq!(challenge.error_description(), Some("A different authentication level is required"));
    assert_eq!((challenge.acr_values(), challenge.max_age()), (Some("myACR phr"), Some(Duration::from_secs(5))));
    assert_eq!((challenge.scope(), challenge.claims(), challenge.resource_metadata()), (None, None, None));
}

#[test]
fn an_age_is_a_number_of_seconds_and_never_too_large() {
    for (text, age) in [
        ("0", Some(0)),
        ("60", Some(60)),
        ("99999999999999999999999", Some(u64::MAX)),
        ("-1", None),
        ("1.5", None),
        ("\"\"", None),
        ("soon", None),
    ] {
        assert_eq!(said(&[&format!("Bearer max_age={text}")]).max_age(), age.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn a_missing_scope_is_named() {
    let challenge = said(&["Basic", r#"Bearer realm="x", error="insufficient_scope", scope="read write""#]);
    assert_eq!((challenge.meaning(), challenge.scope()), (InsufficientScope, Some("read write")));
}

/// As Entra ID sends it, with its own code and, for an evaluation in between, with RFC 6750's.
#[test]
fn claims_are_handed_on_and_no_reason_to_refresh() {
    for error in [r#"error="insufficient_claims", "#, r#"error="invalid_token", "#, ""] {
        let line = format!(r#"Bearer realm="", {error}authorization_uri="https://x", claims="eyJhIjoxfQ==""#);
        let challenge = said(&[&line]);
        assert_eq!((challenge.meaning(), challenge.claims()), (ClaimsRequired, Some("eyJhIjoxfQ==")), "{error}");
    }
    assert_means(&[r#"Bearer error="insufficient_claims""#], ClaimsRequired);
    assert_means(&[r#"Bearer error="insufficient_scope", claims="x""#], InsufficientScope);
}

/// RFC 9728 §5.1
#[test]
fn where_a_resource_describes_itself_is_a_refresh_like_any_other() {
    let challenge =
        said(&[r#"Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#]);
    assert_eq!(challenge.meaning(), Refresh);
    let address = "https://api.example.com/.well-known/oauth-protected-resource";
    assert_eq!(challenge.resource_metadata(), Some(address));
}

#[test]
fn texts_are_unescaped_cleaned_and_cut() {
    let long = "x".repeat(5000);
    let challenge = said(&[&format!("Bearer error_description=\"a \\\"b\\\"\tc{long}\"")]);
    let text = challenge.error_description().unwrap();
    assert!(text.starts_with("a \"b\"cxxx"), "{text}");
    assert_eq!(text.len(), 1000);
}

#[test]
fn of_two_parameters_of_one_name_the_first_counts() {
    assert_eq!(said(&["Bearer scope=a, Scope=b"]).scope(), Some("a"));
}

#[test]
fn nothing_a_server_says_is_shown_by_debug() {
    let challenge = said(&[r#"Bearer error="canary", error_description="canary", scope="canary", claims="canary""#]);
    let shown = format!("{challenge:?} {challenge:#?}");
    assert!(shown.contains("claims") && !shown.contains("canary"), "{shown}");
}

/// A challenge of a generated header: how it is written, and what it means (`None`: not ours).
fn challenges() -> impl Strategy<Value = (String, Option<Meaning>)> {
    let codes = select(vec![
        ("invalid_token", Refresh),
        ("insufficient_scope", InsufficientScope),
        ("invalid_request", InvalidRequest),
        ("insufficient_user_authentication", InsufficientAuthentication),
        ("something_else", UnknownError),
    ]);
    let space = || select(vec!["", "", " ", "\t", "  "]);
    let other = select(vec![
        r#"realm="plain""#,
        r#"realm="with, comma""#,
        r#"realm="with \"quotes\", and \\ more""#,
        "algs=ES256",
        r#"scope="a b c""#,
        r#"realm="Bearer error=\"invalid_request\"""#,
    ]);
    let error = (codes, any::<bool>(), space(), space()).prop_map(|((code, meaning), quoted, before, after)| {
        let value = if quoted { format!("\"{code}\"") } else { code.to_owned() };
        (format!("error{before}={after}{value}"), meaning)
    });
    let empty = select(vec!["", "", "", ", ", ",,"]);
    let params = (vec(other, 0..3), proptest::option::of(error), vec(other_comma(), 4), empty);
    let params = params.prop_map(|(others, error, commas, empty)| {
        let meaning = error.as_ref().map_or(Refresh, |(_, meaning)| *meaning);
        let members: Vec<String> = others.into_iter().map(str::to_owned).chain(error.map(|(text, _)| text)).collect();
        let text = members.iter().zip(commas).fold(String::new(), |text, (member, comma)| {
            if text.is_empty() { member.clone() } else { text + comma + member }
        });
        (empty.to_owned() + &text, meaning)
    });
    let params = params.boxed();
    let ours = (select(vec!["Bearer", "bearer", "BEARER"]), params.clone())
        .prop_map(|(scheme, (params, meaning))| (format!("{scheme} {params}").trim_end().to_owned(), Some(meaning)));
    let theirs = (select(vec!["Basic", "DPoP", "Digest"]), params)
        .prop_map(|(scheme, (params, _))| (format!("{scheme} {params}").trim_end().to_owned(), None));
    let token68 =
        select(vec!["Negotiate", "Negotiate YII/+a==", "NTLM abcd="]).prop_map(|text| (text.to_owned(), None));
    prop_oneof![2 => ours, 1 => theirs, 1 => token68]
}

fn other_comma() -> impl Strategy<Value = &'static str> {
    select(vec![",", ", ", " , ", ",, ", "\t,\t"])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(lines in vec(vec(any::<u8>(), 0..80), 0..4)) {
        let mut headers = HeaderMap::new();
        for value in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append(WWW_AUTHENTICATE, value);
        }
        let _ = judge(&headers);
    }

    #[test]
    fn arbitrary_syntax_never_panics(line in r#"([ ,="\\\t]|Bearer|error|realm|Basic|invalid_token|[a-z0-9/+~é]){0,40}"#) {
        if let Ok(value) = HeaderValue::from_bytes(line.as_bytes()) {
            let _ = judge(&HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]));
        }
    }

    /// Whatever order, spaces, quotes and company: what is written legally is read rightly.
    #[test]
    fn any_list_of_challenges_means_what_its_bearer_challenges_mean(
        challenges in vec(challenges(), 1..5),
        commas in vec(other_comma(), 5),
        split in any::<bool>(),
    ) {
        let ours: Vec<Meaning> = challenges.iter().filter_map(|(_, meaning)| *meaning).collect();
        let first_no = ours.iter().find(|meaning| **meaning != Refresh);
        let expected = match (first_no, ours.first()) {
            (Some(forbidden), _) => *forbidden,
            (None, Some(_)) => Refresh,
            (None, None) => OtherScheme,
        };
        let texts: Vec<&str> = challenges.iter().map(|(text, _)| text.as_str()).collect();
        if split {
            assert_means(&texts, expected);
        } else {
            let line = texts.iter().zip(commas).fold(String::new(), |line, (text, comma)| {
                if line.is_empty() { (*text).to_owned() } else { line + comma + text }
            });
            assert_means(&[&line], expected);
        }
    }
}
