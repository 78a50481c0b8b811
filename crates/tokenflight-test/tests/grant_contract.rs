//! The suites for grants and times: the good pass in process and over a socket, the bad are named.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, FailureClass, Grant, GrantError, Now, RefreshToken, Sleep, Time, TokenSet,
    grant::{Reason, TokenRequest},
};
use tokenflight_test::{AuthServer, ManualTime, auth::AuthGrant, contract};

/// What is wrong with a grant.
#[derive(Clone, Copy, Debug)]
#[rustfmt::skip]
enum Flaw {
    Retries, NeverMarksSent, CallsLossesUnsent, CallsLossesTerminal, EndsOnAnyRefusal,
    ShowsTheToken, MakesUpALifetime, RepeatsTheOldToken, DropsTheNewToken, SendsNothingness,
    TrimsTokens, ForgetsRetryAfter, TakesFailuresForSuccess, ForgetsTheCode,
}

struct Flawed(AuthGrant, Flaw);

impl Flawed {
    fn judge(&self, result: Result<TokenSet, GrantError>, request: &TokenRequest) -> Result<TokenSet, GrantError> {
        let old = || request.refresh_token().unwrap().expose().to_owned();
        let error = match (result, self.1) {
            (Ok(set), Flaw::MakesUpALifetime) => return Ok(set.expires_in(Duration::from_secs(60))),
            (Ok(set), Flaw::RepeatsTheOldToken) => return Ok(set.refresh_token(old())),
            (Ok(set), Flaw::DropsTheNewToken) => return Ok(TokenSet::new(set.access().expose())),
            (Ok(set), _) => return Ok(set),
            (Err(error), _) => error,
        };
        let (class, code) = (error.class(), error.error_code().unwrap_or_default().to_owned());
        Err(match self.1 {
            Flaw::CallsLossesUnsent if class == FailureClass::Ambiguous => GrantError::new(FailureClass::NotSent),
            Flaw::CallsLossesTerminal if class == FailureClass::Ambiguous => GrantError::terminal("lost"),
            Flaw::EndsOnAnyRefusal if class == FailureClass::Config => GrantError::terminal(&code),
            Flaw::ShowsTheToken => GrantError::new(class).code(&code).source(format!("while sending {}", old())),
            Flaw::ForgetsRetryAfter => GrantError::new(class).code(&code),
            Flaw::TakesFailuresForSuccess => return Ok(TokenSet::new("anything")),
            Flaw::ForgetsTheCode => GrantError::new(class),
            _ => error,
        })
    }
}

impl Grant for Flawed {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let token = request.refresh_token().map(|token| token.expose().to_owned());
            let changed = match (self.1, token) {
                (Flaw::SendsNothingness, None) => Some("none".to_owned()),
                (Flaw::TrimsTokens, Some(token)) => Some(token.replace('+', " ")),
                (_, token) => token,
            };
            let inner = TokenRequest::new(changed.map(RefreshToken::new), Reason::Due);
            request.mark_unsent();
            if !matches!(self.1, Flaw::NeverMarksSent) && inner.refresh_token().is_some() {
                request.mark_sent();
            }
            let mut result = self.0.request(&inner).await;
            if matches!(self.1, Flaw::Retries) && result.is_err() {
                result = self.0.request(&inner).await;
            }
            self.judge(result, request)
        })
    }
}

#[test]
fn the_grant_in_process_passes() {
    ManualTime::new(0).run(contract::grant(|auth| (auth.grant(), ())));
}

#[test]
fn every_flaw_of_a_grant_is_found_and_named() {
    for (flaw, expected) in [
        (Flaw::Retries, "submission"),
        (Flaw::NeverMarksSent, "counts as never sent"),
        (Flaw::CallsLossesUnsent, "is NotSent"),
        (Flaw::CallsLossesTerminal, "is Terminal"),
        (Flaw::EndsOnAnyRefusal, "invalid_client"),
        (Flaw::ShowsTheToken, "shows a token or a body"),
        (Flaw::MakesUpALifetime, "lifetime"),
        (Flaw::RepeatsTheOldToken, "rotated refresh token is lost"),
        (Flaw::DropsTheNewToken, "lifetime"),
        (Flaw::SendsNothingness, "without a refresh token"),
        (Flaw::TrimsTokens, "does not arrive whole"),
        (Flaw::ForgetsRetryAfter, "Retry-After is lost"),
        (Flaw::TakesFailuresForSuccess, "taken for a success"),
        (Flaw::ForgetsTheCode, "the code of the server is lost"),
    ] {
        let make = |auth: AuthServer| (Flawed(auth.grant(), flaw), ());
        let result = catch_unwind(|| ManualTime::new(0).run(contract::grant(make)));
        let message = result.expect_err(&format!("{flaw:?} is not found"));
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains(expected), "{flaw:?}: {message}");
    }
}

