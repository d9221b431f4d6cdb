//! What a deployment may set.

use std::{net::SocketAddr, time::Duration};

use crate::kernel::secret::Secret;

/// `[telemetry]`
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// URL of a collector that takes OTLP over HTTP (protobuf), without `/v1/…`; nothing is exported where there is none.
    pub otlp_endpoint: Option<String>,
    /// Header fields that go with every export: `name=value`, separated by commas, values percent-encoded (OpenTelemetry
    /// specification, OTEL_EXPORTER_OTLP_HEADERS).
    pub otlp_headers: Option<Secret>,
    /// Of so many traces one is taken, from 0 to 1.
    pub traces: f64,
    /// Whether `traceparent` of callers is followed (W3C Trace Context); else every request begins a trace of its own.
    pub trust_parent: bool,
    /// How often figures are exported.
    pub metrics_interval: Duration,
    /// `service.name`
    pub service_name: String,
    /// `service.instance.id`: which of several replicas this is.
    pub instance: Option<String>,
    /// Where Prometheus finds `/metrics`; nowhere where it is not set.
    pub metrics_listen: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            otlp_headers: None,
            traces: 0.1,
            trust_parent: false,
            metrics_interval: Duration::from_secs(60),
            service_name: "zhibu".to_owned(),
            instance: None,
            metrics_listen: None,
        }
    }
}

/// The header fields of [`Settings::otlp_headers`].
///
/// # Errors
///
/// What is wrong with them, without saying what they are.
pub fn headers(text: &str) -> Result<http::HeaderMap, &'static str> {
    const FORM: &str = "must be header fields such as \"authorization=Bearer%20…,x-tenant=1\"";
    let mut headers = http::HeaderMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(FORM)?;
        // A form's decoding would make spaces of plus signs.
        let encoded = format!("v={}", value.trim().replace('+', "%2B"));
        let decoded = url::form_urlencoded::parse(encoded.as_bytes())
            .next()
            .ok_or(FORM)?
            .1;
        let name: http::HeaderName = name.trim().parse().map_err(|_| FORM)?;
        let mut value: http::HeaderValue = decoded.parse().map_err(|_| FORM)?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_fields_are_pairs_with_percent_encoded_values() {
        let fields = headers("authorization=Bearer%20a+b%3D, x-tenant = 1,").unwrap();
        assert_eq!(fields["authorization"], "Bearer a+b=");
        assert_eq!(fields["x-tenant"], "1");
        assert!(fields["authorization"].is_sensitive());
        for wrong in ["authorization", "a b=1", "x=%0A"] {
            assert!(headers(wrong).is_err(), "{wrong}");
        }
    }
}
