//! Operations that are done again, held up, or dropped, with others in between.

use tokenflight_core::store::{Body, Entry, Op, Outcome, Owner, Reply, Seen, apply};

use super::trial::{A, B, C, STRICT, Trial, commit, end, settle, tokens};
use crate::contract::cut::{MOST, polled};

/// One of each operation, on what is stored: those of the holder of the claim, and a claim by
/// another attempt of its session.
async fn ops(t: &Trial<'_>, entry: &Entry, attempt: Owner) -> [(&'static str, Op); OPS] {
    let holder = entry.claim.as_ref().map_or(A, |claim| claim.owner);
    let reset = |tokens| Body::Reset { base: Some(entry.login), tokens };
    [
        ("claim", t.claim_on(entry, attempt, Some(holder)).await),
        ("commit", t.op(commit(entry, 2)).await),
        ("end", t.op(end(holder, entry)).await),
        ("settle", t.op(settle(holder, STRICT)).await),
        ("return", t.op(settle(holder, Outcome::Untouched)).await),
        ("login", t.op(reset(Some(tokens(3)))).await),
        ("logout", t.op(reset(None)).await),
    ]
}

const OPS: usize = 7;

/// A login that A has claimed, and every operation on it.
async fn prepared(t: &Trial<'_>) -> [(&'static str, Op); OPS] {
    t.login(1).await;
    let entry = t.granted(A).await;
    ops(t, &entry, B).await
}

/// The answer was lost, and others came between.
pub(super) async fn repeated_after_others(t: &Trial<'_>) {
    for first in 0..OPS {
        for other in 0..OPS {
            let t = t.on(&format!("/{first}/{other}"));
            let before = prepared(&t).await;
            t.once(&before[first].1).await;
            let between = ops(&t, &t.entry().await, C).await;
            t.once(&between[other].1).await;
            t.once(&before[first].1).await;
            // Nor does what was decided before all that.
            t.once(&before[other].1).await;
            t.once(&between[other].1).await;
        }
    }
}

/// Begun, then held up while another is done, it takes effect as if it came before or after that.
pub(super) async fn held_up(t: &Trial<'_>) {
    for first in 0..OPS {
        for other in 0..OPS {
            for polls in 1..MOST {
                let t = t.on(&format!("/{first}/{other}/{polls}"));
                let ops = prepared(&t).await;
                let ((held_name, held), (name, op)) = (&ops[first], &ops[other]);
                let before = t.seen().await;
                let mut future = t.store.apply(&t.key, held.clone());
                if polled(&mut future, polls).await.is_some() {
                    break;
                }
                // What is held up blocks no other.
                let between = t.done(t.store.apply(&t.key, op.clone()).await);
                let late = t.done(future.await);
                let got = (late, between, t.seen().await.entry);
                let order = |held_first| in_order(&before, held, op, held_first);
                let fits = |(late, between, entry): &(Reply, Reply, Option<Entry>)| {
                    let tolerance = t.tolerance();
                    tolerance.reply(late, &got.0)
                        && tolerance.reply(between, &got.1)
                        && tolerance.entry(entry.as_ref(), got.2.as_ref())
                };
                if !fits(&order(true)) && !fits(&order(false)) {
                    t.broken(&format!("a {name} while a {held_name} is held up is neither before it nor after it"));
                }
            }
        }
    }
}

/// The replies to `held` and `op`, and what is stored then.
fn in_order(before: &Seen, held: &Op, op: &Op, held_first: bool) -> (Reply, Reply, Option<Entry>) {
    let step = |entry: Option<Entry>, op: &Op| {
        let (next, reply) = apply(entry.as_ref(), op, &before.facts);
        (next.or(entry), reply)
    };
    let (first, second) = if held_first { (held, op) } else { (op, held) };
    let (entry, one) = step(before.entry.clone(), first);
    let (entry, two) = step(entry, second);
    let (late, between) = if held_first { (one, two) } else { (two, one) };
    (late, between, entry)
}

/// Dropped half-way, it has taken effect or not; done again, it has taken effect once.
pub(super) async fn dropped(t: &Trial<'_>) {
    for which in 0..OPS {
        for polls in 1..MOST {
            let t = t.on(&format!("/{which}/{polls}"));
            let (name, op) = prepared(&t).await[which].clone();
            let before = t.seen().await;
            let mut future = t.store.apply(&t.key, op.clone());
            let finished = polled(&mut future, polls).await.is_some();
            drop(future);
            let (next, expected) = apply(before.entry.as_ref(), &op, &before.facts);
            let found = t.seen().await.entry;
            let is = |entry: Option<&Entry>| t.tolerance().entry(entry, found.as_ref());
            if !is(next.as_ref()) && !is(before.entry.as_ref()) {
                t.broken(&format!("a {name} that was dropped half-way left half of it"));
            }
            let reply = t.done(t.store.apply(&t.key, op).await);
            let same = std::mem::discriminant(&reply) == std::mem::discriminant(&expected);
            let nothing = matches!((&expected, &reply), (Reply::Stored { .. }, Reply::Nothing));
            t.check(same || nothing, &format!("a {name} that was dropped half-way is refused when it is done again"));
            if !t.tolerance().entry(next.as_ref(), t.seen().await.entry.as_ref()) {
                t.broken(&format!("a {name} that was dropped half-way and done again is not done, or done twice"));
            }
            if finished {
                break;
            }
        }
    }
}
