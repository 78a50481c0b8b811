//! What cannot be listed as an origin, and what the error shows of it.

use crate::fixture::*;

#[test]
fn a_wildcard_is_an_error_of_its_own() {
    for origin in ["https://*.example.com", "https://*", "*", "https://api.*.com:443", "*.example.com"] {
        assert_eq!(Origins::new([origin]), Err(OriginError::Wildcard(origin.to_owned())));
    }
}

#[test]
fn no_error_repeats_a_user_name_a_password_or_what_may_be_a_secret() {
    let origins = "
        https://canary:canary@api.example.com https://canary@api.example.com/path
        http://canary:can/ary?canary@api.example.com canary:canary@api.example.com
        https://canary@*.example.com https://api.example.com/canary
        https://api.example.com?key=canary https://api.example.com/a#canary ftp://canary@host/canary
    ";
    for origin in origins.split_whitespace() {
        let error = Origins::with_plain_loopback([origin]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("canary") && !shown.contains("ary"), "{shown}");
        assert!(shown.contains("host") || shown.contains("example.com"), "{shown}");
    }
}

/// What stands before `://` is a scheme only if it may be one (RFC 3986 §3.1), and a port a number.
#[test]
fn an_error_about_an_origin_shows_no_password_wherever_it_stands() {
    for origin in [
        "alice:hunter2@api.example.com/?next=https://x.example",
        "alice:hunter2@api.example.com://",
        "alice:hunter2/://api.example.com",
        "https:alice:hunter2@api.example.com",
        "https:/alice:hunter2@api.example.com",
        "//alice:hunter2@api.example.com",
        "https://alice:hunter2@api.example.com@evil",
        "https://api.example.com?password=hunter2",
        "https://api.example.com#hunter2",
        "https://api.example.com\\hunter2",
        "https://api.example.com hunter2",
        "https://alice:hunter2",
        "alice:hunter2",
        "https://[::1]:hunter2",
        "https://[::1:hunter2",
        "https://[hunter2]",
        "https://api.example.com/?mail=alice@hunter2",
    ] {
        let error = Origins::new([origin]).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    // And what is wrong can still be seen.
    for origin in
        ["ftp://api.example.com", "https://api.example.com:99999", "https://[::1]:x", "https://bücher.example/"]
    {
        let shown = Origins::new([origin]).unwrap_err().to_string();
        let host = &origin[..origin.len() - 1];
        assert!(shown.contains(host), "{shown}");
    }
}

/// `http::Uri` drops it in silence.
#[test]
fn an_origin_with_a_fragment_is_no_origin() {
    for origin in ["https://api.example.com/#secret", "https://api.example.com#", "https://api.example.com/#"] {
        assert!(matches!(Origins::new([origin]), Err(OriginError::NotAnOrigin(_))), "{origin}");
    }
}

#[test]
fn the_error_for_plain_http_names_what_allows_it() {
    let error = Origins::new(["http://api.example.com"]).unwrap_err().to_string();
    assert!(error.contains("with_plain_loopback") && error.contains("dangerously_with_plain_http"), "{error}");
}

#[test]
fn what_is_no_origin_cannot_be_listed() {
    let broken = [
        "api.example.com",
        "api.example.com:443",
        "https://",
        "/",
        "",
        "https://api.example.com/path",
        "https://api.example.com/?query",
        "https://user@api.example.com",
        "https://:443",
        "https://api.example.com:99999",
        "https://api.example.com:x",
        "https://api.example.com..",
        "https://1.2.3.4.",
        "ftp://api.example.com",
        "https://a b",
    ];
    for origin in broken {
        assert!(matches!(Origins::new([origin]), Err(OriginError::NotAnOrigin(_))), "{origin}");
        assert!(Origins::new(["https://fine.example.com", origin]).is_err());
    }
    assert_eq!(Origins::new([""; 0]), Err(OriginError::Empty));
    assert_eq!(Origins::with_plain_loopback([""; 0]), Err(OriginError::Empty));
}
