//! Where tokens go: seen from outside, through the layer.

use std::sync::LazyLock;

use http_body_util::Empty;

use crate::{fixture::*, oracle::normalised};

use proptest::prelude::*;

static SESSION: LazyLock<Session> = LazyLock::new(|| {
    let session = Session::builder(MockGrant::new()).time(ManualTime::new(1)).build().unwrap();
    now(session.login(TokenSet::new("access").refresh_token("refresh"))).unwrap();
    session
});

/// Answers whether the request had a token.
fn had_token(request: Req) -> Ready<Result<Response<Empty<Bytes>>, Infallible>> {
    let mut response = Response::new(Empty::new());
    response.extensions_mut().insert(request.headers().contains_key(header::AUTHORIZATION));
    ready(Ok(response))
}

/// Whether the layer puts the token on a request to this URI with these `Host` headers.
fn sends_to(origins: &Origins, uri: &Uri, hosts: &[&str]) -> bool {
    let mut client = BearerLayer::new(SESSION.clone(), origins.clone()).layer(tower::service_fn(had_token));
    let mut request = Request::get(uri.clone()).body(Default::default()).unwrap();
    for host in hosts {
        request.headers_mut().append(header::HOST, HeaderValue::try_from(*host).unwrap());
    }
    *now(client.call(request)).unwrap().extensions().get::<bool>().unwrap()
}

#[track_caller]
fn check(listed: &str, to: &[(&str, &[&str])], expected: bool) {
    check_with(&Origins::with_plain_loopback([listed]).unwrap(), listed, to, expected);
}

#[track_caller]
fn check_with(origins: &Origins, listed: &str, to: &[(&str, &[&str])], expected: bool) {
    for (uri, hosts) in to {
        // What is no URI goes nowhere.
        let Ok(parsed) = uri.parse() else {
            assert!(!expected, "{uri} is no URI");
            continue;
        };
        assert_eq!(sends_to(origins, &parsed, hosts), expected, "{listed} -> {uri}, Host {hosts:?}");
    }
}

const NONE: &[&str] = &[];

/// Without a `Host` header, to each of these URIs.
#[track_caller]
fn check_each(listed: &str, uris: &str, expected: bool) {
    for uri in uris.split_whitespace() {
        check(listed, &[(uri, NONE)], expected);
    }
}

#[test]
fn no_other_host_gets_the_token() {
    let others = "
        https://example.com/ https://evil.com/ https://api.example.com.evil.com/
        https://evil-api.example.com/ https://evilapi.example.com/ https://api.example.com-evil.com/
        https://api.example.comevil/ https://api.example.co/ https://sub.api.example.com/
        https://api_example.com/ https://api.example.com../ https://.api.example.com/
        https://evil.com/api.example.com https://evil.com/?https://api.example.com/
        https://evil.com/#@api.example.com/ https://evil.com:443/api.example.com:443
        https://api.example.com%2eevil.com/ https://api.example.com%00.evil.com/
        https://xn--api-example-com/ https://[::1]/ https://1.2.3.4/
    ";
    check_each("https://api.example.com", others, false);
}

#[test]
fn no_other_port_and_no_other_scheme_gets_the_token() {
    let others = "
        https://api.example.com:80/ https://api.example.com:8443/ https://api.example.com:4430/
        https://api.example.com:44/ https://api.example.com:0/ https://api.example.com:99999/
        https://api.example.com:+443/ https://api.example.com:-443/ https://api.example.com:0x1bb/
        https://api.example.com:443a/ http://api.example.com/ http://api.example.com:443/
        ftp://api.example.com:443/ wss://api.example.com/ httpss://api.example.com/
        https.://api.example.com/
    ";
    check_each("https://api.example.com", others, false);
    check(
        "https://api.example.com:8443",
        &[("https://api.example.com/", NONE), ("https://api.example.com:443/", NONE)],
        false,
    );
}

#[test]
fn no_user_name_gets_past() {
    let others = "
        https://api.example.com@evil.com/ https://api.example.com:443@evil.com/
        https://user@api.example.com/ https://user:password@api.example.com/ https://@api.example.com/
        https://evil.com@api.example.com/
    ";
    check_each("https://api.example.com", others, false);
}

/// The server may route by it.
#[test]
fn no_other_host_header_gets_past() {
    let uri = "https://api.example.com/";
    let others: [&[&str]; 9] = [
        &["evil.com"],
        &["api.example.com:8443"],
        &["api.example.com:99999"],
        &["user@api.example.com"],
        &["api.example.com.evil.com"],
        &["https://api.example.com"],
        &["api.example.com, evil.com"],
        &["api.example.com", "evil.com"],
        &[""],
    ];
    check("https://api.example.com", &others.map(|hosts| (uri, hosts)), false);
    let origins = Origins::new(["https://api.example.com", "https://evil.com"]).unwrap();
    assert!(!sends_to(&origins, &uri.parse().unwrap(), &["evil.com"]), "listed, but not the one that is spoken to");
}

