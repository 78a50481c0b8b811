//! Many at once.

use futures_util::future::join_all;
use tokenflight_core::store::{Body, Op, Owner, Reply};

use super::trial::{Trial, commit, is_active, tokens};

/// How many come at once.
const MANY: u32 = 16;

pub(super) async fn one_of_many(t: &Trial<'_>) {
    let login = t.login(1).await;
    let mut claims = Vec::new();
    for n in 1..=MANY {
        claims.push(t.claim(Owner::new(n.into())).await);
    }
    one(t, "claims", claims, |reply| matches!(reply, Reply::Granted(_))).await;

    let stored = |reply: &Reply| matches!(reply, Reply::Stored { .. });
    let commits = (1..=MANY).map(|n| commit(&login, n));
    let winner = one(t, "commits", ops(t, commits).await, stored).await;
    t.check(is_active(&t.entry().await, &tokens(winner)), "other tokens are stored than was answered");

    let logins = (1..=MANY).map(|n| Body::Reset { base: Some(login.login), tokens: Some(tokens(n)) });
    let winner = one(t, "logins", ops(t, logins).await, stored).await;
    t.check(is_active(&t.entry().await, &tokens(winner)), "other tokens are stored than was answered");
}

async fn ops(t: &Trial<'_>, bodies: impl Iterator<Item = Body>) -> Vec<Op> {
    let born = t.seen().await.facts.incarnation;
    bodies.map(|body| Op::new(born, t.setting.clock.now(), body)).collect()
}

/// Which of them, counted from one, had its effect.
async fn one(t: &Trial<'_>, what: &str, ops: Vec<Op>, won: fn(&Reply) -> bool) -> u32 {
    let replies = join_all(ops.into_iter().map(|op| t.store.apply(&t.key, op))).await;
    let replies = replies.into_iter().map(|reply| t.done(reply));
    let winners: Vec<_> = (1..).zip(replies).filter(|(_, reply)| won(reply)).map(|(n, _)| n).collect();
    match winners[..] {
        [winner] => winner,
        _ => t.broken(&format!("of {MANY} {what} at once, {} were done", winners.len())),
    }
}
