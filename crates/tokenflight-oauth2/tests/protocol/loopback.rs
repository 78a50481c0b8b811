//! The port that a browser is sent back to: what it takes for the answer, and what it survives.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{browser::query, prelude::*};

struct Waiting {
    redirect: String,
    state: String,
    login: CodeLogin,
    loopback: Loopback,
}

fn waiting(loopback: Loopback) -> Waiting {
    let endpoint = TokenEndpoint::new("https://as.example/token", client()).unwrap().client(ClientAuth::public("me"));
    let redirect = loopback.redirect_uri();
    let login = CodeLogin::start(&endpoint, "https://as.example/authorize", &redirect, None).unwrap();
    let state = query(login.url(), "state").unwrap();
    Waiting { redirect, state, login, loopback }
}

pub(crate) fn authority(redirect: &str) -> &str {
    redirect.strip_prefix("http://").unwrap().split('/').next().unwrap()
}

pub(crate) async fn browse(redirect: &str, method: &str, path: &str, headers: &str) -> String {
    let authority = authority(redirect);
    let headers =
        if headers.contains("host:") { headers.to_owned() } else { format!("host: {authority}\r\n{headers}") };
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text).await;
    text
}

#[tokio::test]
async fn a_refusal_without_a_state_reaches_the_page_and_the_program() {
    let Waiting { redirect, login, loopback, .. } = waiting(Loopback::bind().await.unwrap());
    let page = browse(&redirect, "GET", "/callback?error=access_denied&error_description=%3Cb%3ENo%3C/b%3E", "");
    let (callback, page) = tokio::join!(loopback.answer(&login), page);
    assert!(page.contains("access_denied (<b>No</b>)") && page.contains("content-type: text/plain"), "{page}");
    let callback = callback.unwrap();
    assert_eq!(callback.denial().unwrap().code(), "access_denied");
    assert!(matches!(login.finish(callback).await, Err(LoginError::Denied(_))));
}

#[tokio::test]
async fn a_preflight_is_answered_and_is_not_the_callback() {
    let Waiting { redirect, state, login, loopback } = waiting(Loopback::bind().await.unwrap());
    let path = format!("/callback?code=c&state={state}&realmId=7");
    let asks = "origin: https://as.example\r\naccess-control-request-method: GET\r\naccess-control-request-private-network: true\r\n";
    let browser = async {
        let first = browse(&redirect, "OPTIONS", &path, asks).await.to_lowercase();
        assert!(
            first.starts_with("http/1.1 204 ") && first.contains("access-control-allow-private-network: true"),
            "{first}"
        );
        assert!(first.contains("access-control-allow-origin: https://as.example"), "{first}");
        for method in ["HEAD", "POST", "PUT"] {
            assert!(browse(&redirect, method, &path, "content-length: 0\r\n").await.starts_with("HTTP/1.1 405 "));
        }
        assert!(browse(&redirect, "GET", &path, "").await.contains("answer has arrived"));
    };
    let (callback, ()) = tokio::join!(loopback.answer(&login), browser);
    assert_eq!(callback.unwrap().get("realmId"), Some("7"));
}

/// What comes from elsewhere does not end the wait: a name that was pointed at this machine, and a
/// script of another page.
#[tokio::test]
async fn requests_from_elsewhere_are_refused_and_the_wait_goes_on() {
    let Waiting { redirect, state, login, loopback } = waiting(Loopback::bind().await.unwrap());
    let path = format!("/callback?code=c&state={state}");
    let browser = async {
        for host in ["evil.example", "127.0.0.1", "127.0.0.1:1"] {
            let page = browse(&redirect, "GET", &path, &format!("host: {host}\r\n")).await;
            assert!(page.starts_with("HTTP/1.1 421 "), "{host}: {page}");
        }
        let script = "sec-fetch-mode: no-cors\r\nsec-fetch-site: cross-site\r\n";
        let page = browse(&redirect, "GET", "/callback?error=access_denied", script).await;
        assert!(page.starts_with("HTTP/1.1 404 "), "{page}");
        assert!(
            browse(&redirect, "GET", "/callback?error=access_denied&state=guessed", "")
                .await
                .starts_with("HTTP/1.1 404 ")
        );
        let port = authority(&redirect).rsplit_once(':').unwrap().1;
        browse(&redirect, "GET", &path, &format!("host: LOCALHOST:{port}\r\n")).await
    };
    let (callback, page) = tokio::join!(loopback.answer(&login), browser);
    assert!(callback.is_ok() && page.contains("answer has arrived"));
}

