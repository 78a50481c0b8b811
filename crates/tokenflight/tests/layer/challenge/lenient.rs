//! What real servers send beside the grammar of RFC 9110 §11.6.1, and what hostile ones may.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use tokenflight::bearer::challenge::{Meaning, judge, read};

use super::{assert_means, assert_table, headers, said};
use Meaning::{
    ClaimsRequired, InsufficientAuthentication, InsufficientScope, InvalidRequest, OtherScheme, Refresh, UnknownError,
};

/// oauthlib#676, django-oauth-toolkit#997
#[test]
fn a_comma_after_the_scheme_does_not_end_the_challenge() {
    assert_table(&[
        (r#"Bearer, error="invalid_token", error_description="The access token is expired""#, Refresh),
        (r#"Bearer, error=invalid_token, error_description=expired"#, Refresh),
        (r#"Bearer, realm="api""#, Refresh),
        (r#"Bearer,error="invalid_token""#, Refresh),
        (r#"Bearer, error="insufficient_scope", scope="write""#, InsufficientScope),
        (r#"Basic realm="x", Bearer, error="invalid_token""#, Refresh),
        (r#"Bearer, error="invalid_token", Basic realm="x""#, Refresh),
        (r#"Bearer , error="invalid_token""#, Refresh),
        (r#"Bearer ,error="invalid_request""#, InvalidRequest),
    ]);
}

/// jetty.project#14008
#[test]
fn parameters_may_lack_the_commas_between_them() {
    assert_table(&[
        (r#"Bearer realm="api" error="invalid_client" error_description="No description""#, UnknownError),
        (r#"Bearer realm="api" error="invalid_token""#, Refresh),
        (r#"Bearer realm="api" error="insufficient_scope" scope="write""#, InsufficientScope),
        (r#"Bearer realm="api"error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="invalid_request" error_description="two tokens""#, InvalidRequest),
        (r#"Bearer realm="api"; error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer; error="insufficient_scope""#, InsufficientScope),
        (r#"Basic realm="x" Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Basic realm=x Bearer error="insufficient_scope""#, InsufficientScope),
    ]);
}

#[test]
fn bytes_outside_ascii_are_text() {
    for (head, expected) in [
        (r#"Bearer error="insufficient_scope", error_description=""#, InsufficientScope),
        (
            r#"Bearer error="insufficient_user_authentication", acr_values="mfa", error_description=""#,
            InsufficientAuthentication,
        ),
        (r#"Bearer error="insufficient_claims", claims="e30=", error_description=""#, ClaimsRequired),
    ] {
        let line = [head.as_bytes(), "Área no válida".as_bytes(), b"\""].concat();
        assert_eq!(judge(&headers(&[&line])), expected, "{head}");
    }
    let latin1: &[u8] = b"Bearer realm=\"caf\xe9\", error=\"insufficient_scope\"";
    assert_eq!(judge(&headers(&[latin1])), InsufficientScope);
    assert_eq!(said(&["Bearer error_description=\"\u{20ac} 5\""]).error_description(), Some("\u{20ac} 5"));
}

/// azure-activedirectory-library-for-objc#177
#[test]
fn values_that_are_no_tokens_may_lack_their_quotes() {
    assert_table(&[
        (r#"Bearer authorization_uri=https://as.example/oauth2/authorize"#, Refresh),
        (
            r#"Bearer authorization_uri=https://as.example/authorize, error=insufficient_claims, claims="e30=""#,
            ClaimsRequired,
        ),
        (
            r#"Bearer resource_metadata=https://api.example/.well-known/oauth-protected-resource, error="insufficient_scope""#,
            InsufficientScope,
        ),
        (r#"Bearer error=insufficient_scope, scope=files:read files:write"#, InsufficientScope),
        (r#"Bearer scope=files:read, files:write, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="insufficient_scope", error_description='no'"#, InsufficientScope),
        (r#"Bearer error='insufficient_scope', error_description='don't, please'"#, InsufficientScope),
        (r#"Bearer error_description='expired, sorry', error='invalid_request'"#, InvalidRequest),
        (r#"Bearer error_description=expired, please log in, error=invalid_request"#, InvalidRequest),
        (r#"Bearer error_description=expired, sorry, error=invalid_request"#, InvalidRequest),
    ]);
    let line = r#"Bearer resource_metadata=https://api.example/metadata, error="invalid_token""#;
    let challenge = said(&[line]);
    assert_eq!(challenge.error(), Some("invalid_token"));
    assert_eq!(challenge.resource_metadata(), Some("https://api.example/metadata"));
    assert_eq!(said(&["Bearer error='invalid_token'"]).error(), Some("invalid_token"));
}

#[test]
fn a_parameter_that_cannot_be_read_hides_no_other() {
    assert_table(&[
        (r#"Bearer realm="never closed, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="insufficient_scope", realm="never closed"#, InsufficientScope),
        (r#"Bearer error_description="The "aud" claim, is bad", error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer "a string" @@@, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="", error_description="""#, Refresh),
        (r#"Bearer error=, realm="x""#, Refresh),
    ]);
}

#[test]
fn a_line_without_a_scheme_says_nothing() {
    assert_table(&[
        (r#"error="invalid_token", error_description="expired""#, Refresh),
        (r#"error="insufficient_scope""#, Refresh),
        (r#""Bearer realm=\"x\"""#, Refresh),
        ("@@@", Refresh),
        ("=", Refresh),
    ]);
    // And does not hide what another line says.
    assert_means(&[r#"error="x""#, r#"Bearer error="insufficient_scope""#], InsufficientScope);
}

#[test]
fn a_scheme_ends_where_its_token_characters_end() {
    assert_table(&[
        (r#"Bearer: error="invalid_token""#, Refresh),
        (r#"Bearer: error="insufficient_scope""#, InsufficientScope),
        (r#"Basic: realm="x""#, OtherScheme),
        (r#"OAuth "Facebook Platform" "invalid_token" "Session has expired""#, OtherScheme),
        (r#"Bearer:error="insufficient_scope", scope="write""#, InsufficientScope),
        (r#"Bearer:error=insufficient_scope"#, InsufficientScope),
        ("Bearer\u{a0}error=\"insufficient_scope\"", InsufficientScope),
        ("Bearer\u{a0}\u{a0}realm=x, error=\"insufficient_scope\"", InsufficientScope),
        (r#"Bearer=error="insufficient_scope""#, Refresh),
        (r#"Bearer;error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer;  error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer ,,,; error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer ="x", error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer(error="insufficient_scope")"#, Refresh),
        (r#"Bearer"x" error="insufficient_scope""#, InsufficientScope),
        (r#"Basic:realm="x""#, OtherScheme),
        ("Basic\u{a0}realm=\"x\"", OtherScheme),
    ]);
    let latin1: &[u8] = b"Bearer\xa0error=\"insufficient_scope\"";
    assert_eq!(judge(&headers(&[latin1])), InsufficientScope);
}

/// What is no challenge says nothing, and a refresh is tried: one in vain costs little, and the
/// other mistake all requests until a person logs in.
#[test]
fn prose_and_a_bare_error_code_are_no_scheme() {
    assert_table(&[
        ("The access token expired", Refresh),
        ("Access token has expired.", Refresh),
        ("Invalid or expired token, please log in", Refresh),
        ("invalid_token", Refresh),
        ("expired_token", Refresh),
        ("Token @@@", Refresh),
        (r#"The token "abc" is not valid"#, Refresh),
        (r#"The access token expired, Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"The access token expired error="insufficient_scope""#, Refresh),
    ]);
    // A scheme has nothing, parameters, strings or one token68 behind it.
    assert_table(&[
        ("Negotiate", OtherScheme),
        ("Negotiate abc", OtherScheme),
        ("Negotiate abc ", OtherScheme),
        ("Negotiate abc , Basic", OtherScheme),
        ("Negotiate abc== NTLM", OtherScheme),
        (r#"Negotiate abc== Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Negotiate abc Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Negotiate abc realm="x""#, OtherScheme),
        ("Token expired", OtherScheme),
        (r#"Basic realm = "x""#, OtherScheme),
        (r#"Basic realm=x y z"#, OtherScheme),
        (r#"Basic "x" y z"#, OtherScheme),
    ]);
    assert_means(&["Basic", "The access token expired"], OtherScheme);
    assert_means(&["The access token expired", r#"Bearer error="insufficient_scope""#], InsufficientScope);
}

/// As they are found in the wild, or one slip away from it.
#[test]
fn slips_of_the_pen_hide_no_error() {
    assert_table(&[
        (r#"Bearer error_description="say "please"", error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error="insufficient_scope"scope="write""#, InsufficientScope),
        (r#"Bearer error=insufficient_scope; scope=write"#, InsufficientScope),
        (r#"Bearer error_description=it's over, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error_description='it's over', error='insufficient_scope'"#, InsufficientScope),
        (r#"Bearer realm=My API, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm=, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm="a" , error="insufficient_scope" , Basic realm="b""#, InsufficientScope),
        (r#"Bearer error_description="ends in a backslash\", error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer realm="x" Bearer error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer abc.def.ghi, error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer abc.def.ghi error="insufficient_scope""#, InsufficientScope),
        (r#"Bearer error=%22insufficient_scope%22"#, UnknownError),
        (r#"Bearer error:"insufficient_scope""#, Refresh),
    ]);
}

/// RFC 9728 §5.1 leaves the scheme open.
#[test]
fn some_parameters_are_read_from_any_scheme() {
    let line = r#"DPoP error="invalid_token", scope="a b", resource_metadata="https://api.example/m", algs="ES256""#;
    let challenge = said(&[line]);
    assert_eq!(
        (challenge.meaning(), challenge.error(), challenge.scope()),
        (OtherScheme, Some("invalid_token"), Some("a b"))
    );
    assert_eq!(challenge.resource_metadata(), Some("https://api.example/m"));
    let challenge = said(&["Negotiate", r#"Token, error="expired""#]);
    assert_eq!((challenge.meaning(), challenge.error()), (OtherScheme, Some("expired")));
    // Beside a Bearer challenge only what is about the resource.
    let challenge = said(&[r#"Bearer realm="x""#, line]);
    assert_eq!((challenge.meaning(), challenge.error(), challenge.scope()), (Refresh, None, None));
    assert_eq!(challenge.resource_metadata(), Some("https://api.example/m"));
}

/// Each of these took seconds, or would with one careless search.
#[test]
#[allow(clippy::disallowed_methods)] // The time it takes is what is tested.
fn reading_takes_linear_time_and_stops_after_8_kib() {
    let length = 256 << 10;
    let repeated = |part: &str| part.repeat(length / part.len());
    #[rustfmt::skip]
    let parts = [
        ",", ", ", "\"", "x='a ", "x=\"a ", "a ", "a, ", "\\\"", "x=\"\\", "Bearer ", "Bearer,",
        "a=b,", "= ", "Bearer:", "b=\"\"a a a", "a:", "\u{a0}", "\"a a a", "\"a\"b ",
    ];
    for part in parts {
        let value = format!("Bearer x=y{}", repeated(part));
        let headers = HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::try_from(value).unwrap())]);
        let began = Instant::now();
        let _ = read(&headers);
        assert!(began.elapsed() < Duration::from_millis(100), "{part:?}: {:?}", began.elapsed());
    }
    let late = |blanks: usize| format!("Bearer realm=x, {}error=insufficient_scope", " ".repeat(blanks));
    assert_means(&[&late(8_000)], InsufficientScope);
    assert_means(&[&late(8_200)], Refresh);
    // Not even by halves: a code that is cut off would be another one.
    for blanks in 8_150..8_192 {
        assert!(judge(&headers(&[late(blanks).as_bytes()])) != UnknownError, "{blanks}");
    }
    let lines = vec!["Basic"; 3_000];
    assert_means(&[&lines[..], &[r#"Bearer error="insufficient_scope""#]].concat(), OtherScheme);
}
