//! What the service tells of itself: figures, traces, lines, and what must never be in any of them.

mod collector;
mod figures;
mod lines;
mod secrets;
mod traces;

use std::collections::BTreeMap;

use serde_json::json;
use zhibu::config::Config;

use crate::support::{TestDatabase, app::TestApp, branches::create};

use collector::Collector;

const VIEWER: &str = "{ viewer { role } }";
const BRANCHES: &str = "query Names { branches(first: 5) { nodes { code name } } }";

/// Figures are served, though not on a listener: a test asks the route.
fn served(config: &mut Config) {
    config.telemetry.metrics_listen = Some(([127, 0, 0, 1], 0).into());
}

/// Every request is traced and told to a collector.
fn traced(config: &mut Config, collector: &Collector) {
    config.telemetry.otlp_endpoint = Some(collector.url.clone());
    config.telemetry.traces = 1.0;
}

/// A service whose committee C1 has the branches B1 and B2.
async fn district(db: TestDatabase, change: impl FnOnce(&mut Config)) -> TestApp {
    let app = TestApp::with_config(db, change).await;
    app.plant_tree().await;
    for code in ["B1", "B2"] {
        create(&app, code, json!({})).await;
    }
    app
}

/// One reading of the figures.
struct Scrape {
    /// Kind by family.
    families: BTreeMap<String, String>,
    /// Value by series, as it stands in the text.
    series: BTreeMap<String, f64>,
    text: String,
}

impl Scrape {
    fn parse(text: String) -> Self {
        let mut families = BTreeMap::new();
        let mut series = BTreeMap::new();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("a kind");
                families.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').expect("a value");
                series.insert(name.to_owned(), value.parse().expect("a number"));
            }
        }
        Self {
            families,
            series,
            text,
        }
    }

    async fn of(app: &TestApp) -> Self {
        use tower::ServiceExt as _;
        let router = app
            .app
            .telemetry()
            .expect("telemetry")
            .scraped()
            .expect("a route");
        let request = http::Request::get("/metrics")
            .body(axum::body::Body::empty())
            .unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(
            response.headers()["content-type"],
            "text/plain; version=0.0.4; charset=utf-8"
        );
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        Self::parse(String::from_utf8(body.to_vec()).unwrap())
    }

    /// The sum of a family's series that have all these labels.
    fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of = |series: &str| {
            let rest = series.strip_prefix(name)?;
            (rest.is_empty() || rest.starts_with('{')).then_some(())?;
            labels.iter().all(|label| rest.contains(label)).then_some(())
        };
        let found = self.series.iter().filter(|(series, _)| of(series).is_some());
        found.map(|(_, value)| value).sum()
    }
}
