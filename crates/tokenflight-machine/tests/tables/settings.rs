//! Settings that make no sense are refused by name, and what follows from the others.

use crate::tables::*;

const DAY: Duration = secs(24 * 3600);
const NANO: Duration = Duration::from_nanos(1);

fn refusal(policy: Policy) -> Option<(&'static str, String)> {
    Rules::new(policy).err().map(|error| (error.setting(), error.to_string()))
}

#[test]
fn each_setting_has_a_range_and_is_refused_by_its_name_outside_of_it() {
    type Set = fn(&mut Policy, Duration);
    let rows: [(&str, Set, Duration, Duration); 14] = [
        ("lead", |policy, value| policy.lead = value, Duration::ZERO, YEAR),
        ("skew", |policy, value| policy.skew = value, Duration::ZERO, DAY),
        ("request_limit", |policy, value| policy.request_limit = value, millis(10), HOUR),
        ("store_limit", |policy, value| (policy.store_limit, policy.claim_margin) = (value, DAY), millis(10), HOUR),
        ("claim_margin", |policy, value| (policy.store_limit, policy.claim_margin) = (millis(10), value), secs(5), DAY),
        ("fresh_window", |policy, value| policy.fresh_window = value, Duration::ZERO, DAY),
        ("storm_window", |policy, value| policy.storm_window = value, Duration::ZERO, YEAR),
        ("backoff_base", |policy, value| (policy.backoff_base, policy.backoff_cap) = (value, YEAR), millis(1), DAY),
        (
            "backoff_cap",
            |policy, value| (policy.backoff_base, policy.backoff_cap) = (millis(1), value),
            millis(1),
            YEAR,
        ),
        ("min_interval", |policy, value| policy.min_interval = value, Duration::ZERO, DAY),
        ("force_interval", |policy, value| policy.force_interval = value, Duration::ZERO, YEAR),
        ("resume_delay", |policy, value| policy.resume_delay = value, Duration::ZERO, DAY),
        ("settle_in", |policy, value| policy.settle_in = value, Duration::ZERO, DAY),
        ("default_lifetime", |policy, value| policy.default_lifetime = Some(value), millis(1), 10 * YEAR),
    ];
    for (name, set, least, most) in rows {
        let refused = |value| refusal(policy(|policy| set(policy, value)));
        assert!(least.is_zero() || refused(least - NANO).is_some_and(|(setting, _)| setting == name), "{name}");
        assert_eq!(refused(most), None, "{name}");
        let expected = format!("the setting `{name}` must lie between {least:?} and {most:?}");
        assert_eq!(refused(most + NANO), Some((name, expected)));
        assert!(name == "claim_margin" || refused(least).is_none(), "{name}");
    }
}

#[test]
fn shares_lie_between_nothing_and_everything() {
    for share in [0.0, 1.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
        for (name, set) in [
            ("renew_between", (|policy, share| policy.renew_between.0 = share) as fn(&mut Policy, f64)),
            ("renew_between", |policy, share| policy.renew_between.1 = share),
            ("lead_share", |policy, share| policy.lead_share = share),
        ] {
            let error = refusal(policy(|policy| set(policy, share))).expect("no share");
            assert_eq!(error, (name, format!("the setting `{name}` must lie between 0 and 1")), "{share}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused_by_name() {
    type Row = (&'static str, fn(&mut Policy), bool);
    let rows: [Row; 9] = [
        ("renew_between", |policy| policy.renew_between = (0.8, 0.7), false),
        ("renew_between", |policy| policy.renew_between = (0.7, 0.7), true),
        ("backoff_cap", |policy| (policy.backoff_base, policy.backoff_cap) = (secs(2), secs(1)), false),
        ("backoff_cap", |policy| (policy.backoff_base, policy.backoff_cap) = (secs(2), secs(2)), true),
        ("claim_margin", |policy| (policy.store_limit, policy.claim_margin) = (secs(11), secs(15)), false),
        ("claim_margin", |policy| (policy.store_limit, policy.claim_margin) = (secs(11), secs(16)), true),
        ("storm_limit", |policy| policy.storm_limit = 0, false),
        ("replays", |policy| policy.replays = 4, false),
        ("replays", |policy| (policy.replays, policy.storm_limit) = (3, 1), true),
    ];
    for (name, set, sane) in rows {
        assert_eq!(refusal(policy(set)).map(|(setting, _)| setting), (!sane).then_some(name));
    }
}

#[test]
fn a_token_request_gets_a_fifth_of_a_grace_window_but_never_less_than_ten_seconds() {
    let limit = |reuse_policy| rules(policy(|policy| policy.reuse_policy = Some(reuse_policy))).attempt_limit();
    for (window, expected) in [(1, 10), (50, 10), (60, 12), (100, 20), (300, 60), (4000, 60)] {
        assert_eq!(limit(ReusePolicy::grace(secs(window))), secs(expected), "{window} s");
    }
    for reuse_policy in [ReusePolicy::Strict, ReusePolicy::UntilUsed, ReusePolicy::NonRotating] {
        assert_eq!(limit(reuse_policy), secs(60));
    }
    let grace = Some(ReusePolicy::grace(secs(60)));
    let short = rules(policy(|policy| (policy.request_limit, policy.reuse_policy) = (secs(3), grace)));
    assert_eq!(short.attempt_limit(), secs(3));
}

#[test]
fn a_claim_outlives_its_request_a_waiter_outlives_the_claim_and_a_refresh_outlives_all() {
    let rules = rules(Policy::default());
    assert_eq!(rules.claim_length(), secs(60 + 15));
    assert_eq!(rules.claim_patience(), secs(75 + 15 + 10));
    assert_eq!(rules.refresh_limit(), secs(60 + 100 + 40));
    let lengths = rules.lengths();
    assert_eq!((lengths.request, lengths.claim, lengths.reserve), (secs(60), secs(75), secs(5)));
    assert_eq!((lengths.least, lengths.gap), (secs(3), secs(5)));
}
