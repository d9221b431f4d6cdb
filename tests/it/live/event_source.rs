//! Event streams over `GET`, as a browser's `EventSource` asks for them: with nothing but a URL, and with the id of the last event
//! where it comes again by itself.

use super::{
    streams::{Event, Events},
    *,
};
use crate::support::app::Answer;
use zhibu::auth::Role;

const EVENTS: &str = "text/event-stream";

/// A service that tells strangers what everybody may hear: an `EventSource` sends no token.
async fn open_to_all(db: crate::support::TestDatabase) -> TestApp {
    let app = TestApp::with_config(db, |config| config.auth.anonymous_role = Some(Role::Viewer)).await;
    app.plant_tree().await;
    app.settle().await;
    app
}

fn url(app: &TestApp, path: &str, query: &str, variables: &Value) -> reqwest::Url {
    let mut url: reqwest::Url = format!("{}{path}", app.url).parse().unwrap();
    url.query_pairs_mut()
        .append_pair("query", query)
        .append_pair("variables", &variables.to_string());
    url
}

/// Asks as browsers do (HTML, 9.2).
fn event_source(app: &TestApp, url: &reqwest::Url, last: Option<&str>) -> reqwest::RequestBuilder {
    let request = app
        .http()
        .get(url.clone())
        .header("accept", EVENTS)
        .header("cache-control", "no-store");
    match last {
        Some(id) => request.header("last-event-id", id),
        None => request,
    }
}

fn code(event: &Event) -> &str {
    assert_eq!(event.name, "next", "{event:?}");
    let change = &event.data["data"]["changes"];
    assert_eq!(event.id.as_deref(), change["cursor"].as_str(), "{event:?}");
    change["node"]["code"].as_str().unwrap()
}

on_both!(
    an_event_source_misses_nothing_when_it_comes_again,
    |db| async move {
        let app = open_to_all(db).await;
        for path in ["/graphql", "/graphql/stream"] {
            app.settle().await;
            let now = app.admin().data("{ changes { cursor hasMore } }").await["changes"].clone();
            assert_eq!(now["hasMore"], false);
            let made = |n: usize| format!("{}{n}", if path == "/graphql" { "X" } else { "Y" });
            // The URL stays the same each time, `after` and all.
            let variables = json!({ "after": now["cursor"], "filter": { "topics": ["ORGANIZATION"] } });
            let url = url(&app, path, CHANGES, &variables);
            let mut events = Events::of(event_source(&app, &url, None)).await;
            let mut last = None;
            for n in [1, 2] {
                organization(&app, &made(n)).await;
                let event = events.next().await.expect("an event");
                assert_eq!(code(&event), made(n), "{path}");
                last = event.id;
            }
            drop(events);
            // Missed.
            for n in [3, 4] {
                organization(&app, &made(n)).await;
            }
            let mut events = Events::of(event_source(&app, &url, last.as_deref())).await;
            for n in [3, 4] {
                let event = events.next().await.expect("what was missed");
                assert_eq!(code(&event), made(n), "{path}");
                last = event.id;
            }
            organization(&app, &made(5)).await;
            assert_eq!(code(&events.next().await.expect("what comes")), made(5), "{path}");
            // From the place before that once more, and without an id from the beginning.
            for (id, first) in [(last.as_deref(), 5), (None, 1), (Some(""), 1)] {
                let mut events = Events::of(event_source(&app, &url, id)).await;
                assert_eq!(
                    code(&events.next().await.expect("an event")),
                    made(first),
                    "{path} {id:?}"
                );
            }
        }
        eventually("all are gone", async || app.app.sockets().count() == 0).await;
    }
);

on_both!(a_value_is_told_over_get_as_it_changes, |db| async move {
    let app = open_to_all(db).await;
    for code in ["B1", "B2"] {
        create(&app, code, json!({})).await;
    }
    app.open_source("EJIA").await;
    let url = url(&app, "/graphql", BOARD, &json!({}));
    let mut events = Events::of(event_source(&app, &url, None)).await;
    assert_eq!(totals(&events.next_data().await), [("B1", 0.0), ("B2", 0.0)]);
    push(app.adapter("EJIA"), "E1", "B2", 5.0).await;
    assert_eq!(totals(&events.next_data().await), [("B2", 5.0), ("B1", 0.0)]);
});

on_both!(
    a_mutation_over_get_is_refused_and_writes_nothing,
    |db| async move {
        let app = TestApp::with_tree(db).await;
        let admin = app.admin();
        let parent = root(&app).await;
        let mutation = format!(
            "mutation {{ createOrganization(input: {{ code: \"X1\", name: \"X\", kind: COMMITTEE, parentId: \"{parent}\" }}) \
         {{ organization {{ code }} userErrors {{ code }} }} }}"
        );
        let count = async || {
            app.admin().data("{ organizations { totalCount } }").await["organizations"]["totalCount"].clone()
        };
        let assert_refused = |answer: Answer, what: &str| {
            assert_eq!(answer.status, 405, "{what}: {}", answer.body);
            assert_eq!(answer.headers["allow"], "POST", "{what}");
            assert_eq!(answer.body.get("data"), None, "{what}: {}", answer.body);
        };
        let before = count().await;
        for (path, accept) in [
            ("/graphql", "application/json"),
            ("/graphql", "application/graphql-response+json"),
            ("/graphql", EVENTS),
            ("/graphql/stream", EVENTS),
            ("/graphql/stream", "*/*"),
        ] {
            let what = format!("{path} {accept}");
            let request = app
                .http()
                .get(url(&app, path, &mutation, &json!({})))
                .header("accept", accept)
                .bearer_auth(admin.token().unwrap());
            assert_refused(admin.send(request).await, &what);
            assert_eq!(count().await, before, "{what}");
        }
        assert_eq!(app.app.sockets().count(), 0);
        // It is as good as any.
        let mut events = Events::of(streams::post(&app, "/graphql/stream", &mutation, json!({}))).await;
        assert_eq!(
            events.next_data().await["createOrganization"],
            json!({ "organization": { "code": "X1" }, "userErrors": [] })
        );
        assert_eq!(events.next().await.unwrap().name, "complete");
        // By its name too, now that it has one.
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(mutation.as_bytes()));
        let after = count().await;
        for path in ["/graphql", "/graphql/stream"] {
            let request = app
                .http()
                .get(format!("{}{path}?documentId=sha256:{hash}", app.url))
                .header("accept", EVENTS)
                .bearer_auth(admin.token().unwrap());
            assert_refused(admin.send(request).await, path);
        }
        assert_eq!(count().await, after);
        // What is no operation at all is told as one that fails.
        let url = url(&app, "/graphql/stream", "mutation { x }", &json!({}));
        let mut wrong = Events::of(event_source(&app, &url, None).bearer_auth(admin.token().unwrap())).await;
        let event = wrong.next().await.unwrap();
        assert_eq!(
            event.data["errors"][0]["extensions"]["code"], "BAD_REQUEST",
            "{event:?}"
        );
        assert_eq!(wrong.next().await.unwrap().name, "complete");
    }
);
