//! The service reads manifests again by itself.

use serde_json::json;

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
    let status = async |id: &str| {
        let address = format!("{}/graphql?documentId={id}", service.url);
        http.get(address).send().await.unwrap().status()
    };
    assert_eq!(status("a").await, 200);
    assert_ne!(status("b").await, 200);
    std::fs::write(&manifest, json!({ "b": WHO }).to_string()).unwrap();
    eventually("what is new is known", async || status("b").await == 200).await;
    assert_ne!(status("a").await, 200, "and what is not named any more is not");
}
