//! `[telemetry]`: metrics and traces.

use std::time::Duration;

use super::{Secret, reader::Reader};
use crate::telemetry::{Settings, headers};

pub(super) fn read(reader: &mut Reader) -> Settings {
    let default = Settings::default();
    let within = |reader: &mut Reader, key: &str| {
        reader.get_checked(key, |text: &String| match text.chars().count() {
            1..=100 => Ok(()),
            _ => Err("must have 100 characters at most".to_owned()),
        })
    };
    Settings {
        otlp_endpoint: reader.get_checked("telemetry.otlp_endpoint", |endpoint: &String| {
            let url = url::Url::parse(endpoint).ok();
            let fits = url.is_some_and(|url| {
                let plain = url.username().is_empty() && url.password().is_none();
                matches!(url.scheme(), "http" | "https") && url.has_host() && plain && url.query().is_none()
            });
            match fits {
                true => Ok(()),
                false => Err("must be a URL such as \"http://127.0.0.1:4318\"; what it may not show goes into telemetry.otlp_headers".to_owned()),
            }
        }),
        otlp_headers: reader.get_checked("telemetry.otlp_headers", |given: &Secret| {
            headers(given.expose()).map(drop).map_err(str::to_owned)
        }),
        traces: reader
            .get_within("telemetry.traces", 0.0..=1.0, "between 0 and 1")
            .unwrap_or(default.traces),
        trust_parent: reader.get("telemetry.trust_parent").unwrap_or(default.trust_parent),
        metrics_interval: reader
            .get_within(
                "telemetry.metrics_interval",
                Duration::from_secs(1)..=Duration::from_secs(3600),
                "between \"1s\" and \"1h\"",
            )
            .unwrap_or(default.metrics_interval),
        service_name: within(reader, "telemetry.service_name").unwrap_or(default.service_name),
        instance: within(reader, "telemetry.instance"),
        metrics_listen: reader.get("telemetry.metrics_listen"),
    }
}
