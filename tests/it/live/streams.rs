//! Event streams: graphql-sse's distinct connections mode.

use super::*;
use crate::support::changes::changes_at_once;

/// An event.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

pub(super) struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Self {
            response,
            read: String::new(),
        }
    }

    /// The next event; None at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines.find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
                };
                let Some(name) = field("event") else { continue };
                let data = field("data").unwrap_or_default();
                return Some(Event {
                    name,
                    id: field("id"),
                    data: serde_json::from_str(&data).unwrap_or(Value::Null),
                });
            }
            let chunk = tokio::time::timeout(std::time::Duration::from_secs(20), self.response.chunk());
            match chunk.await.expect("something comes") {
                Ok(Some(chunk)) => self.read.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(None) | Err(_) => return None,
            }
        }
    }

    pub async fn next_data(&mut self) -> Value {
        let event = self.next().await.expect("an event");
        assert_eq!(event.name, "next", "{event:?}");
        event.data["data"].clone()
    }
}

pub(super) fn post(app: &TestApp, path: &str, query: &str, variables: Value) -> reqwest::RequestBuilder {
    app.http()
        .post(format!("{}{path}", app.url))
        .bearer_auth(app.admin().token().unwrap())
        .header("accept-language", "en")
        .json(&json!({ "query": query, "variables": variables }))
}

on_both!(an_operation_is_a_stream_of_events, |db| async move {
    let app = district(db).await;
    let viewer = "{ viewer { role } }";
    let mut query = Events::of(post(&app, "/graphql/stream", viewer, json!({}))).await;
    assert_eq!(query.next_data().await["viewer"]["role"], "DISTRICT_ADMIN");
    assert_eq!(query.next().await.unwrap().name, "complete");
    assert_eq!(query.next().await, None);
    // On the common route too, for who likes it best.
    let wanted = post(&app, "/graphql", BOARD, json!({})).header("accept", "text/event-stream");
    let mut board = Events::of(wanted).await;
    assert_eq!(totals(&board.next_data().await), [("B1", 0.0), ("B2", 0.0)]);
    push(app.adapter("EJIA"), "E1", "B1", 5.0).await;
    assert_eq!(totals(&board.next_data().await), [("B1", 5.0), ("B2", 0.0)]);
    // Who does not gets JSON of a query, and of a subscription 406.
    let urql = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed";
    let answer = post(&app, "/graphql", viewer, json!({}))
        .header("accept", urql)
        .send()
        .await
        .unwrap();
    assert_eq!(
        answer.headers()["content-type"],
        "application/graphql-response+json; charset=utf-8"
    );
    let refused = post(&app, "/graphql", BOARD, json!({}))
        .header("accept", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 406);
    // What is wrong with an operation is told as a result, what is wrong with the request by its status.
    let mut wrong = Events::of(post(&app, "/graphql/stream", "{ nothing }", json!({}))).await;
    let event = wrong.next().await.unwrap();
    assert_eq!(event.data["errors"][0]["extensions"]["code"], "BAD_REQUEST");
    assert_eq!(wrong.next().await.unwrap().name, "complete");
    let stranger = app
        .http()
        .post(format!("{}/graphql/stream", app.url))
        .json(&json!({ "query": viewer }));
    assert_eq!(stranger.send().await.unwrap().status(), 401);
    let text = post(&app, "/graphql/stream", viewer, json!({})).header("content-type", "text/plain");
    assert_eq!(text.send().await.unwrap().status(), 415);
    drop((query, board, wrong));
    eventually("all are gone", async || {
        (app.app.cohorts().count(), app.app.sockets().count()) == (0, 0)
    })
    .await;
});

