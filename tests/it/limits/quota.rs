//! Whoever has used up what it may is told so with what is left, whatever it was that could not be paid.

use std::num::NonZeroU16;

use serde_json::json;
use zhibu::auth::Role;

use super::app;
use crate::support::app::TestApp;

const CHEAP: &str = "{ __typename }";

async fn with_little() -> TestApp {
    app(|config| {
        config.rate.burst = 20_000;
        // So that nothing comes back while this runs.
        config.rate.per_second = 1;
    })
    .await
}

/// Asks until it is told that it has used up all; what it is told then.
async fn used_up(mut asks: impl AsyncFnMut() -> reqwest::RequestBuilder) -> reqwest::Response {
    let mut asked = NonZeroU16::MIN;
    loop {
        let answer = asks().await.send().await.expect("an answer");
        if answer.status() == 429 {
            return answer;
        }
        asked = asked.checked_add(1).expect("it ends");
    }
}

fn assert_told_what_is_left(answer: &reqwest::Response) {
    let headers = answer.headers();
    assert_eq!(headers["ratelimit-policy"], "\"cost\";q=20000;w=20000");
    let left = headers["ratelimit"].to_str().unwrap();
    assert!(left.starts_with("\"cost\";r=0;t="), "{left}");
    assert!(headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_tokens_that_are_none() {
    let app = with_little().await;
    let forged = app.with_token("no.token.this");
    let refused = used_up(async || forged.request(CHEAP, json!({}))).await;
    assert_told_what_is_left(&refused);
    let streamed = forged
        .request(CHEAP, json!({}))
        .header("accept", "text/event-stream");
    let refused = streamed.send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_told_what_is_left(&refused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_an_event_stream_sends() {
    let app = with_little().await;
    let caller = app.as_role(Role::DistrictAdmin, "wordy", None, None, None);
    let padding = "x".repeat(900_000);
    let refused = used_up(async || {
        let request = caller.request(
            "subscription { changes { cursor } }",
            json!({ "padding": padding }),
        );
        request.header("accept", "text/event-stream")
    })
    .await;
    assert_told_what_is_left(&refused);
    // The last of it, in small coins; what stands in a URL is no different.
    let refused = used_up(async || {
        let request = app.http().get(format!("{}/graphql?query={CHEAP}", app.url));
        request
            .bearer_auth(caller.token().unwrap())
            .header("accept", "text/event-stream")
    })
    .await;
    assert_told_what_is_left(&refused);
}
