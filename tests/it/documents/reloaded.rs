//! The service reads manifests again by itself.

use serde_json::{Value, json};

use super::WHO;
use crate::support::{app::eventually, process::Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_takes_a_new_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("documents.json");
    std::fs::write(&manifest, json!({ "a": WHO }).to_string()).unwrap();
    let variables = [
        ("ZHIBU_AUTH_ANONYMOUS_ROLE", "VIEWER"),
        ("ZHIBU_GRAPHQL_TRUSTED_DOCUMENTS", manifest.to_str().unwrap()),
    ];
    let service = Service::begin_with(folder.path(), None, &variables).ready();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let is_known = async |id: &str| {
        let address = format!("{}/graphql?documentId={id}", service.url);
        let answer = http.get(address).send().await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        answer["data"]["viewer"]["role"] == "VIEWER"
    };
    assert!(is_known("a").await && !is_known("b").await);
    std::fs::write(&manifest, json!({ "b": WHO }).to_string()).unwrap();
    eventually("what is new is known", async || is_known("b").await).await;
    assert!(!is_known("a").await, "and what is not named any more is not");
}