on_both!(a_browser_goes_on_after_the_last_event_it_had, |db| async move {
    let app = TestApp::with_tree(db).await;
    app.settle().await;
    let variables = json!({ "filter": { "topics": ["ORGANIZATION"] } });
    let mut events = Events::of(post(&app, "/graphql/stream", CHANGES, variables.clone())).await;
    // Whether the reader has begun is not told: changes are made until one is heard of.
    let mut made = 0;
    let first = loop {
        organization(&app, &format!("X{made}")).await;
        made += 1;
        let next = tokio::time::timeout(std::time::Duration::from_millis(300), events.next());
        if let Ok(event) = next.await {
            break event.unwrap();
        }
    };
    let code = |event: &Event| {
        event.data["data"]["changes"]["node"]["code"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let begins = code(&first);
    assert_eq!(
        first.id.as_deref(),
        first.data["data"]["changes"]["cursor"].as_str()
    );
    drop(events);
    organization(&app, "Y1").await;
    organization(&app, "Y2").await;
    // It wins over `after`, which would tell everything since the beginning.
    let oldest = app.admin().data("{ changes(first: 0) { cursor } }").await["changes"]["cursor"].clone();
    let variables = json!({ "filter": { "topics": ["ORGANIZATION"] }, "after": oldest });
    let again = post(&app, "/graphql/stream", CHANGES, variables).header("last-event-id", first.id.unwrap());
    let mut events = Events::of(again).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|code| code != "Y2") {
        heard.push(code(&events.next().await.unwrap()));
    }
    let number: usize = begins[1..].parse().unwrap();
    let mut expected: Vec<String> = (number + 1..made).map(|n| format!("X{n}")).collect();
    expected.extend(["Y1".to_owned(), "Y2".to_owned()]);
    assert_eq!(heard, expected);
});

on_both!(a_stream_ends_with_its_token, |db| async move {
    let app = TestApp::with_tree(db).await;
    let mut events = Events::of(post(&app, "/graphql/stream", BOARD, json!({}))).await;
    events.next_data().await;
    app.clock.advance(chrono::Duration::hours(2));
    // Cut off, not completed.
    assert_eq!(events.next().await, None);
});

on_both!(
    a_stream_that_nobody_reads_does_not_hold_the_service_back,
    |db| async move {
        const CHANGES: usize = 1_500;
        let app = TestApp::with_config(db, |config| {
            config.live.sockets.write_timeout = std::time::Duration::from_millis(300);
        })
        .await;
        app.plant_tree().await;
        let oldest = app.admin().data("{ changes(first: 0) { cursor } }").await["changes"]["cursor"].clone();
        changes_at_once(&app, CHANGES).await;
        app.settle().await;
        // Eight kilobytes a change, so that there are more than the buffers between us hold; nothing of them is read.
        let long: String = (0..59)
            .map(|n| format!("{}{n:02}: topic ", "x".repeat(120)))
            .collect();
        let long =
            format!("subscription($after: ChangeCursor) {{ changes(after: $after) {{ cursor {long} }} }}");
        let mut unread = Events::of(post(&app, "/graphql/stream", &long, json!({ "after": &oldest }))).await;
        eventually("it is given up", async || app.app.sockets().count() == 0).await;
        // It has not ended: it was cut off, and what it holds is what was on its way.
        let mut told = 0;
        while let Some(event) = unread.next().await {
            assert_eq!(event.name, "next", "{event:?}");
            assert_eq!(event.data.get("errors"), None, "{event:?}");
            told += 1;
        }
        assert!((1..CHANGES).contains(&told), "{told}");
        // Nor does it hold up a service that stops.
        let _unread = Events::of(post(&app, "/graphql/stream", &long, json!({ "after": oldest }))).await;
        tokio::time::timeout(std::time::Duration::from_secs(10), app.app.drain())
            .await
            .expect("it stops");
        assert_eq!(app.app.sockets().count(), 0);
    }
);

on_both!(names_that_a_caller_gives_are_no_ids_of_events, |db| async move {
    let app = TestApp::with_tree(db).await;
    let aliased = r#"{ changes: organization(by: { code: "C1" }) { cursor: name } }"#;
    let mut events = Events::of(post(&app, "/graphql/stream", aliased, json!({}))).await;
    assert_eq!(events.next().await.unwrap().id, None);
    let end = events.next().await.unwrap();
    assert_eq!((end.name.as_str(), end.data), ("complete", Value::Null));
    // What is no cursor is one that the log does not hold.
    let lost = post(&app, "/graphql/stream", CHANGES, json!({})).header("last-event-id", "nonsense");
    let answer = lost.send().await.unwrap();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "CURSOR_EXPIRED");
});
