//! Who we are to a platform: a fixed field, a token, or a signature.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use serde_json::value::RawValue;
use sha2::Sha256;
use tokio::sync::Mutex;
use url::Url;

use super::{Exchange, json, target};
use crate::{
    kernel::secret::Secret,
    platform::{
        model::PullFault,
        port::PlatformError,
        settings::{Auth, Signing},
    },
};

/// A token that says nothing of its end is taken to last so long.
const TOKEN_LASTS: i64 = 300;
/// So long before its end a token is not used any more; of a short one, a tenth of it.
const MARGIN: TimeDelta = TimeDelta::seconds(60);

/// Makes the header fields that requests carry.
pub(super) struct Access {
    auth: Auth,
    /// Held while one is asked for: a platform is not asked for two.
    token: Mutex<Option<Token>>,
}

struct Token {
    field: HeaderValue,
    until: DateTime<Utc>,
}

impl Access {
    pub(super) fn new(auth: Auth) -> Self {
        Self {
            auth,
            token: Mutex::new(None),
        }
    }

    /// The fields of a GET.
    pub(super) async fn fields(&self, exchange: &Exchange, url: &Url) -> Result<HeaderMap, PlatformError> {
        let mut fields = HeaderMap::new();
        match &self.auth {
            Auth::None => {}
            Auth::Header { name, value } => {
                fields.insert(name, secret_field(value.expose())?);
            }
            Auth::Hmac(signing) => sign(signing, url, exchange.clock.machine(), &mut fields)?,
            Auth::ClientCredentials {
                token_url,
                client_id,
                client_secret,
                scope,
            } => {
                let mut token = self.token.lock().await;
                let now = exchange.clock.machine();
                let field = match &*token {
                    Some(token) if token.until > now => token.field.clone(),
                    _ => {
                        let scope = scope.as_deref();
                        let new = ask_for_token(exchange, token_url, client_id, client_secret, scope).await?;
                        token.insert(new).field.clone()
                    }
                };
                fields.insert(AUTHORIZATION, field);
            }
        }
        Ok(fields)
    }

    /// Forgets the token that was not taken; whether there may be another.
    pub(super) async fn forget(&self) -> bool {
        self.token.lock().await.take().is_some()
    }
}

fn secret_field(value: &str) -> Result<HeaderValue, PullFault> {
    let mut field = HeaderValue::from_str(value).map_err(|_| PullFault::Unauthorized)?;
    field.set_sensitive(true);
    Ok(field)
}

fn sign(signing: &Signing, url: &Url, now: DateTime<Utc>, fields: &mut HeaderMap) -> Result<(), PullFault> {
    let (path, query) = target(url);
    let timestamp = now.timestamp().to_string();
    // The timestamp last: nothing in a query is taken for a part.
    let signed = fill(
        &signing.signed,
        &[
            ("method", "GET"),
            ("path", path),
            ("query", query),
            ("timestamp", &timestamp),
        ],
    );
    let mut mac =
        Hmac::<Sha256>::new_from_slice(signing.key.expose()).map_err(|_| PullFault::Unauthorized)?;
    mac.update(signed.as_bytes());
    let signature = mac.finalize().into_bytes();
    let signature = match signing.base64 {
        true => STANDARD.encode(signature),
        false => hex::encode(signature),
    };
    fields.insert(&signing.signature_header, secret_field(&signature)?);
    fields.insert(&signing.timestamp_header, HeaderValue::from(now.timestamp()));
    if let Some((name, id)) = &signing.key_id {
        fields.insert(name, secret_field(id)?);
    }
    Ok(())
}

/// Puts each part in the place of its name in braces, in one pass: a part is never looked through for names.
fn fill(text: &str, parts: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let part = parts.iter().find(|(known, _)| *known == name);
        filled.push_str(part.map_or("", |(_, part)| part));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// RFC 6749, section 4.4.
async fn ask_for_token(
    exchange: &Exchange,
    url: &Url,
    client_id: &str,
    client_secret: &Secret,
    scope: Option<&str>,
) -> Result<Token, PlatformError> {
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", client_id),
        ("client_secret", client_secret.expose()),
    ];
    form.extend(scope.map(|scope| ("scope", scope)));
    let request = exchange.client.post(url.clone()).form(&form);
    let body = exchange.send(request).await.map_err(|error| match error.fault {
        // Its way to say that the client is not known (RFC 6749, section 5.2).
        PullFault::Status { status: 400 } => PullFault::Unauthorized.into(),
        _ => error,
    })?;
    let answer: &RawValue = json::parse(&body)?;
    let member = |name: &str| json::member(answer, name).and_then(json::word);
    let value = member("access_token").ok_or(PullFault::Unauthorized)?;
    let lasts = member("expires_in").and_then(|seconds| seconds.parse().ok());
    let lasts = TimeDelta::seconds(lasts.unwrap_or(TOKEN_LASTS).clamp(0, 365 * 86_400));
    Ok(Token {
        field: secret_field(&format!("Bearer {value}"))?,
        until: exchange.clock.machine() + lasts - MARGIN.min(lasts / 10),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::secret::SecretBytes;

    #[test]
    fn a_request_is_signed_as_the_settings_say() {
        let mut signing = Signing {
            key: SecretBytes::new(*b"key"),
            signed: "{method}\n{path}\n{query}\n{timestamp}".to_owned(),
            signature_header: http::HeaderName::from_static("x-signature"),
            timestamp_header: http::HeaderName::from_static("x-timestamp"),
            key_id: Some((http::HeaderName::from_static("x-key-id"), "zhibu".to_owned())),
            base64: false,
        };
        let url: Url = "https://example.org/api?page=1&q=%7Btimestamp%7D"
            .parse()
            .unwrap();
        let now: DateTime<Utc> = "2026-03-02T02:00:00Z".parse().unwrap();
        let mut fields = HeaderMap::new();
        sign(&signing, &url, now, &mut fields).unwrap();
        // printf 'GET\n/api\npage=1&q=%7Btimestamp%7D\n1772416800' | openssl dgst -sha256 -hmac key
        assert_eq!(
            fields["x-signature"],
            "70878826d275f1829ad25f1cdd76a2258cc3c02038a7180dd3bf23b0004403e5"
        );
        assert_eq!(fields["x-timestamp"], "1772416800");
        assert_eq!(fields["x-key-id"], "zhibu");
        assert!(fields["x-signature"].is_sensitive());
        signing.base64 = true;
        sign(&signing, &url, now, &mut fields).unwrap();
        assert_eq!(fields["x-signature"].len(), 44);
    }

    #[test]
    fn parts_are_filled_in_once() {
        let parts = [("path", "/{query}"), ("query", "a=1")];
        assert_eq!(fill("{path}?{query}!{other}", &parts), "/{query}?a=1!");
        assert_eq!(fill("plain", &parts), "plain");
    }
}
