//! The proxy, before a server that echoes.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // Helpers of tests are tests; the tasks are the runtime's.

use std::time::Duration;

use tokenflight_test::proxy::{Link, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

/// A server that echoes, and tells what it got.
async fn echo() -> (Proxy, UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).unwrap();
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tell = tell.clone();
            tokio::spawn(async move {
                let mut bytes = [0; 64];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    let _ = tell.send(bytes[..count].to_vec());
                    let _ = stream.write_all(&bytes[..count]).await;
                }
            });
        }
    });
    (proxy, told)
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.addr()).await.unwrap()
}

/// What comes back; nothing is an end.
async fn ask(stream: &mut TcpStream, text: &[u8]) -> Vec<u8> {
    stream.write_all(text).await.unwrap();
    let mut bytes = [0; 64];
    let count = stream.read(&mut bytes).await.unwrap_or_default();
    bytes[..count].to_vec()
}

async fn hears_nothing(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn an_open_line_passes_everything_and_a_slow_one_later() {
    let (proxy, _told) = echo().await;
    let mut stream = connect(&proxy).await;
    assert_eq!(ask(&mut stream, b"one").await, b"one");
    proxy.set(Link::Delay(Duration::from_millis(1)));
    assert_eq!(ask(&mut stream, b"two").await, b"two");
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn what_is_held_arrives_when_the_line_is_open_again() {
    let (proxy, mut told) = echo().await;
    let mut stream = connect(&proxy).await;
    ask(&mut stream, b"one").await;
    proxy.set(Link::Held);
    stream.write_all(b"two").await.unwrap();
    assert!(hears_nothing(&mut stream).await);
    proxy.set(Link::Open);
    assert_eq!(ask(&mut stream, b"").await, b"two");
    assert_eq!((told.recv().await.unwrap(), told.recv().await.unwrap()), (b"one".to_vec(), b"two".to_vec()));
}

#[tokio::test]
async fn what_vanishes_does_not_come_back_and_nothing_ends() {
    let (proxy, mut told) = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Link::Dead);
    stream.write_all(b"one").await.unwrap();
    assert!(hears_nothing(&mut stream).await);
    proxy.set(Link::Open);
    stream.write_all(b"two").await.unwrap();
    assert!(hears_nothing(&mut stream).await);
    assert!(told.try_recv().is_err());
    assert_eq!(ask(&mut connect(&proxy).await, b"three").await, b"three");
}

#[tokio::test]
async fn of_a_lost_answer_the_server_has_the_request() {
    let (proxy, mut told) = echo().await;
    proxy.lose_answer("two", 2);
    let mut stream = connect(&proxy).await;
    for text in [b"one", b"two"] {
        assert_eq!(ask(&mut stream, text).await, text);
    }
    assert_eq!(ask(&mut stream, b"two").await, b"");
    assert_eq!(proxy.lost(), 1);
    let all: Vec<_> = std::iter::from_fn(|| told.try_recv().ok()).collect();
    assert_eq!(all, [b"one", b"two", b"two"]);
    assert_eq!(ask(&mut connect(&proxy).await, b"two").await, b"two");
}

#[tokio::test]
async fn a_connection_is_cut_in_the_middle_of_what_is_sent() {
    let (proxy, mut told) = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.cut_after(5);
    assert_eq!(ask(&mut stream, b"one").await, b"one");
    assert_eq!(ask(&mut stream, b"twice").await, b"");
    assert_eq!((told.recv().await.unwrap(), told.recv().await.unwrap()), (b"one".to_vec(), b"tw".to_vec()));
}

#[tokio::test]
async fn a_closed_line_ends_connections_and_makes_none() {
    let (proxy, _told) = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.set(Link::Closed);
    assert_eq!(ask(&mut stream, b"one").await, b"");
    assert_eq!(ask(&mut connect(&proxy).await, b"two").await, b"");
    proxy.set(Link::Open);
    assert_eq!(ask(&mut connect(&proxy).await, b"three").await, b"three");
}
