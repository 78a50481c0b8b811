//! What a breaker tells.

use tokenflight::{
    Reason,
    breaker::{Breaker, Settings},
    grant_fn,
};

use crate::fixture::*;

#[test]
fn a_breaker_tells_that_it_opens_and_closes() {
    let time = ManualTime::new(7);
    let mut settings = Settings::default();
    settings.label = "identity";
    let breaker = Breaker::with(time.clone(), settings);
    let present = |lives: bool| {
        let grant = grant_fn(move |_: TokenRequest| async move {
            match lives {
                true => Ok(TokenSet::new("access").refresh_token("next")),
                false => Err(GrantError::terminal("invalid_grant")),
            }
        });
        let request = TokenRequest::new(Some(RefreshToken::new("refresh")), Reason::Due);
        let _ = breaker.guard(grant).request(&request).now_or_never().unwrap();
    };
    let (recorder, ()) = Recorder::during(|| {
        present(true);
        (0..5).for_each(|_| present(false));
        time.advance(SECOND * 60);
        (0..20).for_each(|_| present(true));
    });
    let (opened, closed) = (recorder.events("breaker_opened"), recorder.events("breaker_closed"));
    assert_eq!((opened.len(), closed.len()), (1, 1));
    assert_eq!((opened[0].level(), closed[0].level()), (Level::WARN, Level::INFO));
    let wait = Duration::from_secs(60).as_millis().to_string();
    assert_eq!(opened[0].says(["breaker", "ended", "answered", "wait_ms"]), ["identity", "5", "6", &wait]);
    assert_eq!(closed[0].says(["breaker"]), ["identity"]);
}
