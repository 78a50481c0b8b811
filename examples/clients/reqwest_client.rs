//! reqwest behind the layer, by the small crate `tokenflight-reqwest`: reqwest's client is a tower
//! service of its own request type, and becomes one of `http` requests there; its streaming bodies
//! are recorded. reqwest follows redirects by itself: let it not, if a redirect may lead elsewhere
//! (`redirect::Policy::none`).

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::Fixture;

pub(crate) async fn run(fixture: &Fixture) -> Result<Bytes, BoxError> {
    let origins = Origins::with_plain_loopback([fixture.url()])?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let client = tokenflight_reqwest::client(client, BearerLayer::new(fixture.session(), origins));

    let body = reqwest::Body::from("sent twice, arrived once");
    let request = Request::post(format!("{}/echo", fixture.url())).body(body)?;
    let response = client.oneshot(request).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::start().await?;
    println!("{:?}", run(&fixture).await?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