#[test]
fn a_sole_destination_is_not_named_otherwise_by_a_host_header() {
    let others: [&[&str]; 6] = [
        &["evil.com"],
        &["api.example.com:8443"],
        &["user@api.example.com"],
        &[""],
        &["api.example.com", "evil.com"],
        &["api.example.com/"],
    ];
    let origins = Origins::sole("https://api.example.com").unwrap();
    check_with(&origins, "sole", &others.map(|hosts| ("/me", hosts)), false);
}

#[test]
fn every_spelling_of_the_origin_gets_the_token() {
    let same = "
        https://api.example.com https://api.example.com/ https://api.example.com:443/
        https://api.example.com:/ https://API.Example.COM/a?b https://api.example.com./
        https://api.example.com.:443/ HTTPS://api.example.com/ https://api.example.com?https://evil.com/
        https://api.example.com/@evil.com/ https://api.example.com:0443/
    ";
    for listed in ["https://api.example.com", "https://api.example.com:443/", "https://API.example.com."] {
        check_each(listed, same, true);
    }
    let hosts: [&[&str]; 4] =
        [&["api.example.com"], &["API.example.com:443"], &["api.example.com."], &["api.example.com"; 2]];
    check("https://api.example.com", &hosts.map(|hosts| ("https://api.example.com/", hosts)), true);
}

#[test]
fn a_request_without_an_authority_gets_the_token_only_for_a_sole_destination() {
    let requests: [(&str, &[&str]); 4] =
        [("/me", NONE), ("*", NONE), ("/me", &["api.example.com"]), ("/me", &["API.example.com.:443"])];
    let sole = Origins::sole("https://api.example.com").unwrap();
    check_with(&sole, "sole", &requests, true);
    check("https://api.example.com", &requests, false);
    // A list of one in all other respects.
    check_with(&sole, "sole", &[("https://api.example.com/me", NONE)], true);
    check_with(&sole, "sole", &[("https://evil.com/me", NONE), ("http://api.example.com/me", NONE)], false);
}

#[test]
fn a_sole_destination_is_checked_as_a_list_is() {
    assert_eq!(Origins::sole("http://10.0.0.1:50051"), Err(OriginError::NotTls("http://10.0.0.1:50051".to_owned())));
    assert!(Origins::with_plain_loopback(["http://127.0.0.1:1"]).unwrap().as_sole().is_ok());
    assert!(Origins::dangerously_with_plain_http(["http://10.0.0.1:50051"]).unwrap().as_sole().is_ok());
    let two = Origins::new(["https://a.example.com", "https://b.example.com"]).unwrap();
    assert_eq!(two.as_sole(), Err(OriginError::NotSole));
}

#[test]
fn any_iterator_of_strings_is_a_list() {
    let strings: Vec<String> = vec!["https://a.example.com".to_owned()];
    let borrowed = Origins::new(&strings).unwrap();
    assert_eq!(borrowed, Origins::new(strings.clone()).unwrap());
    assert_eq!(borrowed, Origins::new(strings.iter().map(String::as_str)).unwrap());
    assert_eq!(borrowed, Origins::new(strings.into_iter().map(Box::<str>::from).collect::<Vec<_>>()).unwrap());
}

#[test]
fn one_origin_that_is_listed_twice_is_the_sole_one() {
    let twice = Origins::new(["https://api.example.com", "https://API.example.com:443/"]).unwrap();
    assert_eq!(twice.clone().as_sole(), Origins::sole("https://api.example.com"));
    check_with(&twice, "twice", &[("https://API.example.com:443/", NONE), ("https://api.example.com/", NONE)], true);
    let two = ["https://api.example.com", "https://api.example.com:444", "https://api.example.com"];
    assert_eq!(Origins::new(two).unwrap().as_sole(), Err(OriginError::NotSole));
}

#[test]
fn addresses_are_compared_as_addresses() {
    let same = "https://[2001:DB8::1]/ https://[2001:db8:0:0:0:0:0:1]:443/ https://[2001:0db8::0001]/";
    check_each("https://[2001:db8::1]", same, true);
    let others = "
        https://[2001:db8::2]/ https://[2001:db8::1]:8443/ https://[2001:db8::1%25eth0]/
        https://[2001:db8::1/ https://2001:db8::1/ https://[[2001:db8::1]]/
    ";
    check_each("https://[2001:db8::1]", others, false);
    check("https://1.2.3.4", &[("https://1.2.3.4:443/", NONE)], true);
    let others = "
        https://1.2.3.4./ https://1.2.3.4.evil.com/ https://16909060/ https://0x01020304/
        https://[::ffff:1.2.3.4]/
    ";
    check_each("https://1.2.3.4", others, false);
}

