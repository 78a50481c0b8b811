//! Origins that refuse new tokens for hours: what they cost, and its end when they are well again.

use crate::fixture::*;

/// A request to each of these in turn, so often; each is refused, with any token. How many
/// refreshes each hour costs.
fn refreshes_by_the_hour(every: u64, hours: usize, origins: &[String]) -> Vec<usize> {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new(origins).unwrap());
    (fixture.client, fixture.server) = mock::spawn_layer(layer);
    let mut counts = vec![0; hours];
    for (second, origin) in (0..hours as u64 * 3600).step_by(every as usize).zip(origins.iter().cycle()) {
        let before = fixture.grant.count();
        sends(&mut fixture, origin, |_| false);
        counts[second as usize / 3600] += fixture.grant.count() - before;
        fixture.time.advance(secs(every));
    }
    counts
}

/// Sends a request to a server that accepts these tokens. The status, and why nothing better.
fn sends(fixture: &mut Fixture, uri: &str, accepts: impl Fn(&str) -> bool) -> (StatusCode, Option<ErrorKind>) {
    let mut call = fixture.call(get(uri));
    loop {
        if let Poll::Ready(answer) = call.poll_until_idle() {
            let answer = answer.unwrap();
            return (answer.status(), answer.extensions().get::<Error>().map(|error| error.kind().clone()));
        }
        let (request, respond) = fixture.received();
        respond.send_response(if accepts(bearer(&request).unwrap()) { ok() } else { unauthorized() });
    }
}

#[test]
fn an_origin_that_refuses_everything_costs_ever_fewer_refreshes_however_often_it_is_asked() {
    for every in [12, 70, 590] {
        let counts = refreshes_by_the_hour(every, 12, &[API.to_owned()]);
        assert!(counts[0] <= 15 && counts[11] <= 1, "every {every} s: {counts:?}");
    }
}

#[test]
fn many_origins_that_refuse_everything_in_turn_cost_ever_fewer_refreshes() {
    for origins in [12, 20, 40] {
        let origins: Vec<_> = (0..origins).map(|number| format!("https://api-{number}.example.com")).collect();
        let counts = refreshes_by_the_hour(12, 24, &origins);
        assert!(counts[23] <= origins.len(), "{} origins: {counts:?}", origins.len());
    }
}

/// It was broken for two days, and polled all the time.
#[test]
fn a_server_that_has_been_well_since_has_its_next_refusal_cured() {
    for (lifetime, well) in [(None, 3600), (None, 24 * 3600), (Some(secs(24 * 3600)), 24 * 3600)] {
        let mut fixture = Fixture::new();
        fixture.grant.set_lifetime(lifetime);
        for _ in (0..2 * 24 * 3600).step_by(12) {
            sends(&mut fixture, ME, |_| false);
            fixture.time.advance(secs(12));
        }
        for _ in (0..well).step_by(12) {
            assert_eq!(sends(&mut fixture, ME, |_| true).0, StatusCode::OK);
            fixture.time.advance(secs(12));
        }
        // It revokes what it has given, as for a change of keys: any new token is good.
        let dead = format!("access-{}", fixture.grant.count());
        assert_eq!(sends(&mut fixture, ME, |token| token != dead), (StatusCode::OK, None), "well for {well} s");
    }
}