/// Many connections that say nothing, and some that are given up, keep no browser out.
#[tokio::test]
async fn idle_connections_do_not_keep_the_browser_out() {
    let Waiting { redirect, state, login, loopback } = waiting(Loopback::bind().await.unwrap());
    let browser = async {
        let mut idle = Vec::new();
        for _ in 0..200 {
            idle.push(TcpStream::connect(authority(&redirect)).await.unwrap());
        }
        idle.truncate(100);
        browse(&redirect, "GET", &format!("/callback?code=c&state={state}"), "").await
    };
    let (callback, page) = tokio::join!(loopback.answer(&login), browser);
    assert!(callback.is_ok() && page.contains("answer has arrived"));
}

/// A process of its own, which runs out of descriptors.
#[cfg(unix)]
#[test]
fn a_process_without_descriptors_still_gets_its_answer() {
    let test = "loopback::with_few_descriptors";
    let run = format!("ulimit -n 48 && exec '{}' --exact {test} --ignored", std::env::current_exe().unwrap().display());
    let output = std::process::Command::new("sh").args(["-c", &run]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("1 passed"), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn with_few_descriptors() {
    let Waiting { redirect, state, login, loopback } = waiting(Loopback::bind().await.unwrap());
    // The browser is connected before the last descriptor is gone.
    let mut browser = TcpStream::connect(authority(&redirect)).await.unwrap();
    let mut taken = Vec::new();
    let full = loop {
        match std::fs::File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => break error,
        }
    };
    assert!(full.raw_os_error().is_some(), "out of descriptors: {full}");
    let browsing = async {
        // Long enough for several failures to accept.
        #[allow(clippy::disallowed_methods)]
        tokio::time::sleep(Duration::from_millis(350)).await;
        taken.clear();
        let host = authority(&redirect);
        let asks = format!("GET /callback?code=c&state={state} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        browser.write_all(asks.as_bytes()).await.unwrap();
        let mut page = String::new();
        browser.read_to_string(&mut page).await.unwrap();
        page
    };
    let (callback, page) = tokio::join!(loopback.answer(&login), browsing);
    assert!(callback.is_ok() && page.contains("answer has arrived"));
}

#[tokio::test]
async fn the_redirect_uri_is_what_was_registered() {
    let taken = Loopback::bind().await.unwrap();
    let port: u16 = authority(&taken.redirect_uri()).rsplit_once(':').unwrap().1.parse().unwrap();
    let options = || Loopback::options().host("localhost").path("/oauth/done");
    assert!(matches!(options().ports([port]).bind().await, Err(LoginError::Io(_))));
    let free = options().ports([port, 0]).bind().await.unwrap();
    let redirect = free.redirect_uri();
    assert!(redirect.starts_with("http://localhost:") && redirect.ends_with("/oauth/done"), "{redirect}");
    let six = Loopback::options().address("::1".parse().unwrap()).bind().await;
    assert!(six.is_err() || six.unwrap().redirect_uri().starts_with("http://[::1]:"));
    for wrong in [
        Loopback::options().address("0.0.0.0".parse().unwrap()),
        Loopback::options().path("callback"),
        Loopback::options().path("/a?b"),
        Loopback::options().host("a/b"),
        Loopback::options().host("a:1"),
        Loopback::options().ports([]),
    ] {
        assert!(matches!(wrong.clone().bind().await, Err(LoginError::Io(_))), "{wrong:?}");
    }
}
