//! Two replicas, one login.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::time::Duration;

use axum::{Router, body::Body};
use http::Request;
use tokenflight::{Time, time::TokioTime};
use tokenflight_example_service::{Backends, replica};
use tower::ServiceExt;

async fn ask(routes: &Router) -> u16 {
    routes.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_answer_from_one_login_and_refresh_it_once_each_time() {
    let Some(backends) = Backends::start(Duration::from_secs(1)).unwrap() else { return };
    let settings = backends.settings();
    let (one, session, driver) = replica(&settings).await.unwrap();
    let (two, _other, other_driver) = replica(&settings).await.unwrap();
    session.login(backends.auth.login()).await.unwrap();
    let work = async {
        let time = TokioTime::new();
        let until = time.now().boot + Duration::from_secs(5);
        while time.now().boot < until {
            assert_eq!(tokio::join!(ask(&one), ask(&two)), (200, 200));
            time.sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = work => {}
        _ = driver => panic!("a driver ended"),
        _ = other_driver => panic!("a driver ended"),
    }
    let report = backends.auth.report();
    report.assert_unharmed();
    assert!(report.total.rotations >= 3 && report.total.token_requests == report.total.rotations, "{report}");
}
