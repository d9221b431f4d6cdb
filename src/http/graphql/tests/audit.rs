//! The audits of the npm package graphql-http, against this module over a toy schema.

use super::*;

/// `npm ci` in tests/graphql-http first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and the packages of tests/graphql-http"]
async fn every_audit_of_graphql_http_passes() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/graphql", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app()).await });
    let audit = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/graphql-http/audit.mjs");
    let run = tokio::task::spawn_blocking(move || Command::new("node").args([audit, &url]).output().unwrap());
    let output = run.await.unwrap();
    server.abort();
    let text = String::from_utf8_lossy(&output.stdout);
    println!("{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success());
    assert!(text.ends_with("61 of 61\n"), "{text}");
}