/// What is wrong with a time.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    BootGoesBack,
    WallFromZero,
    SleepsTooShort,
    LongestFirst,
    PoorChance,
}

struct WrongTime(ManualTime, Wrong, AtomicU64);

impl Time for WrongTime {
    fn now(&self) -> Now {
        let now = self.0.now();
        let calls = Duration::from_nanos(self.2.fetch_add(1, Ordering::Relaxed));
        match self.1 {
            Wrong::BootGoesBack => Now::new(now.boot - calls, now.wall),
            Wrong::WallFromZero => Now::new(now.boot, now.boot),
            _ => now,
        }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        match self.1 {
            Wrong::SleepsTooShort => self.0.sleep(duration / 2),
            Wrong::LongestFirst => self.0.sleep(Duration::from_secs(1).saturating_sub(duration)),
            _ => self.0.sleep(duration),
        }
    }

    fn random(&self) -> u64 {
        match self.1 {
            Wrong::PoorChance => self.0.random() >> 1,
            _ => self.0.random(),
        }
    }
}

#[test]
fn every_flaw_of_a_time_is_found_and_named() {
    for (wrong, expected) in [
        (Wrong::BootGoesBack, "went back"),
        (Wrong::WallFromZero, "Unix epoch"),
        (Wrong::SleepsTooShort, "ended after"),
        (Wrong::LongestFirst, "ended first"),
        (Wrong::PoorChance, "`random`"),
    ] {
        let found = catch_unwind(|| {
            let time = ManualTime::new(0);
            time.run(contract::time(&WrongTime(time.clone(), wrong, AtomicU64::new(0))));
        });
        let message = found.expect_err(&format!("{wrong:?} is not found"));
        let text = message.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| message.downcast_ref::<&str>().copied()).unwrap();
        assert!(text.contains(expected), "{wrong:?}: {text}");
    }
}

#[cfg(feature = "net")]
mod socket {
    use tokenflight_test::{Served, auth::Answer};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    /// The simplest grant that speaks HTTP.
    struct SocketGrant(std::net::SocketAddr);

    impl SocketGrant {
        async fn post(&self, request: &TokenRequest, token: &str) -> std::io::Result<Vec<u8>> {
            let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
            let form = format!("grant_type=refresh_token&refresh_token={token}");
            let head = "POST /token HTTP/1.1\r\nhost: localhost\r\nconnection: close";
            let text = format!("{head}\r\ncontent-length: {}\r\n\r\n{form}", form.len());
            let mut stream = TcpStream::connect(self.0).await?;
            request.mark_sent();
            stream.write_all(text.as_bytes()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok(answer)
        }
    }

    fn parse(answer: &[u8]) -> Option<Answer> {
        let (head, body) = std::str::from_utf8(answer).ok()?.split_once("\r\n\r\n")?;
        let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)?.parse::<u64>().ok());
        let whole = header("content-length: ")? == body.len() as u64;
        let status = head.get(9..12)?.parse().ok()?;
        whole.then(|| Answer::new(status, body, header("retry-after: ").map(Duration::from_secs)))
    }

    impl Grant for SocketGrant {
        fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
            Box::pin(async move {
                request.mark_unsent();
                let Some(token) = request.refresh_token() else {
                    return Err(GrantError::config("no refresh token"));
                };
                let answer = self.post(request, token.expose()).await;
                let answer = answer.map_err(GrantError::ambiguous)?;
                parse(&answer).ok_or_else(|| GrantError::new(FailureClass::Ambiguous))?.result()
            })
        }
    }

    #[tokio::test]
    async fn a_grant_over_a_socket_passes() {
        contract::grant(|auth: AuthServer| {
            let served: Served = auth.serve().unwrap();
            (SocketGrant(served.addr()), served)
        })
        .await;
    }
}
