//! Answers that are compressed although nothing but `identity` was asked for, and other wrappings:
//! the new refresh token in them is the only one that lives.

use std::io::Write;

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};

use crate::fixture::*;

const PAIR: &str = r#"{"access_token":"access-1","refresh_token":"refresh-1","token_type":"Bearer","expires_in":3600}"#;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn says(headers: &str, body: &[u8]) -> Act {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    Act::Say([head.as_bytes(), body].concat())
}

fn coded(coding: &str, body: &[u8]) -> Act {
    says(&format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n"), body)
}

#[tokio::test]
async fn a_compressed_answer_is_no_lost_login() {
    let pair = PAIR.as_bytes();
    let two_members = [gzip(&pair[..20]), gzip(&pair[20..])].concat();
    for (name, act) in [
        ("gzip", coded("gzip", &gzip(pair))),
        ("its old name, in capitals", coded("X-GZIP", &gzip(pair))),
        ("members", coded("gzip", &two_members)),
        ("deflate", coded("deflate", &zlib(pair))),
        ("deflate without a header", coded("deflate", &deflate(pair))),
        ("one over the other", coded("deflate, gzip", &gzip(&zlib(pair)))),
        ("identity is none", coded("identity", pair)),
        ("a header that is not true", coded("gzip", pair)),
        ("a header that was lost", says("content-type: application/json\r\n", &gzip(pair))),
    ] {
        adopted(name).check(&play(act).await);
    }
}

#[tokio::test]
async fn what_cannot_be_decoded_is_named_and_its_outcome_unknown() {
    let cut = gzip(PAIR.as_bytes());
    for (coding, body, told) in [
        ("br", b"\x0b\x02\x80".to_vec(), "content-encoding br"),
        ("zstd", b"x".to_vec(), "content-encoding zstd"),
        ("gzip, gzip, gzip", gzip(PAIR.as_bytes()), "content-encoding gzip, gzip, gzip"),
        ("gzip", cut[..cut.len() / 2].to_vec(), ""),
        ("deflate", b"\x00nonsense".to_vec(), ""),
    ] {
        let outcome = play(coded(coding, &body)).await;
        ambiguous(coding).check(&outcome);
        assert!(outcome.told.contains(told), "{coding}: {}", outcome.told);
    }
}

/// A few kilobytes that would become a gigabyte are not let grow: the bound holds after decoding,
/// once and twice.
#[tokio::test]
async fn a_bomb_is_not_let_grow() {
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 100 * 1024);
    let twice = gzip(&bomb);
    for (coding, body) in [("gzip", bomb), ("gzip, gzip", twice)] {
        let outcome = play(coded(coding, &body)).await;
        assert_eq!(outcome.class, Some(Ambiguous));
        assert!(outcome.told.contains("too large"), "{}", outcome.told);
    }
}

#[tokio::test]
async fn a_session_goes_on_after_a_compressed_answer() {
    let ended = json(400, r#"{"error":"invalid_grant","error_description":"refresh token was already used"}"#);
    let server = Scripted::new([coded("gzip", &gzip(PAIR.as_bytes())), ended]).await;
    let time = ManualTime::new(3);
    let grant = endpoint(&server.url(), client()).refresh_token();
    let session = Session::builder(grant).time(time.clone()).build().unwrap();
    session.login(TokenSet::new("access-0").refresh_token("refresh-0").expires_in(HOUR)).await.unwrap();
    time.advance(HOUR * 2);
    assert_eq!(session.token().await.unwrap().access().expose(), "access-1");
    assert!(!matches!(session.state().status, Status::Over(_)));
}

#[test]
fn a_byte_order_mark_loses_nothing() {
    for body in [PAIR.to_owned(), r#"{"error":"invalid_grant"}"#.to_owned()] {
        let marked = Ok([b"\xef\xbb\xbf", body.as_bytes()].concat().into());
        match judge(&Answer::new(StatusCode::OK, &HeaderMap::new(), &marked), provider::UNKNOWN) {
            Verdict::Tokens(set) => assert_eq!(set.refresh().unwrap().expose(), "refresh-1"),
            Verdict::Failed(error) => assert_eq!(error.class(), Terminal),
            verdict => panic!("{verdict:?}"),
        }
    }
}