#[test]
fn plain_http_is_listed_for_loopback_only_and_only_when_asked_for() {
    let loopback =
        ["http://localhost:1", "http://LOCALHOST.", "http://127.0.0.1:8080", "http://127.8.9.1", "http://[::1]"];
    for origin in loopback {
        assert!(Origins::with_plain_loopback([origin]).is_ok(), "{origin}");
        assert_eq!(Origins::new([origin]), Err(OriginError::NotTls(origin.to_owned())));
    }
    let elsewhere = "
        http://api.example.com http://localhost.evil.com http://localhostx http://127.0.0.1.nip.io
        http://128.0.0.1 http://2130706433 http://0.0.0.0 http://[::] http://[::2]
        http://[::ffff:127.0.0.1]
    ";
    for origin in elsewhere.split_whitespace() {
        assert_eq!(Origins::with_plain_loopback([origin]), Err(OriginError::NotTls(origin.to_owned())));
    }
    check("http://127.0.0.1:8080", &[("https://127.0.0.1:8080/", NONE), ("http://127.0.0.1/", NONE)], false);
}

fn host() -> impl Strategy<Value = String> {
    let same = ["api.example.com", "API.example.COM", "api.example.com.", "[2001:db8::1]", "[2001:DB8:0::1]"];
    let others = ["example.com", "api.example.co", "xapi.example.com", "api.example.com..", "[2001:db8::2]", "1.2.3.4"];
    prop_oneof![
        4 => prop::sample::select(same.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(others.to_vec()).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9.\\[\\]:%_~!-]{0,20}",
    ]
}

fn authority() -> impl Strategy<Value = String> {
    let user = prop_oneof![5 => Just(String::new()), 1 => "[a-z.:]{0,6}@"];
    let port = prop_oneof![3 => Just(String::new()), 3 => Just(":443".to_owned()), 2 => ":[0-9+a]{0,6}"];
    (user, host(), port).prop_map(|(user, host, port)| format!("{user}{host}{port}"))
}

proptest! {
    /// Both ways: nothing else matches, and nothing that is the same is missed.
    #[test]
    fn a_token_goes_to_exactly_the_origins_that_are_the_same_after_normalisation(
        scheme in prop::sample::select(vec!["https", "https", "https", "HTTPS", "http", "ftp"]),
        authority in authority(),
        path in "[/?][a-z@:/?]{0,8}",
        listed in prop::sample::select(vec!["https://api.example.com", "https://api.example.com:444", "https://[2001:db8::1]"]),
    ) {
        let Ok(uri) = format!("{scheme}://{authority}{path}").parse::<Uri>() else { return Ok(()) };
        let authority = uri.authority().unwrap().as_str();
        let (_, listed_authority) = listed.split_once("://").unwrap();
        let same = normalised(uri.scheme_str().unwrap(), authority) == normalised("https", listed_authority);
        prop_assert_eq!(sends_to(&Origins::new([listed]).unwrap(), &uri, &[]), same);
    }

    #[test]
    fn a_host_header_never_widens_what_the_uri_allows(authority in authority(), host in authority()) {
        let Ok(uri) = format!("https://{authority}/").parse::<Uri>() else { return Ok(()) };
        let Ok(_) = HeaderValue::try_from(&host) else { return Ok(()) };
        let origins = Origins::new(["https://api.example.com"]).unwrap();
        let target = normalised("https", "api.example.com");
        if sends_to(&origins, &uri, &[&host]) {
            prop_assert_eq!(normalised("https", uri.authority().unwrap().as_str()), target.clone());
            prop_assert_eq!(normalised("https", &host), target);
        }
    }

    #[test]
    fn no_text_makes_the_list_or_the_lookup_panic(listed in "\\PC{0,40}", uri in "\\PC{0,40}", host in "[ -~]{0,20}") {
        let origins = Origins::with_plain_loopback([listed.as_str()])
            .or_else(|_| Origins::with_plain_loopback([format!("https://{listed}").as_str()]))
            .unwrap_or_else(|_| Origins::new(["https://api.example.com"]).unwrap());
        for uri in [uri.clone(), format!("https://{uri}"), format!("/{uri}")] {
            if let Ok(uri) = uri.parse() {
                let _ = sends_to(&origins, &uri, &[&host]);
            }
        }
    }
}
