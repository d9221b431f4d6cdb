//! `[sources.CODE.pull.auth]`: who we are to a platform.

use http::{HeaderName, HeaderValue};

use super::pull::url;
use crate::{
    config::{Secret, keys::Keys},
    kernel::secret::SecretBytes,
    platform::settings::{Auth, Signing},
};

/// What is signed unless the configuration says otherwise.
const SIGNED: &str = "{method}\n{path}\n{query}\n{timestamp}";
/// What may stand in braces there.
const PARTS: [&str; 4] = ["method", "path", "query", "timestamp"];

/// None where something is missing or wrong. Without the table there is no authentication.
pub(super) fn read(keys: &mut Keys<'_>, private: bool) -> Option<Auth> {
    if !keys.is_given() {
        return Some(Auth::None);
    }
    let kind = keys.required("kind", |kind: &String| match kind.as_str() {
        "header" | "client-credentials" | "hmac" => Ok(kind.clone()),
        _ => Err("must be \"header\", \"client-credentials\" or \"hmac\"".to_owned()),
    });
    match kind?.as_str() {
        "header" => header(keys),
        "hmac" => signing(keys),
        _ => client_credentials(keys, private),
    }
}

fn header(keys: &mut Keys<'_>) -> Option<Auth> {
    let name = keys.required("name", |text: &String| name(text));
    let value = keys.required("value", |value: &Secret| {
        HeaderValue::from_str(value.expose())
            .map(|_| value.clone())
            .map_err(|_| "must be what a header field can hold".to_owned())
    });
    Some(Auth::Header {
        name: name?,
        value: value?,
    })
}

fn client_credentials(keys: &mut Keys<'_>, private: bool) -> Option<Auth> {
    let token_url = keys.required("token_url", |text: &String| url(text, private));
    let client_id = keys.required("client_id", |id: &String| Ok(id.clone()));
    let client_secret = keys.required("client_secret", |secret: &Secret| Ok(secret.clone()));
    let scope = keys.get("scope");
    Some(Auth::ClientCredentials {
        token_url: token_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        scope,
    })
}

fn signing(keys: &mut Keys<'_>) -> Option<Auth> {
    let secret = keys.required("secret", |secret: &Secret| {
        Ok(SecretBytes::new(secret.expose().as_bytes()))
    });
    let signed = keys.read("signed", |text: &String| signed(text).map(|()| text.clone()));
    let base64 = keys.read("encoding", |encoding: &String| match encoding.as_str() {
        "hex" => Ok(false),
        "base64" => Ok(true),
        _ => Err("must be \"hex\" or \"base64\"".to_owned()),
    });
    let signature_header = keys.read("signature_header", |text: &String| name(text));
    let timestamp_header = keys.read("timestamp_header", |text: &String| name(text));
    let key_header = keys.read("key_header", |text: &String| name(text));
    let key_id = keys.read("key_id", |id: &String| {
        HeaderValue::from_str(id)
            .map(|_| id.clone())
            .map_err(|_| "must be what a header field can hold".to_owned())
    });
    Some(Auth::Hmac(Signing {
        key: secret?,
        signed: signed.unwrap_or_else(|| SIGNED.to_owned()),
        signature_header: signature_header.unwrap_or(HeaderName::from_static("x-signature")),
        timestamp_header: timestamp_header.unwrap_or(HeaderName::from_static("x-timestamp")),
        key_id: key_id.map(|id| (key_header.unwrap_or(HeaderName::from_static("x-key-id")), id)),
        base64: base64.unwrap_or(false),
    }))
}

fn name(text: &str) -> Result<HeaderName, String> {
    text.parse()
        .map_err(|_| "must be the name of a header field".to_owned())
}

/// Whether a text to be signed has only parts that there are, and the timestamp among them.
fn signed(text: &str) -> Result<(), String> {
    let mut parts = text
        .split('{')
        .skip(1)
        .map(|rest| rest.split_once('}').map(|(part, _)| part));
    let known = parts.all(|part| part.is_some_and(|part| PARTS.contains(&part)));
    match known && text.contains("{timestamp}") {
        true => Ok(()),
        false => Err(
            "must hold {timestamp}, and in braces nothing but method, path, query and timestamp".to_owned(),
        ),
    }
}
